/*
 * view - a directory of the store with what belongs mounted in it, as a descriptor: a volume, or the root of a
 * container that does not run.
 *
 * A process is forked which enters the user namespace, makes a mount namespace of its own, mounts there,
 * and sends the directory's descriptor. It stays until the view is closed, because the mounts go with the
 * namespace, and dies with pm. Runs in pm.
 */
#ifndef PM_ENGINE_VIEW_H
#define PM_ENGINE_VIEW_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "storage/overlay.h"
#include "storage/volume_mount.h"

/* A directory or file of the host to be seen at dest in the root; dest is made when missing. */
struct pm_view_bind {
	char *source, *dest;
	bool read_only;
};

/* Borrowed while pm_view_open runs. */
struct pm_view_spec {
	int userns; /* -1: none is entered */
	const struct pm_overlay *root;         /* mounted first; NULL: none */
	const struct pm_volume_mounts *mounts; /* then; NULL: none */
	const struct pm_view_bind *binds;      /* last, in this order */
	size_t n_binds;
	const char *dir; /* what is opened in the end */
};

struct pm_view {
	int dir;    /* O_PATH; -1 when closed */
	int holder; /* socket; its end ends the process */
	pid_t pid;  /* 0: none */
};

#define PM_VIEW_INIT {.dir = -1, .holder = -1}
#define _cleanup_view_ _cleanup_(pm_view_close)

int pm_view_open(const struct pm_view_spec *spec, struct pm_view *ret, struct pm_err *err);
void pm_view_close(struct pm_view *v);

#endif
