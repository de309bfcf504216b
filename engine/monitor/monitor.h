/*
 * monitor - what the parts of pm-monitor share: one record that lives as long as the program.
 *
 * Everything that the life of the container needs is in it or made before the runtime is executed;
 * afterwards nothing is allocated, so that memory neither grows nor runs out under a container. But an execution
 * of the runtime (a restart, a health check) allocates its arguments, and frees them.
 * Runs in pm-monitor only.
 */
#ifndef PM_ENGINE_MONITOR_MONITOR_H
#define PM_ENGINE_MONITOR_MONITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "engine/container/logfile.h"
#include "engine/monitor/launch.h"

enum monitor_timer {
	TIMER_RESTART, /* the back-off is over */
	TIMER_STOP, /* the stop signal did not do: SIGKILL */
	TIMER_CHECK, /* the next health check */
	TIMER_WATCHDOG, /* the service's watchdog wants to be fed */
	TIMER_CHECK_LIMIT, /* the running one takes too long */
	N_TIMERS,
};

/* Podman's words are in engine/container/state.c. */
enum monitor_health {
	HEALTH_NONE,
	HEALTH_STARTING,
	HEALTH_HEALTHY,
	HEALTH_UNHEALTHY,
};

/* What comes after the end of a container that the monitor itself is ending. */
enum monitor_then {
	THEN_POLICY, /* what the restart policy says */
	THEN_RESTART,
	THEN_END,
};

struct monitor {
	struct pm_launch_plan plan;
	int control_fd; /* to pm; -1 when pm has gone */
	int attach_fd;  /* the first client; -1: none, or given to io */
	bool attached;  /* there was one at the start */
	int notify_in, notify_out; /* from the container, to systemd; -1: none */
	bool notified; /* READY=1 was sent */
	int slirp_fd;   /* -1: none */
	bool in_userns; /* not in the initial user namespace */
	bool fresh_userns;
	bool acknowledged; /* pm knows of the exit and takes care of the row */
	uid_t owner_uid; /* pm's ids, as seen from here: 0 but for mappings as keep-id */
	gid_t owner_gid;
	int ctr_fd;  /* plan.ctr_dir, O_PATH */
	int trash_fd; /* plan.trash, locked against sweeps, while something of ours is in it; -1: nothing */
	int live_fd; /* holds the liveness lock */

	/* the container's standard streams, ends of the runtime's side; closed after it has run */
	int give_in, give_out, give_err;
	int runtime_err; /* terminal: what the runtime says on stderr; -1 else */

	int64_t timers[N_TIMERS]; /* ms of CLOCK_MONOTONIC; 0: off */
	int64_t started; /* ns since the epoch */
	int64_t started_ms; /* CLOCK_MONOTONIC */
	int64_t restarts;
	enum monitor_health health;
	int64_t health_streak; /* failures in a row */
	enum monitor_then then;
	bool created; /* made by the runtime, and not started yet */
	bool waiting; /* for the time of a restart, or of a start */
	bool going_down; /* SIGTERM came: no restarts any more */
	int64_t backoff; /* ms, the next one */

	pid_t init;
	bool exited;
	int status; /* as from wait */
	int64_t finished; /* ns since the epoch */
	int64_t deadline; /* ms, monotonic: when it is killed by --timeout; 0: never, or done */
	bool timed_out;
	int freeze_fd; /* cgroup.events of a container that is checked; -1: none */
	int oom_fd; /* memory.events or memory.oom_control of the container; -1: none */
	bool oom_killed;
	struct pm_logfile log;
};

/* Files in runroot belong to the user, also when its id is not 0 in here: between these two calls
 * files are made as the user. No-ops when the user is root in here. */
void monitor_owner_begin(const struct monitor *m);
void monitor_owner_end(const struct monitor *m);

/* Write an event of the container, as the plan says. */
void monitor_event(const struct monitor *m, const struct pm_event_what *what);

/* Is this for a process in a container that has its monitor? That one keeps the records. */
static inline bool monitor_execs(const struct monitor *m)
{
	return m->plan.kind == PM_LAUNCH_EXEC;
}

/* Is the start at hand a restore? Restarts begin anew. */
static inline bool monitor_restores(const struct monitor *m)
{
	return m->plan.restore_image && !m->restarts;
}

/* CLOCK_MONOTONIC. */
int64_t monitor_now_ms(void);

/* ctr_dir/state: who runs, since when, how often, how healthy. */
int monitor_write_state(const struct monitor *m, struct pm_err *err);

/* A file in ctr_dir, whole, by rename; allocates nothing. */
int monitor_write_file(const struct monitor *m, const char *name, const void *data, size_t len,
		       struct pm_err *err);

/* Starting needed most of the program's pages, watching needs few: unmaps those that are the file's (they
 * stay in the page cache, and come back when used) and gives free memory back. */
void monitor_shrink(void);

/* A wire message put together without allocating: n names and numbers. Returns its length. */
size_t monitor_encode_ints(char *buf, size_t size, const char *event, const char *const *names,
			   const int64_t *values, size_t n);

#endif
