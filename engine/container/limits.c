#include "engine/container/limits.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

bool pm_limits_any(const struct pm_ctr_config *k)
{
	const int64_t numbers[] = {k->memory,	  k->memory_reservation, k->memory_swap, k->cpu_shares,
				   k->cpu_quota, k->cpu_period,		k->blkio_weight};
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		if (numbers[i] != PM_UNSET)
			return true;
	return k->cpuset_cpus || k->cpuset_mems || k->n_throttles ||
	       k->cgroup_conf.n || (k->pids_limit != PM_UNSET && k->pids_limit > 0);
}

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

void pm_limits_merge(struct pm_ctr_config *to, const struct pm_ctr_config *given)
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
	pm_strv_add_all(&to->cgroup_conf, pm_strv_argv(&given->cgroup_conf));
}

struct pm_ctr_config *pm_limits_take(struct pm_ctr_config *from)
{
	if (!pm_limits_any(from))
		return NULL;
	struct pm_ctr_config *to = pm_calloc(1, sizeof(*to));
	pm_ctr_config_init(to);
	pm_limits_merge(to, from);
	int64_t *const numbers[] = {&from->memory,     &from->memory_reservation, &from->memory_swap,
				    &from->cpu_shares, &from->cpu_quota,	  &from->cpu_period,
				    &from->pids_limit, &from->blkio_weight};
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		*numbers[i] = PM_UNSET;
	free(pm_steal(&from->cpuset_cpus));
	free(pm_steal(&from->cpuset_mems));
	for (size_t i = 0; i < from->n_throttles; i++) {
		free(from->throttles[i].kind);
		free(from->throttles[i].path);
	}
	from->n_throttles = 0;
	pm_strv_free(&from->cgroup_conf);
	return to;
}

/* --- as the group's files have it ------------------------------------------------------------- */

/* A limit, where -1 and 0 mean none. */
static void put_limit(struct pm_strv *to, const char *file, int64_t n)
{
	if (n > 0)
		pm_strv_addf(to, "%s=%" PRId64, file, n);
	else
		pm_strv_addf(to, "%s=max", file);
}

static void memory(const struct pm_ctr_config *given, const struct pm_ctr_config *all,
		   struct pm_strv *to)
{
	if (given->memory != PM_UNSET)
		put_limit(to, "memory.max", given->memory);
	if (given->memory_reservation != PM_UNSET)
		pm_strv_addf(to, "memory.low=%" PRId64,
			     given->memory_reservation > 0 ? given->memory_reservation : 0);
	if (given->memory_swap == PM_UNSET && given->memory == PM_UNSET)
		return;
	/* v1 and the options count memory and swap together, v2 swap alone */
	int64_t size = all->memory == PM_UNSET ? 0 : all->memory;
	int64_t swap = all->memory_swap == PM_UNSET ? size * 2 : all->memory_swap;
	if (swap <= 0 || size <= 0)
		pm_strv_add(to, "memory.swap.max=max");
	else
		pm_strv_addf(to, "memory.swap.max=%" PRId64, swap > size ? swap - size : 0);
}

static void cpu(const struct pm_ctr_config *given, const struct pm_ctr_config *all,
		struct pm_strv *to)
{
	/* shares of 2 to 262144 are weights of 1 to 10000, as the runtimes have it */
	if (given->cpu_shares != PM_UNSET) {
		int64_t s = given->cpu_shares < 2        ? 2
			    : given->cpu_shares > 262144 ? 262144
							 : given->cpu_shares;
		pm_strv_addf(to, "cpu.weight=%" PRId64,
			     given->cpu_shares == 0 ? 100 : 1 + ((s - 2) * 9999) / 262142);
	}
	if (given->cpu_quota != PM_UNSET || given->cpu_period != PM_UNSET) {
		int64_t period = all->cpu_period > 0 ? all->cpu_period : 100000;
		if (all->cpu_quota > 0)
			pm_strv_addf(to, "cpu.max=%" PRId64 " %" PRId64, all->cpu_quota, period);
		else
			pm_strv_addf(to, "cpu.max=max %" PRId64, period);
	}
	if (given->cpuset_cpus)
		pm_strv_addf(to, "cpuset.cpus=%s", given->cpuset_cpus);
	if (given->cpuset_mems)
		pm_strv_addf(to, "cpuset.mems=%s", given->cpuset_mems);
}

