/*
 * fetch - pm's end of the talk with pm-transfer (engine/transfer/protocol.h): starts it, answers which layers the
 * store lacks while holding their locks, and commits each image that is complete.
 *
 * Runs in pm; used by pull, load, import and commit. While it runs SIGINT, SIGTERM and SIGHUP are taken from a
 * signalfd: on one of them, as on any failure, pm-transfer is ended and the stage removed. Waiting for
 * another process's layer lock happens with the signals' own dispositions, when nothing is staged yet.
 */
#ifndef PM_ENGINE_IMAGE_FETCH_H
#define PM_ENGINE_IMAGE_FETCH_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"
#include "engine/image/pull.h"
#include "storage/image.h"

/* Told of each image after its commit; names may be empty. */
typedef void pm_fetch_stored_fn(void *arg, const char *id, const struct pm_strv *names);

/* Run one request to its end. request holds op and what belongs to it (not "fds"); input: a descriptor to
 * send along or -1; with_stage: pm-transfer needs a directory for temporary files. */
int pm_fetch_images(struct pm_store *store, struct pm_wire *request, int input, bool with_stage,
		    const struct pm_pull_progress *progress, pm_fetch_stored_fn *stored, void *arg,
		    struct pm_err *err);

/* One extracted layer, for import and commit. */
struct pm_fetch_layer {
	char *diff_id, *blob;
	int64_t blob_size, stream_size;
};

/* Make a layer in stage (its layer directory name) by request, which holds op and what belongs to it (not
 * "fds"); input: a descriptor to send along, or -1. Frees nothing of *stage on failure: that is
 * pm_fetch_drop_stage's. The strings of *ret are the caller's to free. */
int pm_fetch_layer(struct pm_store *store, struct pm_stage *stage, const char *name,
		   struct pm_wire *request, int input,
		   const struct pm_pull_progress *progress, struct pm_fetch_layer *ret,
		   struct pm_err *err);

/* Remove a stage with all it holds, in the user namespace where that is needed. Sets *stage to NULL. */
void pm_fetch_drop_stage(struct pm_store *store, struct pm_stage **stage);

#endif
