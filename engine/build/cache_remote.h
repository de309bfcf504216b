/*
 * cache_remote - steps of builds in registries (--cache-from, --cache-to): the image of a step is pushed to REPOSITORY under
 * its key (engine/build/cache.h) as the tag, and pulled from there by whoever comes to the same key.
 *
 * A key names all that a step depends on, but what a registry has under it is the registry's word: who names one trusts it
 * as the source of images. An image that does not continue the one below is not taken. Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_CACHE_REMOTE_H
#define PM_ENGINE_BUILD_CACHE_REMOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/image/pull.h"
#include "storage/store.h"

/* A repository without tag: PM_E_USAGE. */
int pm_cache_check_name(const char *option, const char *repository, struct pm_err *err);

/* 1: the first repository that has it; ret_id is the image, stored without a name, *ret_from what was pulled (the caller
 * frees). 0: none has. What goes wrong but for a signal's end is told as a warning and counts as none.
 * below: the image that the step is done on, "": nothing. */
int pm_cache_pull(struct pm_store *s, const struct pm_strv *repositories, const char *key, const char *below,
		  const struct pm_pull_options *how, char ret_id[65], char **ret_from, struct pm_err *err);
/* To each of them. */
int pm_cache_push(struct pm_store *s, const struct pm_strv *repositories, const char *key, const char *id,
		  const struct pm_pull_options *how, struct pm_err *err);

#endif
