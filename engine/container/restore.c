#include "engine/container/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "engine/container/start.h"
#include "engine/network/place.h"
#include "engine/unpack.h"

struct restore {
	struct pm_engine *e;
	struct pm_container *c;
	const struct pm_restore_options *o;
	char *path; /* containers/<id> */
	int dir;
};

/* --- the addresses it had ---------------------------------------------------------------------------- */

/* The first address of that family among subnets; false: none. */
static bool address_of(const struct pm_json *subnets, int family, struct pm_ip *ret)
{
	for (size_t i = 0; i < pm_json_len(subnets); i++) {
		const char *net = pm_json_get_str(pm_json_at(subnets, i), "ipnet");
		_cleanup_free_ char *ip = net ? pm_strndup(net, strcspn(net, "/")) : NULL;
		if (ip && pm_ip_parse(ip, ret, NULL) >= 0 && ret->family == family)
			return true;
	}
	return false;
}

static void pin(const struct pm_json *status, struct pm_place *p)
{
	const struct pm_json *devices = pm_json_get(pm_json_get(status, p->network), "interfaces");
	const struct pm_json *d =
		pm_json_is(devices, PM_JSON_OBJECT) && devices->len ? devices->members[0].value : NULL;
	const struct pm_json *subnets = pm_json_get(d, "subnets");
	struct pm_ip ip;
	if (!p->ip4.family && address_of(subnets, AF_INET, &ip))
		p->ip4 = ip;
	if (!p->ip6.family && address_of(subnets, AF_INET6, &ip))
		p->ip6 = ip;
}

/* Its places for this start alone: ret is what c->config.networks is to be. */
static int places(const struct restore *k, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *status = NULL;
	const struct pm_strv *had = &k->c->config.networks;
	if (!k->o->ignore_static_ip &&
	    (pm_fs_read_in(k->dir, PM_CHECKPOINT_NETWORK, 1 << 20, &text, NULL) < 0 ||
	     pm_json_parse(pool, text.data, text.len, &status, NULL) < 0))
		status = NULL;
	for (size_t i = 0; i < had->n; i++) {
		_cleanup_place_ struct pm_place p = {0};
		int r = pm_place_parse(had->v[i], &p, err);
		if (r < 0)
			return r;
		if (k->o->ignore_static_ip)
			p.ip4.family = p.ip6.family = 0;
		if (k->o->ignore_static_mac)
			p.has_mac = false;
		if (status)
			pin(status, &p);
		pm_strv_take(ret, pm_place_format(&p));
	}
	return 0;
}

/* --- files ------------------------------------------------------------------------------------------- */

/* /dev/shm's files into a directory of the run directory; *ret NULL: it had none. */
static int unpack_shm(const struct restore *k, char **ret, struct pm_err *err)
{
	struct pm_unpack u = PM_UNPACK_INIT;
	_cleanup_free_ char *name = pm_asprintf("ctr/%s/shm-restore", k->c->row.id);
	struct pm_err why = PM_ERR_INIT;
	_cleanup_close_ int in = pm_fs_open_in(k->dir, PM_CHECKPOINT_SHM, O_RDONLY, 0, &why);
	if (in < 0)
		return why.code == ENOENT ? 0 : pm_fail(err, why.code, "%s", why.text);
	int r = pm_fs_remove_tree(k->e->store->runroot_fd, name, err);
	_cleanup_close_ int to = r < 0 ? r : pm_store_run_dir(k->e->store, name, err);
	if (to < 0)
		return to;
	u.input = in;
	u.dir = to;
	r = pm_unpack(&u, err);
	if (r < 0)
		return pm_wrap(err, "/dev/shm of the checkpoint");
	*ret = pm_store_run_path(k->e->store, name);
	return 0;
}

/* --- the whole --------------------------------------------------------------------------------------- */

