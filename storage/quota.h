/*
 * quota - limits of size and inodes of directories of the store: project quotas of XFS and ext4.
 *
 * A limited container (its upper and work) or volume (its _data) has a project of its own, a row in `projects`. The
 * kernel keeps limits and use by that number, for the whole file system: a number is taken only when the kernel knows
 * nothing of it, so that other stores and other programs are not disturbed. Directories get it before anything is in
 * them, and what is made below inherits it. A row goes after its limits: what a killed process left is found by
 * pm_quota_sweep. Only root of the host can set projects and limits. Runs in pm.
 */
#ifndef PM_STORAGE_QUOTA_H
#define PM_STORAGE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "storage/store.h"

/* A word "size=1g" or "inodes=10k" of an option (powers of 1024; 0: no limit): 1 when it is one, 0 when it is another
 * word. PM_E_USAGE. */
int pm_quota_word(const char *word, struct pm_quota *q, struct pm_err *err);

static inline bool pm_quota_limits(const struct pm_quota *q)
{
	return q->size > 0 || q->inodes > 0;
}

/* Does the file system of this kind's objects enforce project quotas, and may we set them? PM_E_UNSUPPORTED says what
 * to mount with; place: where volumes lie elsewhere (storage/volume_place.h), else NULL; what: the limit that is asked for,
 * to begin the error. Sweeps. No transaction may be open. */
int pm_quota_prepare(struct pm_store *s, const char *kind, const char *place, const char *what,
		     struct pm_err *err);

/* Give the n empty directories dirs (absolute, or relative to the graph root) a project with these limits. kind ("volume",
 * "container") and name say whose, and who calls holds that lock. Joins a transaction of the caller's, else one of its
 * own. */
int pm_quota_give(struct pm_store *s, const char *kind, const char *name, const char *place,
		  const struct pm_quota *q, const char *const *dirs, size_t n, struct pm_err *err);

/* The object is gone, or was not made: its limits and its row go. No project: 0. */
int pm_quota_release(struct pm_store *s, const char *kind, const char *name, struct pm_err *err);

/* Release the projects whose objects have no row and are not being made. No transaction may be open. */
int pm_quota_sweep(struct pm_store *s, struct pm_err *err);
/* Release all, for a store that goes. */
int pm_quota_clear(struct pm_store *s, struct pm_err *err);

#endif
