/*
 * checkpoint_import - a container made of a checkpoint that came from elsewhere, and restored: an archive
 * (checkpoint_archive.h), Podman's or pm's, or a checkpoint image.
 *
 * The archive is unpacked by pm-transfer's confined extractor. Names in it are not trusted: what is used of it are the
 * files of checkpoint_archive.h, looked up below the directory it was unpacked to; images of CRIU are regular files;
 * the configuration goes through checkpoint_config.h, which lets it grant nothing of the host. What CRIU's images
 * hold is processes' memory and rights: to restore them is to run their maker's program as root of the container,
 * with the capabilities they had. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_IMPORT_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_IMPORT_H

#include "engine/container/restore.h"

struct pm_checkpoint_source {
	const char *archive;  /* a file; or */
	const char *previous; /* with it: the archive of a --pre-checkpoint; NULL: none */
	const char *image_id; /* a checkpoint image */
};

/* Is name an image of the store that is a checkpoint: 1, and its id. 0: no. */
int pm_checkpoint_image_find(struct pm_engine *e, const char *name, char ret_id[65]);

/* c must be init'ed. The container is gone again after a failure. PM_E_EXISTS: its name or id is taken; PM_E_NOSUCH: its
 * image is not in the store; PM_E_FORMAT: no checkpoint; PM_E_UNSUPPORTED: it wants what an archive may not grant. */
int pm_checkpoint_import(struct pm_engine *e, const struct pm_checkpoint_source *from,
			 const struct pm_restore_options *o, struct pm_container *c,
			 struct pm_restore_report *ret, struct pm_err *err);

#endif
