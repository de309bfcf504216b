#include "engine/container/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "engine/container/bundle.h"
#include "engine/container/pause.h"

/* --- merging ---------------------------------------------------------------------------------- */

static void take_number(int64_t *to, int64_t given)
{
	if (given != PM_UNSET)
		*to = given;
}

static void take_string(char **to, const char *given)
{
	if (!given)
		return;
	free(*to);
	*to = pm_strdup(given);
}

static void take_throttle(struct pm_ctr_config *to, const struct pm_ctr_throttle *t)
{
	for (size_t i = 0; i < to->n_throttles; i++) {
		struct pm_ctr_throttle *have = &to->throttles[i];
		if (pm_streq(have->kind, t->kind) && pm_streq(have->path, t->path)) {
			have->rate = t->rate;
			return;
		}
	}
	struct pm_ctr_throttle *n = pm_ctr_config_add_throttle(to);
	n->kind = pm_strdup(t->kind);
	n->path = pm_strdup(t->path);
	n->rate = t->rate;
}

void pm_config_merge_limits(struct pm_ctr_config *to, const struct pm_ctr_config *given)
{
	take_number(&to->memory, given->memory);
	take_number(&to->memory_reservation, given->memory_reservation);
	take_number(&to->memory_swap, given->memory_swap);
	take_number(&to->cpu_shares, given->cpu_shares);
	take_number(&to->cpu_quota, given->cpu_quota);
	take_number(&to->cpu_period, given->cpu_period);
	take_number(&to->pids_limit, given->pids_limit);
	take_number(&to->blkio_weight, given->blkio_weight);
	take_string(&to->cpuset_cpus, given->cpuset_cpus);
	take_string(&to->cpuset_mems, given->cpuset_mems);
	for (size_t i = 0; i < given->n_throttles; i++)
		take_throttle(to, &given->throttles[i]);
}

/* --- the group's files ------------------------------------------------------------------------ */

