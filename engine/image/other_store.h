/*
 * other_store - stores besides this one that containers-storage:[DRIVER@ROOT+RUNROOT]IMAGE names: another one of pm,
 * or one that Podman wrote (engine/transfer/cstorage.h).
 *
 * Images are taken out of another store of pm without changing or locking it: layers are made again from their
 * recipes and proved by their diff ids, so an image that is removed meanwhile fails the copy and no more. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_OTHER_STORE_H
#define PM_ENGINE_IMAGE_OTHER_STORE_H

#include "base/err.h"
#include "engine/image/fetch.h"
#include "engine/image/pull.h"
#include "engine/image/storage_ref.h"
#include "storage/store.h"

/* ref names this very store by its directory. */
bool pm_other_store_is_this(const struct pm_store *store, const struct pm_storage_ref *ref);
/* A store of pm is there. */
bool pm_other_store_is_pm(const struct pm_storage_ref *ref);

/* Open it to write to; create: made when there is none, PM_E_NOSUCH otherwise. runroot and driver are store's unless ref has them. PM_E_UNSUPPORTED:
 * Podman keeps its own there. */
int pm_other_store_open(const struct pm_store *store, const struct pm_storage_ref *ref, bool create,
			struct pm_store **ret, struct pm_err *err);

/* Pull ref->image of that store of pm ("": all images) into store. store_as: the name it gets instead of those that
 * it has (NULL). */
int pm_other_store_pull(struct pm_store *store, const struct pm_storage_ref *ref,
			const char *store_as, const struct pm_pull_progress *progress,
			pm_fetch_stored_fn *stored, void *arg, struct pm_err *err);

#endif
