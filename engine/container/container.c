#include "engine/container/container.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "base/log.h"
#include "base/proc.h"
#include "storage/network.h"

void pm_container_init(struct pm_container *c)
{
	memset(c, 0, sizeof(*c));
	pm_ctr_config_init(&c->config);
}

void pm_container_free(struct pm_container *c)
{
	pm_ctr_row_free(&c->row);
	pm_ctr_config_free(&c->config);
	memset(&c->state, 0, sizeof(c->state));
}

int pm_container_load(struct pm_engine *e, const char *name_or_id, struct pm_container *c,
		      struct pm_err *err)
{
	int r = pm_ctr_find(e->store, name_or_id, PM_CTR_CONFIG, &c->row, err);
	if (r < 0)
		return r;

	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *doc = NULL;
	r = pm_json_parse(pool, c->row.config ? c->row.config : "", c->row.config_len, &doc, err);
	if (r >= 0)
		r = pm_ctr_config_from_json(doc, &c->config, err);
	if (r < 0)
		return pm_wrap(err, "configuration of container %s", c->row.id);

	pm_container_state(e, &c->row, &c->state);
	return 0;
}

int pm_container_latest(struct pm_engine *e, char ret_id[65], struct pm_err *err)
{
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	int r = pm_ctr_list(e->store, 0, &l, err);
	if (r < 0)
		return r;
	if (l.n == 0)
		return pm_fail(err, PM_E_NOSUCH, "no containers: no such container");
	snprintf(ret_id, 65, "%s", l.v[l.n - 1].id);
	return 0;
}

static bool this_boot(const char *boot_id)
{
	static char now[37];
	if (!now[0] && pm_proc_boot_id(now, NULL) < 0)
		now[0] = '\0';
	return boot_id && strcmp(boot_id, now) == 0;
}

/* Was the run root made after that moment (ns since the epoch)? systemd deletes it when the user's last session ends,
 * with all that runs, and makes a new one. No, where the file system does not tell. */
static bool run_root_is_newer(const struct pm_engine *e, int64_t moment)
{
	struct statx sx;
	if (statx(e->store->runroot_fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) < 0 ||
	    !(sx.stx_mask & STATX_BTIME))
		return false;
	return (int64_t)sx.stx_btime.tv_sec * 1000000000 + sx.stx_btime.tv_nsec > moment;
}

void pm_container_state(struct pm_engine *e, const struct pm_ctr_row *row,
			struct pm_ctr_state *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (row->word == PM_CTR_RUNNING || row->word == PM_CTR_EXITED) {
		struct pm_err err = PM_ERR_INIT;
		int r = pm_ctr_state_read(e->store->runroot_fd, row->id, ret, &err);
		if (r < 0)
			pm_warn("container %s: %s", row->id, err.text);
		if (r > 0) {
			if (!ret->started && ret->status != PM_STATUS_INITIALIZED)
				ret->started = row->started;
			return;
		}
	}

	ret->started = row->started;
	ret->finished = row->finished;
	ret->exit_code = row->exit_code;
	ret->oom_killed = row->oom_killed;
	ret->restarts = row->restarts;
	ret->has_exit = row->word == PM_CTR_EXITED;
	switch (row->word) {
	case PM_CTR_CREATED:
		ret->status = PM_STATUS_CREATED;
		return;
	case PM_CTR_RUNNING:
		/* started since boot and login, but no monitor has written a word: it is about to, or it
		 * was killed before it could */
		ret->status = this_boot(row->boot_id) && !run_root_is_newer(e, row->started)
				      ? PM_STATUS_CREATED
				      : PM_STATUS_EXITED;
		if (ret->status == PM_STATUS_EXITED)
			ret->exit_code = -1;
		return;
	case PM_CTR_EXITED:
		ret->status = PM_STATUS_EXITED;
		return;
	}
}

static bool settled(const struct pm_ctr_state *s, void *arg)
{
	(void)arg;
	return s->status != PM_STATUS_STOPPING;
}

int pm_container_settle(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	pm_container_state(e, &c->row, &c->state);
	if (c->state.status != PM_STATUS_STOPPING)
		return 0;
	struct pm_ctr_state st;
	int r = pm_ctr_state_await(e->store->runroot_fd, c->row.id, settled, NULL, -1, &st, err);
	if (r < 0)
		return r;
	pm_container_state(e, &c->row, &c->state);
	return 0;
}

char *pm_container_log_path(const struct pm_engine *e, const struct pm_container *c)
{
	if (c->config.log_path)
		return pm_strdup(c->config.log_path);
	return pm_asprintf("%s/containers/%s/ctr.log", e->store->root, c->row.id);
}

int pm_container_lock(struct pm_engine *e, const char *id, bool wait, struct pm_err *err)
{
	return pm_store_lock(e->store, "container", id, PM_LOCK_EXCLUSIVE, wait, err);
}

int pm_container_save_config(struct pm_engine *e, const struct pm_container *c, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_ctr_config_to_json(pool, &c->config), 0, &b);
	return pm_ctr_set_config(e->store, c->row.id, b.data, b.len, err);
}

int pm_container_fold(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	pm_container_state(e, &c->row, &c->state);
	if (c->state.status != PM_STATUS_EXITED || c->state.restarting)
		return 0;
	if (c->row.word == PM_CTR_EXITED && c->row.finished == c->state.finished)
		return 0;
	c->row.word = PM_CTR_EXITED;
	c->row.exit_code = c->state.exit_code;
	c->row.started = c->state.started;
	c->row.finished = c->state.finished ? c->state.finished : pm_time_now();
	c->row.oom_killed = c->state.oom_killed;
	c->row.restarts = c->state.restarts;
	c->row.pid = 0;
	int r = pm_ctr_set_state(e->store, &c->row, err);
	/* others may have its addresses */
	if (r >= 0 && (!c->config.network || pm_streq(c->config.network, "bridge")))
		r = pm_lease_drop(e->store, c->row.id, NULL, err);
	return r;
}
