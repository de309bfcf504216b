/*
 * procs - the processes of a running container, found from outside: by its own control group,
 * else by its pid namespace, else (--pid=host without a group) as descendants of its first
 * process. Nothing of the container is executed or entered. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_PROCS_H
#define PM_ENGINE_CONTAINER_PROCS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "engine/container/container.h"

/* One look at /proc, made when it is first needed; serves any number of containers. */
struct pm_procs {
	struct pm_proc_seen *v;
	size_t n;
	bool scanned;
};

#define _cleanup_procs_ _cleanup_(pm_procs_free)
void pm_procs_free(struct pm_procs *p);

/* The pids (of our namespace, ascending) of container id, whose first process is pid; appended
 * as pid_t to out. */
void pm_procs_of(struct pm_procs *p, const char *id, pid_t pid, struct pm_buf *out);

/* What /proc/PID/stat tells, times in clock ticks (of PM_PROC_HZ a second). */
#define PM_PROC_HZ 100
struct pm_proc_stat {
	char state;
	char comm[32];
	int ppid, pgrp, tty, nice;
	uint64_t utime, stime, children_utime, children_stime;
	uint64_t start; /* since boot */
	int64_t threads;
	uint64_t vsize; /* bytes */
	int64_t rss;    /* pages */
};

/* false: the process has gone. */
bool pm_proc_stat(pid_t pid, struct pm_proc_stat *ret);

#endif
