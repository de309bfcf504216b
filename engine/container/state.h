/*
 * state - what a container does now, derived from facts and never from a stored word.
 *
 * The files below runroot/ctr/<id>/ (docs/ARCHITECTURE.md, "State of a container"): `live`, locked by
 * the monitor as long as it lives; `state` and `exit`, wire messages the monitor writes by rename.
 * Reading takes no lock and needs no user namespace. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_STATE_H
#define PM_ENGINE_CONTAINER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum pm_ctr_status {
	PM_STATUS_CREATED,
	PM_STATUS_STARTING, /* a monitor is at work, the process is not there yet: "initialized" */
	PM_STATUS_INITIALIZED, /* made by the runtime (`init`): its first process waits for the start */
	PM_STATUS_RUNNING,
	PM_STATUS_PAUSED,   /* running, but its control group is frozen */
	PM_STATUS_STOPPING, /* the process is gone, the monitor still cleans up */
	PM_STATUS_EXITED,
};

/* As engine/monitor/monitor.h numbers them. */
enum pm_ctr_health {
	PM_CTR_HEALTH_NONE,
	PM_CTR_HEALTH_STARTING,
	PM_CTR_HEALTH_HEALTHY,
	PM_CTR_HEALTH_UNHEALTHY,
};

struct pm_ctr_state {
	enum pm_ctr_status status;
	bool monitored;        /* the monitor lives */
	pid_t pid;             /* the container's first process, 0 when none */
	uint64_t pid_start;    /* its start time, for pm_proc_pidfd */
	pid_t monitor;         /* 0 when none */
	uint64_t monitor_start;
	int64_t started;       /* ns since the epoch; 0: never */
	int64_t finished;      /* ns since the epoch; 0: not or unknown */
	bool has_exit;         /* exit_code is what the process really left */
	int exit_code;
	bool oom_killed;
	bool restarting;       /* EXITED, and its monitor is about to start it again */
	int64_t restarts;      /* by the monitor, since the user started it */
	enum pm_ctr_health health;
	int64_t health_streak; /* failed checks in a row */
};

/* What the files of container id below runroot say: 1 when they say anything, 0 when the container was
 * not started since boot (*ret is then all zero: the database's word holds). Damaged files are
 * PM_E_FORMAT. */
int pm_ctr_state_read(int runroot, const char *id, struct pm_ctr_state *ret, struct pm_err *err);

/* Is its first process there, frozen or not? */
bool pm_ctr_is_up(const struct pm_ctr_state *st);

/* Podman's word: created, initialized, running, paused, stopping, exited. */
const char *pm_ctr_status_name(enum pm_ctr_status s);

/* Wait until no monitor of container id lives and its process is gone; timeout_ms < 0: for ever.
 * 1: so it is; 0: the time is over. No polling: the monitor's and the process's pidfds. */
int pm_ctr_state_wait(int runroot, const char *id, int timeout_ms, struct pm_err *err);

/* Wait until wanted says yes of the state, or the container has ended for good (no process, no monitor).
 * *ret is the state then. timeout_ms < 0: for ever; 1 in time, 0 not. Woken by inotify on the run
 * files and by the monitor's end. */
int pm_ctr_state_await(int runroot, const char *id,
		       bool (*wanted)(const struct pm_ctr_state *s, void *arg), void *arg,
		       int timeout_ms, struct pm_ctr_state *ret, struct pm_err *err);

/* For pm_ctr_state_await: it runs, or has run since (more restarts than *arg, an int64_t). */
bool pm_ctr_state_has_run(const struct pm_ctr_state *s, void *arg);

#endif
