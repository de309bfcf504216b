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

#include "base/err.h"

/* Merge the directory src over dst (both open for reading); dst's entries win nothing. */
int pm_vfs_apply(int src, int dst, struct pm_err *err);

/* Apply n layers' directories, bottom first, to the existing directory dst. */
int pm_vfs_populate(const char *const *layers, size_t n, const char *dst, struct pm_err *err);

#endif
