/*
 * checkpoint_archive - a checkpoint as an archive that another host restores: Podman's format, version 4.
 *
 *	checkpoint/			CRIU's images
 *	pre-checkpoint/			instead of it, of --pre-checkpoint: nothing else is in such an archive
 *	config.dump			the container's configuration: Podman's members, and pm's own under "pm"
 *	spec.dump			the OCI configuration it ran with
 *	network.status			its addresses
 *	devshm-checkpoint.tar		/dev/shm
 *	rootfs-diff.tar, deleted.files	what it changed of its image; a JSON list of what it removed
 *	volumes/NAME.tar		the content of named volumes
 *	stats-dump, dump.log		CRIU's
 *
 * A checkpoint image is an image of one layer with the same files, and annotations that tell of the host. What comes in
 * is checkpoint_import.h. Runs in pm; pm-transfer compresses.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_ARCHIVE_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_ARCHIVE_H

#include "engine/container/checkpoint.h"

#define PM_CHECKPOINT_CONFIG "config.dump"
#define PM_CHECKPOINT_SPEC "spec.dump"
#define PM_CHECKPOINT_ROOTFS "rootfs-diff.tar"
#define PM_CHECKPOINT_DELETED "deleted.files"
#define PM_CHECKPOINT_VOLUMES "volumes"
/* Its name is what tells a checkpoint image. */
#define PM_CHECKPOINT_ANNOTATION "io.podman.annotations.checkpoint."

/* The file that an archive is written to: under another name until it is complete. */
struct pm_checkpoint_target {
	const char *path;
	char *temporary; /* NULL: written in place (a device, a pipe) */
	int fd;
};
#define PM_CHECKPOINT_TARGET_INIT {.fd = -1}
#define _cleanup_checkpoint_target_ _cleanup_(pm_checkpoint_target_close)
int pm_checkpoint_target_open(const char *path, struct pm_checkpoint_target *ret, struct pm_err *err);
void pm_checkpoint_target_close(struct pm_checkpoint_target *t);

/* The checkpoint of container c, whose directory is dir, into t. The container has ended, or goes on. */
int pm_checkpoint_export(struct pm_engine *e, struct pm_container *c, int dir,
			 const struct pm_checkpoint_options *o, struct pm_checkpoint_target *t,
			 struct pm_err *err);
/* The same as image o->image. */
int pm_checkpoint_image(struct pm_engine *e, struct pm_container *c, int dir,
			const struct pm_checkpoint_options *o, struct pm_err *err);

/* NetworkSettings.Networks as Podman writes network.status: {"NET": {"interfaces": {"eth0": {"subnets":
 * [{"ipnet": "10.88.0.2/16", "gateway": ...}], "mac_address": ...}}}}. The pool's. */
struct pm_json *pm_checkpoint_network_status(struct pm_json_pool *pool, const struct pm_json *networks);

#endif
