/*
 * diff - what a container changed of its image, an image of its parent layer, or one of them is other than another.
 *
 * Runs in pm; trees are read in a child inside the user namespace (engine/container/tree.h).
 */
#ifndef PM_ENGINE_CONTAINER_DIFF_H
#define PM_ENGINE_CONTAINER_DIFF_H

#include "base/buf.h"
#include "engine/engine.h"

/* What a name may mean. */
enum pm_diff_kind {
	PM_DIFF_ANY, /* a container, else an image */
	PM_DIFF_CONTAINER,
	PM_DIFF_IMAGE,
};

/* Changes in order, each as its letter ('A', 'C', 'D') and the path: "C/etc". Files that pm itself makes in a container
 * are left out. base NULL: what name lies on. PM_E_NOSUCH. */
int pm_diff(struct pm_engine *e, enum pm_diff_kind kind, const char *name, const char *base,
	    struct pm_strv *ret, struct pm_err *err);

#endif