static int check(const struct restore *k, struct pm_err *err)
{
	const struct pm_container *c = k->c;
	if ((c->state.status != PM_STATUS_CREATED && c->state.status != PM_STATUS_EXITED) ||
	    c->state.restarting)
		return pm_fail(err, PM_E_STATE,
			       "container %s is running or paused, cannot restore: container state improper",
			       c->row.id);
	if (!c->config.checkpoint_time)
		return pm_fail(err, PM_E_STATE, "a complete checkpoint for container %s cannot be found, cannot "
						"restore", c->row.name);
	return 0;
}

static int start(struct restore *k, struct pm_restore_report *ret, struct pm_err *err)
{
	_cleanup_start_ struct pm_start s = PM_START_INIT;
	_cleanup_free_ char *image = pm_path_join(k->path, PM_CHECKPOINT_DIR), *shm = NULL;
	struct pm_strv pinned = PM_STRV_INIT, *had = &k->c->config.networks;
	int r = pm_container_start_deps(k->e, k->c, err);
	if (r >= 0)
		r = places(k, &pinned, err);
	if (r >= 0)
		r = unpack_shm(k, &shm, err);
	const struct pm_start_restore from = {.image = image,
					      .work = k->path,
					      .shm = shm,
					      .tcp_established = k->o->tcp_established,
					      .file_locks = k->o->file_locks};
	s.restore = &from;
	if (r >= 0)
		r = pm_start_begin_again(k->e, k->c, false, NULL, &s, err);
	const int64_t began = pm_time_now();
	struct pm_strv own = *had;
	*had = pinned;
	if (r >= 0)
		r = pm_start_finish(&s, k->c, err);
	*had = own;
	pm_strv_free(&pinned);
	ret->runtime_us = (pm_time_now() - began) / 1000;
	struct pm_err why = PM_ERR_INIT;
	if (shm && pm_fs_remove_tree(AT_FDCWD, shm, &why) < 0)
		pm_debug("%s", why.text);
	return r < 0 ? r : 0;
}

/* What was restored from is used up, unless it is kept. */
static int record(struct restore *k, struct pm_err *err)
{
	struct pm_ctr_config *g = &k->c->config;
	g->checkpointed = false;
	g->restored_time = pm_time_now();
	g->restore_log = k->o->keep;
	if (!k->o->keep) {
		g->checkpoint_time = 0;
		g->pre_checkpoint = g->checkpoint_log = false;
	}
	int r = pm_container_save_config(k->e, k->c, err);
	if (r >= 0 && !k->o->keep) {
		pm_checkpoint_forget(k->dir);
		pm_checkpoint_forget_logs(k->dir);
	}
	return r;
}

static int act(struct restore *k, struct pm_restore_report *ret, struct pm_err *err)
{
	unlinkat(k->dir, "restore.log", 0);
	int r = start(k, ret, err);
	if (r < 0)
		return r == -PM_E_UNSUPPORTED ? pm_checkpoint_failed(k->e, k->c, "restore.log", "restore", err)
					      : pm_wrap(err, "restore container %s", k->c->row.name);
	struct pm_err why = PM_ERR_INIT;
	if (pm_criu_stats_read(k->dir, "stats-restore", &ret->criu, &why) < 0)
		pm_debug("CRIU's statistics: %s", why.text);
	return record(k, err);
}

int pm_container_restore(struct pm_engine *e, struct pm_container *c, const struct pm_restore_options *o,
			 struct pm_restore_report *ret, struct pm_err *err)
{
	struct restore k = {.e = e, .c = c, .o = o, .dir = -1};
	_cleanup_close_ int lock = -1;
	*ret = (struct pm_restore_report){0};
	int r = pm_criu_check(e, &c->config, "restoring", err);
	if (r >= 0)
		r = lock = pm_container_lock(e, c->row.id, true, err);
	if (r >= 0)
		r = pm_container_settle(e, c, err);
	if (r >= 0)
		r = check(&k, err);
	if (r < 0)
		return r;
	k.path = pm_store_ctr_path(e->store, c->row.id);
	r = k.dir = pm_fs_open(AT_FDCWD, k.path, O_RDONLY | O_DIRECTORY, 0, err);
	if (r >= 0)
		r = act(&k, ret, err);
	if (k.dir >= 0)
		close(k.dir);
	free(k.path);
	return r < 0 ? r : 0;
}
