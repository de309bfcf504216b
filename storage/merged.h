/*
 * merged - directories of layers read as one tree, without a mount: what the overlay would show.
 *
 * Layers are given top first. Whiteouts (character devices 0:0, empty files with user.overlay.whiteout
 * in directories marked 'x', files .wh.NAME of fuse-overlayfs) and opaque directories are applied; in raw
 * mode, for one layer, they are listed instead. Entries are sorted by name (bytes), so that two trees can be walked
 * side by side. Nothing is followed: a symlink is an entry. Who reads files of subordinate ids
 * must be inside the user namespace. A tree that a container changes meanwhile may show either state.
 */
#ifndef PM_STORAGE_MERGED_H
#define PM_STORAGE_MERGED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum { PM_MERGED_DEPTH_MAX = 1000 }; /* directories within directories; deeper is ELOOP */

struct pm_merged_entry {
	const char *name; /* the directory's */
	unsigned int layer; /* index of the one that has it */
	unsigned int end;   /* layers from here on are hidden by it */
	bool is_dir;
	bool whiteout; /* raw mode only */
};

struct pm_merged_dir {
	int *fds; /* by layer, -1: it has no such directory; owned */
	size_t n;
	bool raw;
	bool opaque; /* the topmost is */
	unsigned int depth;
	struct pm_merged_entry *entries; /* owned */
	size_t n_entries;
	struct pm_strv names; /* what entries point to */
};

#define _cleanup_merged_ _cleanup_(pm_merged_close)

/* The root. layers: directories, top first (borrowed: each is opened anew). *ret is to be closed also
 * after a failure. */
int pm_merged_open(const int *layers, size_t n, bool raw, struct pm_merged_dir *ret,
		   struct pm_err *err);
/* The directory e of d. */
int pm_merged_sub(const struct pm_merged_dir *d, const struct pm_merged_entry *e,
		  struct pm_merged_dir *ret, struct pm_err *err);
void pm_merged_close(struct pm_merged_dir *d);

/* For *at() calls on entry e. */
static inline int pm_merged_fd(const struct pm_merged_dir *d, const struct pm_merged_entry *e)
{
	return d->fds[e->layer];
}
/* The topmost directory's descriptor, for its own attributes. */
int pm_merged_self(const struct pm_merged_dir *d);
/* NULL when there is none of that name. */
const struct pm_merged_entry *pm_merged_find(const struct pm_merged_dir *d, const char *name);

#endif
