/*
 * volume plan - what has to be mounted before a volume's _data holds what the volume is: nothing for a plain
 * one, a file system for one with mount options, an overlay for one made of an image.
 *
 * Who uses such volumes mounts them in a mount namespace of its own (storage/volume_mount.h); what another
 * running container has mounted already is shared with that. From the look at the others until the
 * new one's state can be seen, the volumes' locks are held. Runs in pm.
 */
#ifndef PM_ENGINE_VOLUME_PLAN_H
#define PM_ENGINE_VOLUME_PLAN_H

#include "base/err.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "storage/volume.h"
#include "storage/volume_mount.h"

struct pm_volume_locks {
	int *fds;
	size_t n;
};
void pm_volume_locks_free(struct pm_volume_locks *l);
#define _cleanup_volume_locks_ _cleanup_(pm_volume_locks_free)

/* Append what volume row needs to l. 1: something, 0: nothing. */
int pm_volume_plan(struct pm_engine *e, const struct pm_volume_row *row, struct pm_volume_mounts *l,
		   struct pm_err *err);

/* The same for all volumes of container c, with locks where something is shared. */
int pm_volume_plan_container(struct pm_engine *e, const struct pm_container *c,
			     struct pm_volume_mounts *l, struct pm_volume_locks *locks,
			     struct pm_err *err);

#endif
