/*
 * cp - files and directories between containers, the host, and tar streams.
 *
 * Both sides speak tar: the source is read by storage/tree_tar.h in a process inside of the source's user
 * namespace, the destination is written by pm-transfer's extractor, whose root directory is the
 * container's (engine/unpack.h). A container that exchanges directories and symlinks meanwhile leads neither out
 * of itself. Where things go is decided as Podman does (podman-cp(1)). Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CP_H
#define PM_ENGINE_CONTAINER_CP_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/container/container.h"

struct pm_cp_end {
	struct pm_container *c; /* NULL: the host */
	const char *path;       /* as given; on the host "-" is standard input or output */
};

struct pm_cp_options {
	bool keep_owner; /* owners as in the source; else the user of the container (or ours, on the host) */
	bool overwrite;  /* directories and other files may replace each other */
	bool pause;      /* running containers are paused meanwhile */
};

/* PM_E_NOSUCH: a path is not there; PM_E_USAGE: what cannot be copied so. */
int pm_container_cp(struct pm_engine *e, struct pm_cp_end *src, struct pm_cp_end *dst,
		    const struct pm_cp_options *o, struct pm_err *err);

#endif
