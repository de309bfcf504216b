/*
 * root - the files of a container as a directory's descriptor, whether it runs or not.
 *
 * Of a running one: its own root, with all that is mounted there. Of one that does not run: its root file
 * system mounted afresh in a mount namespace that goes with this record, with the volumes and bind mounts of its
 * configuration (a tmpfs has nothing to show), under the container's lock, so that nobody starts it
 * meanwhile. Paths below are for openat2(2) with RESOLVE_IN_ROOT (pm_fs_open_in), by a process inside of the
 * user namespace; nothing there is executed, loaded or trusted. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_ROOT_H
#define PM_ENGINE_CONTAINER_ROOT_H

#include "engine/container/container.h"
#include "engine/view.h"
#include "engine/volume/plan.h"

struct pm_ctr_root {
	int dir;        /* O_PATH; view's */
	int userns;     /* to enter before looking below dir; -1: none */
	bool single_id; /* that namespace maps one id only */
	bool running;
	struct pm_view view;
	int lock;
	struct pm_volume_locks volumes;
};

#define PM_CTR_ROOT_INIT {.dir = -1, .userns = -1, .view = PM_VIEW_INIT, .lock = -1}
#define _cleanup_ctr_root_ _cleanup_(pm_ctr_root_close)

/* ret must be PM_CTR_ROOT_INIT; close it also after a failure. c->state is read anew. */
int pm_ctr_root_open(struct pm_engine *e, struct pm_container *c, struct pm_ctr_root *ret,
		     struct pm_err *err);
void pm_ctr_root_close(struct pm_ctr_root *r);

#endif
