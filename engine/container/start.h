/*
 * start - from a created container to a running one: the user namespace, the network's helper, the OCI
 * configuration, the launch plan, the monitor.
 *
 * Two halves, so that `run` has its monitor and newuidmap under way while the container is still being
 * created:
 *
 *	_cleanup_start_ struct pm_start s = PM_START_INIT;
 *	pm_start_begin(e, &facts, &s, err);	// processes are started
 *	pm_container_create(...);
 *	pm_start_finish(&s, c, err);		// the container runs
 *	... s.monitor: attach, wait ...
 *
 * The second half is two again, pm_start_launch and pm_start_wait, for who starts several containers side by
 * side. pm_container_start is all of it for a container that exists.
 *
 * When the second half is not reached or fails, the clean-up ends the helpers: nothing is left
 * but the container's row, which the caller keeps (start) or removes (run). Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_START_H
#define PM_ENGINE_CONTAINER_START_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/container/container.h"
#include "engine/monitor/launch.h"
#include "engine/volume/plan.h"
#include "netns/netd_client.h"
#include "netns/userns.h"

struct pm_start_facts {
	const char *network; /* the container's network mode, "slirp4netns" starts pm-slirp */
	const char *join;    /* id of a container whose namespaces are joined, or NULL */
	int join_userns;     /* the user namespace that one is in, where the caller has it; else -1 */
	bool attach;         /* a foreground client: an attach channel is made */
	const struct pm_ctr_config *config; /* of the container, as far as it is known */
};

/* What the runtime's execution is given when it is a restore (engine/container/restore.h). */
struct pm_start_restore {
	const char *image, *work, *shm; /* launch.h; shm may be NULL */
	bool tcp_established, file_locks;
};

struct pm_start {
	struct pm_engine *engine;
	struct pm_monitor monitor;
	struct pm_userns_map map;     /* of the namespace the container is in */
	struct pm_userns_tools tools;
	bool in_userns;               /* the monitor runs in a user namespace */
	int userns_fd;                /* that namespace, when it is joined; else -1 */
	bool fresh, mapping;          /* the namespace is new; newuidmap is running */
	char *own_group;              /* ours, as pm_cgroup.own; known from the launch on; owned */
	char *pod_slice;              /* systemd's unit that has the pod's limits; NULL: none; owned */
	struct pm_netd_dial dial;     /* bridge networks: their pm-netd */
	bool netd_due;                /* it is not started yet */
	int slirp_fd;                 /* to the network's helper: pm-slirp or pm-netd */
	pid_t slirp_pid;              /* a child; 0: none */
	const struct pm_start_restore *restore; /* set before pm_start_begin_again: from a checkpoint; borrowed */
	bool create_only;             /* set before pm_start_finish: the process waits for a start */
	struct pm_volume_locks volumes; /* held until its state is there */
	struct pm_netd_config netd;   /* bridge networks: the container's places */
};

#define PM_START_INIT {.monitor = PM_MONITOR_INIT, .dial = PM_NETD_DIAL_INIT, .slirp_fd = -1, .userns_fd = -1}
#define _cleanup_start_ _cleanup_(pm_start_free)

int pm_start_begin(struct pm_engine *e, const struct pm_start_facts *facts, struct pm_start *s,
		   struct pm_err *err);

/* Container locked, not running. On success c->state is read anew. */
int pm_start_finish(struct pm_start *s, struct pm_container *c, struct pm_err *err);

/* The halves of pm_start_finish: the monitor gets its plan; the container runs. */
int pm_start_launch(struct pm_start *s, struct pm_container *c, struct pm_err *err);
int pm_start_wait(struct pm_start *s, struct pm_container *c, struct pm_err *err);

/* Make c ready to run: the runtime has created it, its process waits (PM_STATUS_INITIALIZED) and is started by
 * pm_container_start. Takes the operation lock. PM_E_STATE: it is beyond that already. */
int pm_container_init_process(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* pm_start_begin for a container that exists; it may have run before. first: a start that has been launched of
 * the container whose namespaces c joins, and that need not run yet; or NULL. Container locked. */
int pm_start_begin_again(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *first,
			 struct pm_start *s, struct pm_err *err);

/* Start container c, which is loaded: those it depends on are started before, if they do not run. Takes the
 * operation lock until it runs. 1: it ran already, s is untouched; 0: started, and s->monitor has
 * the attach channel if attach is set. PM_E_STATE when it is paused. */
int pm_container_start(struct pm_engine *e, struct pm_container *c, bool attach, struct pm_start *s,
		       struct pm_err *err);

/* Start the containers that c depends on and that do not run, theirs first. For `run`, before
 * pm_start_begin. */
int pm_container_start_deps(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);
/* The one of them. */
int pm_container_start_dep(struct pm_engine *e, const char *id, struct pm_err *err);

void pm_start_free(struct pm_start *s);

/* The ids of containers whose namespaces c joins: the first of them, or NULL. */
const char *pm_container_joins(const struct pm_container *c);
/* 1: c is in the network namespace of another container, which is loaded into other (init'ed); 0: it is not. */
int pm_container_network_of(struct pm_engine *e, const struct pm_container *c, struct pm_container *other,
			    struct pm_err *err);

#endif
