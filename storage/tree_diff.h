/*
 * tree_diff - what changed from one tree of layers to another, or what a container's upper holds other than the
 * layers below it (storage/merged.h).
 *
 * Paths begin with '/', parents come before what is in them, names in order of bytes. A directory is changed when
 * anything in it is. Of two whole trees a file is changed when type, mode, owner, size, time (in
 * seconds, as layers' archives mostly have them), device or a symlink's target differ. Runs inside the user namespace.
 */
#ifndef PM_STORAGE_TREE_DIFF_H
#define PM_STORAGE_TREE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum pm_tree_change {
	PM_TREE_CHANGED,
	PM_TREE_ADDED,
	PM_TREE_DELETED,
};

typedef int pm_tree_diff_fn(void *arg, enum pm_tree_change what, const char *path,
			    struct pm_err *err);

struct pm_tree_diff {
	const int *from, *to; /* directories, top first (borrowed) */
	size_t n_from, n_to;
	bool upper; /* to is one directory with whiteouts, that lies on from */
};

int pm_tree_diff(const struct pm_tree_diff *d, pm_tree_diff_fn *fn, void *arg, struct pm_err *err);

#endif
