/*
 * checkpoint - can containers be written to disk and restored here? It takes root, CRIU and a runtime that was built with it;
 * each that is missing is named. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_H

#include "base/err.h"
#include "engine/engine.h"

/* PM_E_UNSUPPORTED with the first reason why not; verb is "checkpoint" or "restore". */
int pm_checkpoint_check(struct pm_engine *e, const char *verb, struct pm_err *err);

#endif
