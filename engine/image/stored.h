/*
 * stored - an image of a store of pm as query's inspect tells of one elsewhere: what `skopeo inspect
 * containers-storage:...` shows. Reads rows only. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_STORED_H
#define PM_ENGINE_IMAGE_STORED_H

#include "base/err.h"
#include "engine/image/query.h"
#include "storage/store.h"

/* text: what follows "containers-storage:" (engine/image/storage_ref.h); of a manifest list *ret is the list and the
 * image for this platform. PM_E_NOSUCH; PM_E_UNSUPPORTED: a store of Podman's. */
int pm_stored_inspect(struct pm_store *store, const char *text, struct pm_remote_image *ret,
		      struct pm_err *err);

#endif
