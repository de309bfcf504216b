/*
 * checkpoint - whether containers can be written to disk and restored here. It takes root, CRIU, and
 * a runtime that was built with it; pm itself does not do it yet. What is missing is named, first
 * things first. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_H

#include "base/err.h"
#include "engine/engine.h"

/* Always PM_E_UNSUPPORTED, with the first reason why. verb: "checkpointing" or "restoring". */
int pm_checkpoint_refuse(struct pm_engine *e, const char *verb, struct pm_err *err);

#endif