/* 10 to 1000 of v1 is 1 to 10000 of v2. */
static int64_t io_weight(int64_t n)
{
	return n > 0 ? 1 + (n - 10) * 9999 / 990 : 100;
}

static int io(const struct pm_ctr_config *given, struct pm_strv *to, struct pm_err *err)
{
	static const struct {
		const char *kind, *key;
	} kinds[] = {{"read_bps", "rbps"},
		     {"write_bps", "wbps"},
		     {"read_iops", "riops"},
		     {"write_iops", "wiops"}};
	if (given->blkio_weight != PM_UNSET)
		pm_strv_addf(to, "io.weight=default %" PRId64, io_weight(given->blkio_weight));
	for (size_t i = 0; i < given->n_throttles; i++) {
		const struct pm_ctr_throttle *t = &given->throttles[i];
		struct stat st;
		if (stat(t->path, &st) < 0)
			return pm_fail_sys(err, "stat %s", t->path);
		if (!S_ISBLK(st.st_mode))
			return pm_fail(err, PM_E_USAGE, "%s is no block device", t->path);
		unsigned int maj = major(st.st_rdev), min = minor(st.st_rdev);
		if (strcmp(t->kind, "weight") == 0)
			pm_strv_addf(to, "io.weight=%u:%u %" PRId64, maj, min, io_weight(t->rate));
		for (size_t k = 0; k < PM_ARRAY_SIZE(kinds); k++) {
			if (strcmp(t->kind, kinds[k].kind) != 0)
				continue;
			_cleanup_free_ char *rate =
				t->rate > 0 ? pm_asprintf("%" PRId64, t->rate) : pm_strdup("max");
			pm_strv_addf(to, "io.max=%u:%u %s=%s", maj, min, kinds[k].key, rate);
		}
	}
	return 0;
}

int pm_limits_values(const struct pm_ctr_config *given, const struct pm_ctr_config *all,
		     struct pm_strv *ret, struct pm_err *err)
{
	memory(given, all, ret);
	cpu(given, all, ret);
	if (given->pids_limit != PM_UNSET)
		put_limit(ret, "pids.max", given->pids_limit);
	int r = io(given, ret, err);
	pm_strv_add_all(ret, pm_strv_argv(&given->cgroup_conf));
	return r;
}

int pm_limits_write(const struct pm_group *g, const struct pm_ctr_config *given,
		    const struct pm_ctr_config *all, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv values = PM_STRV_INIT;
	int r = pm_limits_values(given, all, &values, err);
	return r < 0 ? r : pm_group_write_all(g, &values, err);
}

/* --- what the host can do --------------------------------------------------------------------- */

int pm_limits_check(const struct pm_ctr_config *k, const struct pm_cgroup *cg,
		    struct pm_err *err)
{
	const struct {
		bool asked;
		unsigned int needs;
		const char *option;
	} limits[] = {
		{k->memory != PM_UNSET, PM_CGROUP_MEMORY, "--memory"},
		{k->memory_reservation != PM_UNSET, PM_CGROUP_MEMORY, "--memory-reservation"},
		{k->memory_swap != PM_UNSET, PM_CGROUP_MEMORY, "--memory-swap"},
		{k->cpu_shares != PM_UNSET, PM_CGROUP_CPU, "--cpu-shares"},
		{k->cpu_quota != PM_UNSET, PM_CGROUP_CPU, "--cpus or --cpu-quota"},
		{k->cpu_period != PM_UNSET, PM_CGROUP_CPU, "--cpus or --cpu-period"},
		{k->cpuset_cpus != NULL, PM_CGROUP_CPUSET, "--cpuset-cpus"},
		{k->cpuset_mems != NULL, PM_CGROUP_CPUSET, "--cpuset-mems"},
		{k->pids_limit != PM_UNSET && k->pids_limit > 0, PM_CGROUP_PIDS, "--pids-limit"},
		{k->blkio_weight != PM_UNSET || k->n_throttles, PM_CGROUP_IO, "block I/O limits"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(limits); i++) {
		int r = limits[i].asked
				? pm_cgroup_check_limits(cg, limits[i].needs, limits[i].option, err)
				: 0;
		if (r < 0)
			return r;
	}
	return 0;
}
