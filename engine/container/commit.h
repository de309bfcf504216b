/*
 * commit - a new image out of a container: its image's layers and one more with what it changed.
 *
 * Runs in pm; pm-transfer (engine/transfer/commit.h) makes the layer, so that it has its diff id and its recipe.
 * The config is the image's with what the container was made with, and --change applied. Of a container that does
 * not run the lock is held; a running one goes on, or is paused meanwhile.
 */
#ifndef PM_ENGINE_CONTAINER_COMMIT_H
#define PM_ENGINE_CONTAINER_COMMIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/container/container.h"
#include "engine/image/fetch.h"
#include "engine/image/pull.h"

struct pm_commit_options {
	const char *author, *message;
	const char *name; /* of the image, as the user gave it; NULL: none */
	const struct pm_strv *changes;
	bool docker;          /* manifest of Docker's schema 2 */
	bool include_volumes; /* the container's volumes become the image's */
	bool pause, squash;
};

/* ret_id: the image's. PM_E_USAGE for a bad change or name, before anything is read. */
int pm_container_commit(struct pm_engine *e, struct pm_container *c,
			const struct pm_commit_options *o, const struct pm_pull_progress *progress,
			char ret_id[65], struct pm_err *err);

/* The layer alone: what container c changed, or with merged all it consists of, made in a new stage under the name "0".
 * mtime: what all of it has (ns since the epoch); NULL: its own. c does not run, or is left to. *ret_stage is to be dropped (pm_fetch_drop_stage) also after a failure; ret's strings
 * are the caller's. */
int pm_container_layer(struct pm_engine *e, const struct pm_container *c, bool merged,
		       const int64_t *mtime, const struct pm_pull_progress *progress, struct pm_stage **ret_stage,
		       struct pm_fetch_layer *ret, struct pm_err *err);

#endif
