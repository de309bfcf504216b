/*
 * mounts - the mounts of a container that take more than the runtime's bind mount: overlays over a volume or a
 * directory (option O), images, parts of volumes and images (subpath), files with other owners
 * (idmap).
 *
 * The monitor mounts them on directories below containers/<id>/userdata/mnt (storage/volume_mount.h), from where
 * the runtime binds them. What is changed in an overlay without an upperdir of the user's is thrown away at the
 * next start, with that directory. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_MOUNTS_H
#define PM_ENGINE_CONTAINER_MOUNTS_H

#include "engine/container/container.h"
#include "storage/volume_mount.h"

/* Does m need preparing? */
bool pm_mount_is_prepared(const struct pm_ctr_mount *m);

/* Check m's options of the kind "O", "upperdir=", "workdir=" (they are taken out of what the runtime gets by
 * engine/spec). PM_E_USAGE. */
int pm_mount_check(const struct pm_ctr_mount *m, struct pm_err *err);

/* m's option idmap, if it has one: the same errors. */
int pm_mount_check_idmap(const struct pm_ctr_config *k, const struct pm_ctr_mount *m, struct pm_err *err);

/* Append to l that source is mounted at target with other owners: value is the option idmap's, NULL for the ids of the
 * container k. PM_E_USAGE; PM_E_UNSUPPORTED for who is not root. */
int pm_mounts_add_idmap(const struct pm_ctr_config *k, const char *source, const char *target, const char *value,
			struct pm_volume_mounts *l, struct pm_err *err);

/* Make the directories and append to l what the monitor has to mount, after the volumes. ret_sources: one path for
 * each of c's mounts, "" where its own source is right. */
int pm_mounts_prepare(struct pm_engine *e, const struct pm_container *c, struct pm_volume_mounts *l,
		      struct pm_strv *ret_sources, struct pm_err *err);

#endif
