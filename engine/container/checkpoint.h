/*
 * checkpoint - whether containers can be written to disk and restored here. It takes root, CRIU that works with the
 * running kernel, and a runtime that was built with it; pm itself does not do it yet. What is missing is named, first
 * things first. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_H

#include "base/err.h"
#include "engine/container/config.h"
#include "engine/engine.h"

/* Always PM_E_UNSUPPORTED, with the first reason why. verb: "checkpointing" or "restoring"; k: the container's, whose
 * runtime it takes. NULL: the default one. */
int pm_checkpoint_refuse(struct pm_engine *e, const struct pm_ctr_config *k, const char *verb,
			 struct pm_err *err);

/* The reason in what `criu check` wrote on standard error: the text of its first "Error (FILE:LINE): ", which is cut
 * out of text (changed). NULL: there is none. */
const char *pm_checkpoint_criu_reason(char *text);

#endif
