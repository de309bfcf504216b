/*
 * vfs - copying a layer's tree onto another: what the overlay does, done with files.
 *
 * Keeps owners, modes, times (ns), xattrs, hard links, devices, sparse files and symlinks; applies
 * whiteouts and opaque directories (storage/overlay.h) and leaves their marks out. Never follows a symlink of
 * either tree, never leaves them. Libc-only; runs inside the user namespace, so that owners can be
 * set.
 */
#ifndef PM_STORAGE_VFS_H
#define PM_STORAGE_VFS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Merge the directory src over dst (both open for reading); dst's entries win nothing. */
int pm_vfs_apply(int src, int dst, struct pm_err *err);

/* Whose files are whose in the copy: map changes the ids in place, or fails. */
struct pm_vfs_owners {
	int (*map)(void *arg, uid_t *uid, gid_t *gid, struct pm_err *err);
	void *arg;
};

/* Apply n layers' directories, bottom first, to the existing directory dst. owners may be NULL. */
int pm_vfs_populate(const char *const *layers, size_t n, const char *dst,
		    const struct pm_vfs_owners *owners, struct pm_err *err);

#endif
