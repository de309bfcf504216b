/*
 * worker_parts - what the modules of working containers share: worker.c (life, files, images), worker_run.c (commands),
 * worker_layer.c (a layer of what it changed).
 */
#ifndef PM_ENGINE_BUILD_WORKER_PARTS_H
#define PM_ENGINE_BUILD_WORKER_PARTS_H

#include "engine/build/worker.h"
#include "engine/image/fetch.h"
#include "storage/stage.h"

/* Its files are other than its base's from now on, or may be. */
void pm_worker_mark_used(struct pm_worker *w);

/* worker_layer.c. 1: its changes are the layer "0" of a new stage now, moved there; 0: it has to be copied. The stage is to
 * be dropped also after a failure. */
int pm_worker_take_layer(struct pm_worker *w, struct pm_stage **ret_stage, struct pm_fetch_layer *ret,
			 struct pm_err *err);

/* A copy of its own; to is init'ed. */
int pm_ctr_config_copy(const struct pm_ctr_config *from, struct pm_ctr_config *to, struct pm_err *err);

#endif
