/*
 * rootfs - a read-only view of a container's root file system while it is not mounted: its upper
 * directory over the image's layers, as overlayfs would merge them.
 *
 * Whiteouts (character device 0:0, or a file with user.overlay.whiteout) hide what lies below, opaque
 * directories (user.overlay.opaque or trusted.overlay.opaque = "y") end the search. Symlinks are
 * followed within the view, each component looked up anew through all layers, at most 40 of them.
 * Only regular files are read; a FIFO or device never blocks. Nothing is written. Runs in pm,
 * outside of the user namespace; a file that its mode hides from the user is EACCES.
 */
#ifndef PM_ENGINE_SPEC_ROOTFS_H
#define PM_ENGINE_SPEC_ROOTFS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* dirs[0] is the topmost (the container's upper, or the root itself with --rootfs, or /proc/PID/root
 * of a running container). Descriptors (O_PATH or O_RDONLY) stay the caller's. */
struct pm_rootfs_view {
	const int *dirs;
	size_t n_dirs;
};

/* The regular file at path, at most max bytes. ENOENT when it is nowhere, PM_E_FORMAT when it is no
 * regular file, EFBIG beyond max, ELOOP. */
int pm_rootfs_read(const struct pm_rootfs_view *view, const char *path, size_t max,
		   struct pm_buf *out, struct pm_err *err);

/* Type of what path leads to (S_IFDIR, S_IFREG, ...; symlinks followed). ENOENT when nowhere. */
int pm_rootfs_type(const struct pm_rootfs_view *view, const char *path, mode_t *ret,
		   struct pm_err *err);

/* Path with all symlinks resolved as far as it exists, what is missing appended as is; absolute,
 * without "..". The caller frees *ret. */
int pm_rootfs_resolve(const struct pm_rootfs_view *view, const char *path, char **ret,
		      struct pm_err *err);

#endif
