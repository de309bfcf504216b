/*
 * create - from what the user asked for and an image to a container's row, config and directories.
 *
 * Nothing is started. On failure nothing stays: volumes made for the container, its directory and
 * its row are taken back. Runs in pm, outside of the user namespace.
 */
#ifndef PM_ENGINE_CONTAINER_CREATE_H
#define PM_ENGINE_CONTAINER_CREATE_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/container/container.h"
#include "storage/pod.h"

struct pm_create_options {
	const char *image_id;   /* hex; NULL with config.rootfs */
	bool user_entrypoint;   /* --entrypoint was given, maybe empty */
	const char *id;         /* what it is to be, PM_E_EXISTS when a container has it; NULL: made up */
	bool starting;          /* the row is written as running: `run` starts it at once */
	const struct pm_strv *unsetenv; /* --unsetenv: names the image does not set; NULL: none */
	bool unsetenv_all;      /* nothing of the image's environment is taken */
	const struct pm_strv *env_merge; /* --env-merge: NAME=WORD, expanded from the image's; NULL: none */
	bool replace;           /* --replace: remove a container of that name first */
	struct pm_pod_row *with_pod; /* an infra container: this pod's row is inserted with it, in one
				* transaction, and gets its id as infra; NULL: no */
};

/* c is init'ed and c->config holds the user's part: everything but id, created, and what the image
 * brings; image and raw_image_name are set. On success c is complete, as after pm_container_load, and the
 * container's directory exists.
 * PM_E_EXISTS: the name is taken. PM_E_USAGE, PM_E_NOSUCH: the options name what is not there. */
int pm_container_create(struct pm_engine *e, struct pm_container *c,
			const struct pm_create_options *o, struct pm_err *err);

/* NAME=VALUE strings as the object that rows keep. */
struct pm_json *pm_ctr_labels_tree(struct pm_json_pool *pool, const struct pm_strv *labels);
/* Published ports as the array that rows and archives of checkpoints keep; names are Podman's. */
struct pm_json *pm_ctr_ports_tree(struct pm_json_pool *pool, const struct pm_ctr_config *c);

/* The image's layers as paths of their diff directories, bottom first, appended to ret. */
int pm_container_lowers(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
			struct pm_err *err);

#endif
