/*
 * wait - waiting for the end of pods, or for a signal. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_WAIT_H
#define PM_ENGINE_KUBE_WAIT_H

#include "engine/kube/play.h"

/* Until none of the report's pods runs any more, or SIGINT, SIGTERM or SIGHUP comes. */
int pm_kube_wait(struct pm_engine *e, const struct pm_kube_report *report, struct pm_err *err);

#endif
