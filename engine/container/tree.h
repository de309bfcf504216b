/*
 * tree - the directories that a container's or an image's files consist of: the container's upper and the layers
 * below, to be read as one tree without a mount (storage/merged.h), also while the container runs.
 *
 * Runs in pm; the descriptors are O_PATH, what is below may belong to subordinate ids: read it inside the
 * user namespace.
 */
#ifndef PM_ENGINE_CONTAINER_TREE_H
#define PM_ENGINE_CONTAINER_TREE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/container/container.h"

struct pm_tree {
	int *fds; /* top first; a container's upper is fds[0] */
	size_t n;
	struct pm_strv paths; /* of the same */
	bool container;       /* fds[0] is an upper */
	bool copied;          /* vfs: the upper is a whole copy, whatever lies below */
};

#define _cleanup_tree_ _cleanup_(pm_tree_close)

/* t must be zeroed; to be closed also after a failure. PM_E_UNSUPPORTED: a container of --rootfs, verb being what
 * cannot be done with it ("commit"); verb NULL: its tree is that directory. */
int pm_tree_of_container(struct pm_engine *e, const struct pm_container *c, const char *verb,
			 struct pm_tree *t, struct pm_err *err);
int pm_tree_of_image(struct pm_store *s, const char *id, struct pm_tree *t, struct pm_err *err);
void pm_tree_close(struct pm_tree *t);

/* Run fn(arg) in a child inside the user namespace that layers belong to; as pm_userns_run, with as many open files
 * as the hard limit allows. */
int pm_tree_run(struct pm_store *s, int (*fn)(void *arg, struct pm_err *err), void *arg,
		struct pm_err *err);

#endif
