/*
 * service - a service container: it has no image and does nothing, starts after the pods that name it, and ends when
 * none of them runs any more, so that its monitor is the main process of what systemd takes for one service
 * (kube play --service-container). Pods name it in their config. Runs in pm.
 */
#ifndef PM_ENGINE_POD_SERVICE_H
#define PM_ENGINE_POD_SERVICE_H

#include "engine/pod/pod.h"

/* Make it. PM_E_EXISTS: the name is taken. */
int pm_pod_service_create(struct pm_engine *e, const char *name, const struct pm_strv *create_command,
			  char ret_id[65], struct pm_err *err);

/* After the end or removal of a pod that names it: when no other runs it is ended, with exit code 1 where the pods'
 * service_exit and their containers' exit codes say so. When there is no pod at all it is removed. */
int pm_pod_service_look(struct pm_engine *e, const char *id, struct pm_err *err);

/* Remove it, running or not. A missing one is success. */
int pm_pod_service_remove(struct pm_engine *e, const char *name_or_id, struct pm_err *err);

#endif
