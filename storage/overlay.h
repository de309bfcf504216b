/*
 * overlay - a container's root file system, put together from layers, at one mount point.
 *
 * Three methods. Native: the kernel's overlay (user namespaces: Linux 5.11). Fuse: the program
 * fuse-overlayfs serves it; it lives in a mount namespace of its own from before the mount was made,
 * so it ends by itself when the last namespace that has the mount is gone, and survives the one who
 * started it. Vfs: the layers are copied, once, into `upper`, which is bind-mounted.
 *
 * Layers hold whiteouts as character devices 0:0, or (where a device node could not be made) as empty
 * files with the xattr user.overlay.whiteout in a directory with user.overlay.opaque=x; opaque
 * directories by user.overlay.opaque=y.
 *
 * Libc-only. Runs in pm-monitor, inside its user namespace and its own mount namespace (made private
 * before); the mount needs no undoing: it goes with the namespace.
 */
#ifndef PM_STORAGE_OVERLAY_H
#define PM_STORAGE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum pm_overlay_method {
	PM_OVERLAY_NATIVE,
	PM_OVERLAY_FUSE,
	PM_OVERLAY_VFS,
};

/* Absolute paths, any bytes (also ':' and ','), all existing directories. */
struct pm_overlay {
	enum pm_overlay_method method;
	const char *const *lowers; /* layers' diff directories, bottom first; may be none with an
				      upper */
	size_t n_lowers;
	const char *upper; /* NULL: read-only */
	const char *work;  /* on upper's file system, empty or used for this upper before; NULL when
			      read-only */
	const char *target; /* mount point */
	bool volatile_;     /* no syncing: for --rm containers */
	/* The layers' files belong to whom this user namespace says (storage/idmapped.h). Native only; the caller is in a
	 * mount namespace of its own, where each layer is covered for a moment. */
	bool idmapped;
	int userns;
};

/* Mount it. *ret_pid (may be NULL) gets the pid of fuse-overlayfs, a child to be reaped, or 0.
 * PM_E_UNSUPPORTED when the kernel, /dev/fuse or the program cannot do it; the text says what is
 * missing. Mounted nodev: an image's device nodes are of no use, also to root's containers. */
int pm_overlay_mount(const struct pm_overlay *o, pid_t *ret_pid, struct pm_err *err);

/* Detach the mount at target. fuse-overlayfs then ends by itself. */
int pm_overlay_umount(const char *target, struct pm_err *err);

/* MS_* flags of the mount that path is on. A remount has to name them again: in a user namespace those
 * of the file system below are locked. */
unsigned long pm_overlay_flags_of(const char *path);

/* Can this kernel mount a native overlay with its upper in dir (a directory we may write), as an
 * unprivileged user in a user namespace, or as root where we are root? 1 yes, 0 no (*why, when not NULL,
 * gets the reason as the error text). Forks; leaves nothing. The caller may remember the answer
 * until reboot. */
int pm_overlay_probe(const char *dir, struct pm_err *why, struct pm_err *err);

/* The path of fuse-overlayfs when it and /dev/fuse are there (the caller frees), for choosing a
 * method; PM_E_UNSUPPORTED with the reason otherwise. */
int pm_overlay_find_fuse(char **ret, struct pm_err *err);

#endif
