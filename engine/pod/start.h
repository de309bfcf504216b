/*
 * start - starting a pod's containers side by side. Runs in pm.
 */
#ifndef PM_ENGINE_POD_START_H
#define PM_ENGINE_POD_START_H

#include "engine/pod/pod.h"

/* Start those members of p that do not run; pod locked. They come in waves: each wave's monitors are all at
 * work before the first one is waited for; a container is in a wave after those it depends on. failed is
 * called for each that could not be started, and for those that depend on it. */
void pm_pod_start_members(struct pm_engine *e, struct pm_pod *p,
			  void (*failed)(void *arg, struct pm_err *err), void *arg);

#endif