static int put(const struct pm_group *g, const char *file, struct pm_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int put(const struct pm_group *g, const char *file, struct pm_err *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *value = pm_vasprintf(fmt, ap);
	va_end(ap);
	return pm_group_write(g, file, value, err);
}

/* A limit, where -1 and 0 mean none. */
static int put_limit(const struct pm_group *g, const char *file, int64_t n, struct pm_err *err)
{
	return n > 0 ? put(g, file, err, "%" PRId64, n) : put(g, file, err, "max");
}

static int write_memory(const struct pm_group *g, const struct pm_ctr_config *given,
			const struct pm_ctr_config *all, struct pm_err *err)
{
	int r = 0;
	if (given->memory != PM_UNSET)
		r = put_limit(g, "memory.max", given->memory, err);
	if (r >= 0 && given->memory_reservation != PM_UNSET)
		r = put(g, "memory.low", err, "%" PRId64,
			given->memory_reservation > 0 ? given->memory_reservation : 0);
	if (r < 0 || (given->memory_swap == PM_UNSET && given->memory == PM_UNSET))
		return r;
	/* v1 and the options count memory and swap together, v2 swap alone */
	int64_t memory = all->memory == PM_UNSET ? 0 : all->memory;
	int64_t swap = all->memory_swap == PM_UNSET ? memory * 2 : all->memory_swap;
	if (swap <= 0 || memory <= 0)
		return put(g, "memory.swap.max", err, "max");
	return put(g, "memory.swap.max", err, "%" PRId64, swap > memory ? swap - memory : 0);
}

static int write_cpu(const struct pm_group *g, const struct pm_ctr_config *given,
		     const struct pm_ctr_config *all, struct pm_err *err)
{
	int r = 0;
	/* shares of 2 to 262144 are weights of 1 to 10000, as the runtimes have it */
	if (given->cpu_shares != PM_UNSET) {
		int64_t s = given->cpu_shares < 2        ? 2
			    : given->cpu_shares > 262144 ? 262144
							 : given->cpu_shares;
		r = put(g, "cpu.weight", err, "%" PRId64,
			given->cpu_shares == 0 ? 100 : 1 + ((s - 2) * 9999) / 262142);
	}
	if (r >= 0 && (given->cpu_quota != PM_UNSET || given->cpu_period != PM_UNSET)) {
		int64_t period = all->cpu_period > 0 ? all->cpu_period : 100000;
		if (all->cpu_quota > 0)
			r = put(g, "cpu.max", err, "%" PRId64 " %" PRId64, all->cpu_quota, period);
		else
			r = put(g, "cpu.max", err, "max %" PRId64, period);
	}
	if (r >= 0 && given->cpuset_cpus)
		r = put(g, "cpuset.cpus", err, "%s", given->cpuset_cpus);
	if (r >= 0 && given->cpuset_mems)
		r = put(g, "cpuset.mems", err, "%s", given->cpuset_mems);
	return r;
}

/* 10 to 1000 of v1 is 1 to 10000 of v2. */
static int64_t io_weight(int64_t n)
{
	return n > 0 ? 1 + (n - 10) * 9999 / 990 : 100;
}

static int write_io(const struct pm_group *g, const struct pm_ctr_config *given, struct pm_err *err)
{
	static const struct {
		const char *kind, *key;
	} kinds[] = {{"read_bps", "rbps"},
		     {"write_bps", "wbps"},
		     {"read_iops", "riops"},
		     {"write_iops", "wiops"}};
	int r = 0;
	if (given->blkio_weight != PM_UNSET)
		r = put(g, "io.weight", err, "default %" PRId64, io_weight(given->blkio_weight));
	for (size_t i = 0; i < given->n_throttles && r >= 0; i++) {
		const struct pm_ctr_throttle *t = &given->throttles[i];
		struct stat st;
		if (stat(t->path, &st) < 0)
			return pm_fail_sys(err, "stat %s", t->path);
		if (!S_ISBLK(st.st_mode))
			return pm_fail(err, PM_E_USAGE, "%s is no block device", t->path);
		unsigned int maj = major(st.st_rdev), min = minor(st.st_rdev);
		if (strcmp(t->kind, "weight") == 0)
			r = put(g, "io.weight", err, "%u:%u %" PRId64, maj, min,
				io_weight(t->rate));
		for (size_t k = 0; k < PM_ARRAY_SIZE(kinds); k++) {
			if (strcmp(t->kind, kinds[k].kind) != 0)
				continue;
			_cleanup_free_ char *rate =
				t->rate > 0 ? pm_asprintf("%" PRId64, t->rate) : pm_strdup("max");
			r = put(g, "io.max", err, "%u:%u %s=%s", maj, min, kinds[k].key, rate);
		}
	}
	return r;
}

int pm_update_write(const struct pm_group *g, const struct pm_ctr_config *given,
		    const struct pm_ctr_config *all, struct pm_err *err)
{
	int r = write_memory(g, given, all, err);
	if (r >= 0)
		r = write_cpu(g, given, all, err);
	if (r >= 0 && given->pids_limit != PM_UNSET)
		r = put_limit(g, "pids.max", given->pids_limit, err);
	return r < 0 ? r : write_io(g, given, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

int pm_container_update(struct pm_engine *e, struct pm_container *c,
			const struct pm_ctr_config *given, struct pm_err *err)
{
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c->row, &c->state);
	int r = pm_engine_cgroup(e, c->config.cgroups, &cg, err);
	if (r >= 0)
		r = pm_bundle_check_limits(given, &cg, err);
	if (r < 0)
		return r;
	pm_config_merge_limits(&c->config, given);
	if (pm_ctr_is_up(&c->state)) {
		_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
		r = pm_container_group(e, c, "update", &g, err);
		if (r >= 0)
			r = pm_update_write(&g, given, &c->config, err);
		if (r < 0)
			return pm_wrap(err, "update container %s", c->row.name);
	}
	return pm_container_save_config(e, c, err);
}
