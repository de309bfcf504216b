/*
 * volume_mount - file systems put onto directories of the store: volumes with mount options, volumes
 * and mounts of images, overlays over host directories, parts of volumes.
 *
 * They are mounted by whoever needs them in a mount namespace of its own (the monitor, cp, export) and
 * go with it: nothing counts references, nothing is unmounted after a crash. What a second container
 * must see as well (a tmpfs, an overlay with an upper) is not mounted again but taken from the mount
 * namespace of the first: `from`. Libc-only; runs inside the user namespace.
 */
#ifndef PM_STORAGE_VOLUME_MOUNT_H
#define PM_STORAGE_VOLUME_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"
#include "storage/overlay.h"

struct pm_volume_mount {
	char *target;  /* absolute; a directory, made by the caller (subpath: file or directory, made here) */
	/* "overlay": lowers, upper, work; "subpath": what device has at subpath; "idmap": device with other owners, options being
	 * "uids=FILE:HOST:LENGTH" and "gids=..."; "bind"; "tmpfs"; else the
	 * kernel's name of a file system. */
	char *type;
	char *device;  /* what the type wants */
	char *subpath; /* symlinks stay inside device; NULL: none */
	struct pm_strv options; /* "nodev", "size=1m", ...: as mount(8)'s -o */
	enum pm_overlay_method method;
	struct pm_strv lowers; /* bottom first */
	char *upper, *work;
	int64_t own_upper; /* 1: upper is new, nobody's: it gets owner and mode of the topmost lower */
	int64_t from, from_start; /* a process in whose mount namespace target is mounted; 0: none */
};

struct pm_volume_mounts {
	struct pm_volume_mount *v; /* owned */
	size_t n;
};

#define _cleanup_volume_mounts_ _cleanup_(pm_volume_mounts_free)

void pm_volume_mounts_free(struct pm_volume_mounts *l);
/* A zeroed one at the end: valid until the next call. */
struct pm_volume_mount *pm_volume_mounts_add(struct pm_volume_mounts *l);
/* prefix: of the entries' names. decode: PM_E_FORMAT; *l is to be freed also then. */
void pm_volume_mounts_encode(const struct pm_volume_mounts *l, const char *prefix, struct pm_wire *w);
int pm_volume_mounts_decode(const struct pm_wire *w, const char *prefix, struct pm_volume_mounts *l,
			    struct pm_err *err);

/* Mount them in their order. The error names the target. */
int pm_volume_mount_all(const struct pm_volume_mounts *l, struct pm_err *err);
/* Detach what pm_volume_mount_all mounted, last first. */
void pm_volume_umount_all(const struct pm_volume_mounts *l);

/* Can the words of -o be understood? The kernel's own (size=, mode=) are not looked at. PM_E_USAGE. */
int pm_mount_words_check(const struct pm_strv *words, struct pm_err *err);

/* The mount at path in the mount namespace of process pid, as a descriptor of a detached copy of it
 * (open_tree(2)). -ENOENT when there is no mount. start: its start time, 0: not looked at. */
int pm_mount_borrow(int64_t pid, int64_t start, const char *path, struct pm_err *err);
/* Mount that descriptor at path. */
int pm_mount_place(int tree, const char *path, struct pm_err *err);

#endif
