/*
 * pod - containers that belong together: the pod's row and config, its containers with their states,
 * the word for the whole, and joining a pod.
 *
 * Shared namespaces are held by the infra container, an ordinary container whose process is pm-init in an
 * empty root file system (no image is pulled for it); the others join it by "container:ID". A pod is
 * changed under its operation lock (pm_pod_lock), taken before any of its containers'. Runs in pm.
 */
#ifndef PM_ENGINE_POD_POD_H
#define PM_ENGINE_POD_POD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "storage/pod.h"

enum {
	PM_POD_SHARE_CGROUP = 1,
	PM_POD_SHARE_IPC = 2,
	PM_POD_SHARE_NET = 4,
	PM_POD_SHARE_PID = 8,
	PM_POD_SHARE_UTS = 16,
};
#define PM_POD_SHARE_DEFAULT (PM_POD_SHARE_IPC | PM_POD_SHARE_NET | PM_POD_SHARE_UTS)

/* Kept as one JSON document in the pod's row. Strings are owned; NULL: not given. */
struct pm_pod_config {
	unsigned int share;     /* PM_POD_SHARE_* */
	bool share_parent;      /* containers' cgroups are below the pod's */
	bool infra;             /* it has, or is to have, an infra container */
	bool stop_with_last;    /* --exit-policy stop: the infra container ends after the last other */
	char *hostname;
	char *cgroup_parent;
	char *restart_policy;   /* for containers that say none themselves */
	char *service;          /* id of its service container (service.h) */
	char *service_exit;     /* what of its exit codes becomes that one's: "all", "any"; NULL: nothing */
	struct pm_ctr_config *limits; /* of the pod's control group, and nothing else; owned; NULL: none */
	struct pm_strv create_command;
};

struct pm_pod {
	struct pm_pod_row row;
	struct pm_pod_config config;
	struct pm_container *members; /* in the order of creation, the infra container among them */
	size_t n_members;
};

void pm_pod_config_free(struct pm_pod_config *c);
struct pm_json *pm_pod_config_to_json(struct pm_json_pool *pool, const struct pm_pod_config *c);
int pm_pod_config_from_json(const struct pm_json *v, struct pm_pod_config *ret, struct pm_err *err);

/* "ipc,net" -> PM_POD_SHARE_* bits; "" and "none": none. A '+' before the first adds to the default.
 * PM_E_USAGE; PM_E_UNSUPPORTED for user and mnt. */
int pm_pod_share_parse(const char *list, unsigned int *ret, struct pm_err *err);
/* The names of the bits, sorted. */
void pm_pod_share_names(unsigned int share, struct pm_strv *ret);

/* *p must be zeroed. Row, config and containers. PM_E_NOSUCH, PM_E_AMBIGUOUS. A container that is removed
 * meanwhile is left out. */
int pm_pod_load(struct pm_engine *e, const char *name_or_id, struct pm_pod *p, struct pm_err *err);
void pm_pod_free(struct pm_pod *p);
#define _cleanup_pod_ _cleanup_(pm_pod_free)
/* The newest pod (-l). PM_E_NOSUCH when there is none. */
int pm_pod_latest(struct pm_engine *e, char ret_id[65], struct pm_err *err);

/* What the control group of the pod with that id is limited to, into ret (init'ed). 1, or 0: to nothing. */
int pm_pod_limits(struct pm_engine *e, const char *id, struct pm_ctr_config *ret,
		  struct pm_err *err);

int pm_pod_lock(struct pm_engine *e, const char *id, struct pm_err *err);

bool pm_pod_is_infra(const struct pm_pod *p, const struct pm_container *c);
/* NULL: it has none. */
const struct pm_container *pm_pod_infra(const struct pm_pod *p);

/* Podman's word for the whole: Created, Running, Degraded, Paused, Exited, Stopped. */
const char *pm_pod_status(const struct pm_pod *p);

/* Make k, a container's config, one of pod name_or_id: shared namespaces but those in chosen
 * (PM_POD_SHARE_*, what the user said something else about) are the infra container's, and so are, where k has none of
 * its own, volumes, devices, security options and the user namespace. PM_E_USAGE for what only the pod can decide
 * (ports, host name, networks). */
int pm_pod_join(struct pm_engine *e, const char *name_or_id, unsigned int chosen,
		struct pm_ctr_config *k, struct pm_err *err);

/* After the end of container c, which is in a pod: with --exit-policy stop the infra container is
 * stopped when no other runs any more. c's own lock is not held. */
int pm_pod_member_ended(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);

/* Held while the pod's containers are started: ends do not count meanwhile, but are looked at by pm_pod_look after it.
 * -EAGAIN: another holds it, and wait is not set. */
int pm_pod_start_lock(struct pm_engine *e, const char *id, bool wait, struct pm_err *err);
int pm_pod_look(struct pm_engine *e, const char *id, struct pm_err *err);

#endif
