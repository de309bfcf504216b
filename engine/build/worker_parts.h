/*
 * worker_parts - what the modules of working containers share: worker.c (life, files, images), worker_run.c (commands).
 */
#ifndef PM_ENGINE_BUILD_WORKER_PARTS_H
#define PM_ENGINE_BUILD_WORKER_PARTS_H

#include "engine/build/worker.h"

/* Its files are other than its base's from now on, or may be. */
void pm_worker_mark_used(struct pm_worker *w);

/* A copy of its own; to is init'ed. */
int pm_ctr_config_copy(const struct pm_ctr_config *from, struct pm_ctr_config *to, struct pm_err *err);

#endif
