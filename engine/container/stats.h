/*
 * stats - what a container uses now: one sample of its own control group's counters (cgroup v2),
 * or, where it has none or a controller is not delegated, of its processes in /proc; traffic
 * from its network namespace. No runtime is executed. Runs in pm.
 *
 * Memory is usage less the file cache that can be had back (memory.current - inactive_file);
 * summed over processes it is their resident anonymous and shared memory.
 */
#ifndef PM_ENGINE_CONTAINER_STATS_H
#define PM_ENGINE_CONTAINER_STATS_H

#include "base/err.h"
#include "engine/container/container.h"
#include "engine/container/procs.h"

struct pm_ctr_stats {
	int64_t at;              /* when, ns since the epoch */
	int64_t cpu, cpu_system; /* ns since its start */
	double cpu_percent; /* of one processor, since the sample before, the first: its start */
	double cpu_average;           /* since its start */
	int64_t memory, memory_limit; /* bytes; limit: the group's or the machine's */
	int64_t net_in, net_out;      /* bytes; lo left out, nothing with the host's network */
	int64_t block_in, block_out;  /* bytes */
	int64_t pids;                 /* processes and threads */
};

/* A sample of c; all zero when it does not run. before: the one before, or NULL. procs serves
 * many containers, for one round. */
void pm_container_stats(const struct pm_container *c, struct pm_procs *procs,
			const struct pm_ctr_stats *before, struct pm_ctr_stats *ret);

/* The sums over the interfaces but lo in a net/dev file's text. */
void pm_stats_parse_netdev(const char *text, int64_t *ret_in, int64_t *ret_out);

#endif
