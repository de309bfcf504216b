#include "engine/container/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "engine/container/userns.h"
#include "engine/events/events.h"
#include "engine/view.h"
#include "storage/volume_mount.h"

static bool plain(const struct pm_container *c)
{
	return c->config.rootfs && !c->config.rootfs_overlay;
}

char *pm_container_mount_path(const struct pm_engine *e, const struct pm_container *c)
{
	if (plain(c))
		return pm_strdup(c->config.rootfs);
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	return pm_path_join(dir, "merged");
}

bool pm_container_is_mounted(const struct pm_engine *e, const struct pm_container *c)
{
	_cleanup_free_ char *path = pm_container_mount_path(e, c);
	struct statx sx;
	if (plain(c))
		return true;
	return statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE, &sx) == 0 &&
	       (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* What the monitor has mounted, here as well. */
static int mount_running(const struct pm_container *c, const char *path, struct pm_err *err)
{
	_cleanup_close_ int tree = pm_mount_borrow(c->state.monitor, (int64_t)c->state.monitor_start,
						   path, err);
	return tree < 0 ? tree : pm_mount_place(tree, path, err);
}

static int mount_stopped(struct pm_engine *e, const struct pm_container *c, const char *path,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_free_ char *upper = pm_path_join(dir, "upper"), *work = pm_path_join(dir, "work");
	enum pm_store_driver driver;
	int r = pm_container_lowers(e, c, &lowers, err);
	if (r >= 0)
		r = pm_ctr_userns_lowers(e, c, &lowers, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0)
		return r;
	_cleanup_close_ int map = c->config.idmapped ? pm_ctr_userns_open(&c->config, err) : -1;
	if (c->config.idmapped && map < 0)
		return map;
	struct pm_overlay o = {
		.method = pm_bundle_overlay_method(driver),
		.lowers = (const char *const *)lowers.v,
		.n_lowers = lowers.n,
		.upper = upper,
		.work = work,
		.target = path,
		.idmapped = c->config.idmapped,
		.userns = map,
	};
	if (!o.idmapped)
		return pm_overlay_mount(&o, NULL, err);
	/* layers are covered meanwhile: where nobody else sees it */
	_cleanup_view_ struct pm_view apart = PM_VIEW_INIT;
	const struct pm_view_spec spec = {.userns = -1, .root = &o, .dir = path};
	r = pm_view_open(&spec, &apart, err);
	_cleanup_close_ int tree = r < 0 ? r : pm_mount_borrow(apart.pid, 0, path, err);
	return tree < 0 ? tree : pm_mount_place(tree, path, err);
}

int pm_container_mount(struct pm_engine *e, struct pm_container *c, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_container_mount_path(e, c);
	if (pm_container_is_mounted(e, c))
		return 0;
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c->row, &c->state);
	bool up = pm_ctr_is_up(&c->state) && c->state.monitor > 0;
	int r = up ? mount_running(c, path, err) : mount_stopped(e, c, path, err);
	if (r >= 0)
		pm_event_container(e, c, "mount");
	return r < 0 ? pm_wrap(err, "mount container %s", c->row.name) : 0;
}

int pm_container_unmount(struct pm_engine *e, struct pm_container *c, bool force, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_container_mount_path(e, c);
	if (plain(c))
		return 0;
	if (!pm_container_is_mounted(e, c))
		return pm_fail(err, PM_E_STATE, "unmounting container %s: it is not mounted here",
			       c->row.name);
	if (umount2(path, force ? MNT_DETACH : 0) < 0)
		return pm_fail_sys(err, "unmounting container %s", c->row.name);
	pm_event_container(e, c, "unmount");
	return 0;
}
