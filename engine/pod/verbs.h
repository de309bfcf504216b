/*
 * verbs - what is done to a pod as a whole: its containers at once, in the order of their dependencies.
 *
 * One container's failure does not keep the others: it is told to note (which may be NULL: then to the
 * log), and the verb's result is PM_E_STATE then. Each takes the pod's lock. Runs in pm.
 */
#ifndef PM_ENGINE_POD_VERBS_H
#define PM_ENGINE_POD_VERBS_H

#include "engine/pod/pod.h"

/* Where the failures of single containers go. */
struct pm_pod_notes {
	void (*note)(void *arg, struct pm_err *err); /* clears err */
	void *arg;
};

/* Infra container, init containers one after the other, then the others side by side, those that depend on
 * others after them. Containers that run already stay as they are. */
int pm_pod_start(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		 struct pm_err *err);
/* All at once, the infra container last. timeout: seconds, < 0: each one's own. */
int pm_pod_stop(struct pm_engine *e, const char *name, int timeout, const struct pm_pod_notes *notes,
		struct pm_err *err);
int pm_pod_restart(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		   struct pm_err *err);
/* The running ones get sig, the infra container too. */
int pm_pod_kill(struct pm_engine *e, const char *name, int sig, const struct pm_pod_notes *notes,
		struct pm_err *err);
int pm_pod_pause(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		 struct pm_err *err);
int pm_pod_unpause(struct pm_engine *e, const char *name, const struct pm_pod_notes *notes,
		   struct pm_err *err);
/* Containers, infra container and pod. PM_E_STATE when one of them runs and force is not set: nothing is
 * removed then. Without force a pod with stopped containers is removed with them, as Podman does. */
int pm_pod_remove(struct pm_engine *e, const char *name, bool force, int timeout,
		  const struct pm_pod_notes *notes, struct pm_err *err);

#endif
