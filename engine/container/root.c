#include "engine/container/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "engine/container/userns.h"

void pm_ctr_root_close(struct pm_ctr_root *r)
{
	pm_view_close(&r->view);
	pm_volume_locks_free(&r->volumes);
	if (r->userns >= 0)
		close(r->userns);
	if (r->lock >= 0)
		close(r->lock);
	*r = (struct pm_ctr_root)PM_CTR_ROOT_INIT;
}

static int open_running(const struct pm_container *c, struct pm_ctr_root *r, struct pm_err *err)
{
	char path[64];
	uint64_t start = 0;
	if (pm_userns_needed() || pm_ctr_userns_own(&c->config)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c->state.pid);
		r->userns = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
		if (r->userns < 0)
			return r->userns;
	}
	snprintf(path, sizeof(path), "/proc/%d/root", (int)c->state.pid);
	struct pm_view_spec spec = {.userns = r->userns, .dir = path};
	int e = pm_view_open(&spec, &r->view, err);
	if (e < 0)
		return e;
	/* now that it is held: was it that process's? */
	if (pm_proc_start_time(c->state.pid, &start, NULL) < 0 || start != c->state.pid_start)
		return pm_fail(err, PM_E_STATE, "container %s has ended meanwhile", c->row.name);
	r->running = true;
	return 0;
}

struct binds {
	struct pm_view_bind *v;
	size_t n;
};

static void binds_free(struct binds *b)
{
	free(b->v);
}

static size_t depth(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Volumes and directories of the host, what holds another first. Strings are borrowed from c. */
static void collect(const struct pm_container *c, struct binds *b)
{
	const struct pm_ctr_config *k = &c->config;
	b->v = pm_calloc(k->n_mounts + 1, sizeof(*b->v));
	for (size_t i = 0; i < k->n_mounts; i++) {
		const struct pm_ctr_mount *m = &k->mounts[i];
		bool bind = pm_streq(m->type, "bind"), volume = pm_streq(m->type, "volume");
		if ((!bind && !volume) || !m->source)
			continue;
		size_t at = b->n++;
		for (; at > 0 && depth(b->v[at - 1].dest) > depth(m->dest); at--)
			b->v[at] = b->v[at - 1];
		/* an overlay (O) keeps its changes for itself: what is below it is not to be changed */
		b->v[at] = (struct pm_view_bind){m->source, m->dest,
						 pm_strv_has(&m->options, "ro") ||
							 pm_strv_has(&m->options, "O")};
	}
}

static int open_stopped(struct pm_engine *e, const struct pm_container *c, struct pm_ctr_root *r,
			struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	_cleanup_volume_mounts_ struct pm_volume_mounts mounts = {0};
	_cleanup_(binds_free) struct binds binds = {0};
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_free_ char *merged = pm_path_join(dir, "merged"), *upper = pm_path_join(dir, "upper"),
			    *work = pm_path_join(dir, "work");
	enum pm_store_driver driver;

	int x = pm_userns_get(e->store->runroot_fd, &r->userns, err);
	if (x >= 0)
		x = pm_container_lowers(e, c, &lowers, err);
	if (x >= 0)
		x = pm_ctr_userns_lowers(e, c, &lowers, err);
	if (x >= 0)
		x = pm_bundle_driver(e, &driver, err);
	if (x >= 0)
		x = pm_volume_plan_container(e, c, &mounts, &r->volumes, err);
	_cleanup_close_ int map = x >= 0 && c->config.idmapped ? pm_ctr_userns_open(&c->config, err) : -1;
	if (x >= 0 && c->config.idmapped && map < 0)
		x = map;
	if (x < 0)
		return x;
	collect(c, &binds);
	struct pm_overlay root = {
		.method = pm_bundle_overlay_method(driver),
		.lowers = (const char *const *)lowers.v,
		.n_lowers = lowers.n,
		.upper = upper,
		.work = work,
		.target = merged,
		.idmapped = c->config.idmapped,
		.userns = map,
	};
	struct pm_view_spec spec = {
		.userns = r->userns,
		.root = c->config.rootfs && !c->config.rootfs_overlay ? NULL : &root,
		.mounts = &mounts,
		.binds = binds.v,
		.n_binds = binds.n,
		.dir = c->config.rootfs && !c->config.rootfs_overlay ? c->config.rootfs : merged,
	};
	return pm_view_open(&spec, &r->view, err);
}

int pm_ctr_root_open(struct pm_engine *e, struct pm_container *c, struct pm_ctr_root *ret,
		     struct pm_err *err)
{
	if (pm_userns_needed()) {
		_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
		int r = pm_userns_default_map(&map, err);
		if (r < 0)
			return r;
		ret->single_id = map.single;
	}
	pm_container_state(e, &c->row, &c->state);
	int r = -EAGAIN;
	if (!pm_ctr_is_up(&c->state)) {
		ret->lock = pm_container_lock(e, c->row.id, true, err);
		if (ret->lock < 0)
			return ret->lock;
		r = pm_container_settle(e, c, err);
		if (r < 0)
			return r;
		if (c->state.restarting)
			return pm_fail(err, PM_E_STATE,
				       "container %s is about to be restarted: stop it first",
				       c->row.name);
		r = -EAGAIN;
	}
	if (pm_ctr_is_up(&c->state)) {
		r = open_running(c, ret, err);
		if (r >= 0 && ret->lock >= 0)
			close(pm_steal_fd(&ret->lock));
	} else {
		/* the monitor may still tidy up after an exit */
		r = pm_ctr_state_wait(e->store->runroot_fd, c->row.id, -1, err);
		if (r >= 0)
			r = open_stopped(e, c, ret, err);
	}
	ret->dir = ret->view.dir;
	return r < 0 ? pm_wrap(err, "files of container %s", c->row.name) : 0;
}
