/*
 * untar - extract a layer's tar stream into a directory, whatever the archive says.
 *
 * Nothing outside of the directory is read, made or changed: names are made relative to it, ".."
 * cannot pass it, symlinks are followed as if it were "/" (openat2 RESOLVE_IN_ROOT), hard links
 * reach only what is inside. A later entry replaces an earlier one of the same name; a directory
 * stays when it is again a directory. Whiteouts of the OCI image specification ("Layer" section)
 * become overlay's: .wh.NAME a character device 0:0, .wh..wh..opq the xattr user.overlay.opaque=y.
 * xattrs: user.* (but those that overlay and fuse-overlayfs keep for themselves),
 * security.capability, and POSIX ACLs where the file system takes them; never trusted.*.
 *
 * rootfd may also be the root of a running container, whose processes rearrange it meanwhile. A file
 * that is a mount point there is written in place.
 *
 * Runs in the extractor, inside the user namespace where there is one; the process's umask must be
 * 0. Not synced: the caller does (syncfs) before it commits.
 */
#ifndef PM_STORAGE_UNTAR_H
#define PM_STORAGE_UNTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "storage/vfs.h"

enum pm_whiteout_form {
	PM_WHITEOUT_DEVICE, /* character device 0:0 (Linux 5.8 makes them without privilege) */
	PM_WHITEOUT_FILE,   /* kept as empty .wh.NAME files, which fuse-overlayfs reads */
	PM_WHITEOUT_NONE,   /* no layer: .wh.NAME is a name as any other */
};

struct pm_untar_opts {
	int rootfd; /* the layer's directory; borrowed until pm_untar_free */
	enum pm_whiteout_form whiteouts;
	bool keep_owner;      /* false: single-id mapping, all files belong to the caller */
	bool devices;         /* make device nodes (real root only); false: skipped and counted */
	/* Entries go below this directory of rootfd, which exists and keeps its own owner and mode;
	 * symlinks are still followed as if rootfd were "/". NULL: rootfd itself. Borrowed. */
	const char *below;
	bool set_owner; /* every entry gets uid and gid, not the archive's; with keep_owner only */
	uid_t uid;
	gid_t gid;
	const struct pm_vfs_owners *owners; /* changes the ids before they are set; NULL: nothing does. Borrowed */
	bool keep_kinds; /* a directory is not replaced by something else, nor the other way round:
			    EISDIR, ENOTDIR */
	uint64_t max_entries; /* 0: 10 million */
	uint64_t max_bytes;   /* of file content; 0: what the file system has free at the start */
	int recipe;           /* an empty file for the layer's recipe (storage/recipe.h), borrowed; 0: none */
};

struct pm_untar_totals {
	uint64_t entries; /* in the archive, whiteouts included */
	uint64_t bytes;   /* of regular files' content, sparse files' holes not counted */
	uint64_t skipped_devices;
	uint64_t skipped_xattrs;
	bool has_root; /* the archive set mode and owner of the layer's own directory */
};

struct pm_untar;

int pm_untar_new(const struct pm_untar_opts *opts, struct pm_untar **ret, struct pm_err *err);
void pm_untar_free(struct pm_untar *u);

/* The next bytes of the tar stream. Content is written out before this returns. Malformed input is
 * PM_E_FORMAT; ids outside of the user namespace are EINVAL with a text that says what to do;
 * ENOSPC also when max_bytes is passed. */
int pm_untar_push(struct pm_untar *u, const void *data, size_t len, struct pm_err *err);

/* The stream has ended: complete the recipe, set directories' modes and times. */
int pm_untar_finish(struct pm_untar *u, struct pm_untar_totals *ret, struct pm_err *err);

#endif
