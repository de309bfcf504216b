#include "engine/container/stats.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "engine/cgroup/group.h"

#define TICK_NS (PM_NS_PER_SEC / PM_PROC_HZ)

void pm_stats_parse_netdev(const char *text, int64_t *ret_in, int64_t *ret_out)
{
	*ret_in = *ret_out = 0;
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		const char *name = p + strspn(p, " ");
		const char *colon = strchr(name, ':'), *end = name + strcspn(name, "\n");
		int64_t in, out;
		if (!colon || colon > end || strncmp(name, "lo:", 3) == 0)
			continue;
		/* bytes is the first of eight numbers of either direction */
		if (sscanf(colon + 1, " %" SCNd64 " %*d %*d %*d %*d %*d %*d %*d %" SCNd64, &in,
			   &out) == 2) {
			*ret_in += in;
			*ret_out += out;
		}
	}
}

/* --- from /proc ------------------------------------------------------------------------------- */

/* The number after name in a file of "NAME: NUMBER" lines. */
static int64_t field(const char *text, const char *name)
{
	const char *p = strstr(text, name);
	return p ? strtoll(p + strlen(name), NULL, 10) : 0;
}

static void read_proc(pid_t pid, const char *file, struct pm_buf *out)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	pm_buf_cut(out, 0);
	if (pm_fs_read_file(AT_FDCWD, path, 1 << 16, out, NULL) < 0)
		pm_buf_cut(out, 0);
}

struct sums {
	int64_t cpu, cpu_system, memory, block_in, block_out, threads;
};

static void sum_processes(const struct pm_container *c, struct pm_procs *procs, struct sums *s)
{
	_cleanup_buf_ struct pm_buf pids = PM_BUF_INIT, text = PM_BUF_INIT;
	pm_procs_of(procs, c->row.id, c->state.pid, &pids);
	for (size_t i = 0; i < pids.len / sizeof(pid_t); i++) {
		pid_t pid = ((const pid_t *)(const void *)pids.data)[i];
		struct pm_proc_stat st;
		if (!pm_proc_stat(pid, &st))
			continue;
		s->cpu += (int64_t)(st.utime + st.stime) * TICK_NS;
		s->cpu_system += (int64_t)st.stime * TICK_NS;
		/* those it has waited for */
		s->cpu += (int64_t)(st.children_utime + st.children_stime) * TICK_NS;
		s->cpu_system += (int64_t)st.children_stime * TICK_NS;
		s->threads += st.threads;
		read_proc(pid, "status", &text);
		s->memory += (field(pm_buf_str(&text), "\nRssAnon:") +
			      field(pm_buf_str(&text), "\nRssShmem:")) *
			     1024;
		read_proc(pid, "io", &text);
		s->block_in += field(pm_buf_str(&text), "\nread_bytes:");
		s->block_out += field(pm_buf_str(&text), "\nwrite_bytes:");
	}
}

/* --- one sample ------------------------------------------------------------------------------- */

static int64_t machine_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static bool group_memory(const struct pm_group *g, struct pm_ctr_stats *ret)
{
	int64_t cache = 0, limit = 0;
	if (!pm_group_number(g, "memory.current", &ret->memory))
		return false;
	pm_group_key(g, "memory.stat", "inactive_file", &cache);
	ret->memory = ret->memory > cache ? ret->memory - cache : 0;
	if (pm_group_limit(g, "memory.max", &limit) && limit < ret->memory_limit)
		ret->memory_limit = limit;
	return true;
}

static bool group_cpu(const struct pm_group *g, struct pm_ctr_stats *ret)
{
	int64_t usage, kernel = 0;
	if (!pm_group_key(g, "cpu.stat", "usage_usec", &usage))
		return false;
	pm_group_key(g, "cpu.stat", "system_usec", &kernel);
	ret->cpu = usage * 1000;
	ret->cpu_system = kernel * 1000;
	return true;
}

static double percent(int64_t used, int64_t passed)
{
	return passed > 0 && used > 0 ? (double)used * 100 / (double)passed : 0;
}

void pm_container_stats(const struct pm_container *c, struct pm_procs *procs,
			const struct pm_ctr_stats *before, struct pm_ctr_stats *ret)
{
	_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
	_cleanup_buf_ struct pm_buf net = PM_BUF_INIT;
	struct sums s = {0};

	*ret = (struct pm_ctr_stats){0};
	if (!pm_ctr_is_up(&c->state))
		return;
	ret->at = pm_time_now();
	ret->memory_limit = machine_memory();
	pm_group_open(c->state.pid, c->row.id, &g);
	bool cpu = group_cpu(&g, ret), memory = group_memory(&g, ret);
	bool pids = pm_group_number(&g, "pids.current", &ret->pids);
	bool io = pm_group_io(&g, "rbytes", &ret->block_in) &&
		  pm_group_io(&g, "wbytes", &ret->block_out);
	if (!cpu || !memory || !pids || !io)
		sum_processes(c, procs, &s);
	if (!cpu) {
		ret->cpu = s.cpu;
		ret->cpu_system = s.cpu_system;
	}
	if (!memory)
		ret->memory = s.memory;
	if (!pids)
		ret->pids = s.threads;
	if (!io) {
		ret->block_in = s.block_in;
		ret->block_out = s.block_out;
	}
	if (!pm_streq(c->config.network, "host")) {
		read_proc(c->state.pid, "net/dev", &net);
		pm_stats_parse_netdev(pm_buf_str(&net), &ret->net_in, &ret->net_out);
	}
	ret->cpu_average = percent(ret->cpu, ret->at - c->state.started);
	ret->cpu_percent = before && before->at
				   ? percent(ret->cpu - before->cpu, ret->at - before->at)
				   : ret->cpu_average;
}
