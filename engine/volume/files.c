#include "engine/volume/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "engine/unpack.h"
#include "engine/view.h"
#include "engine/volume/plan.h"
#include "storage/tree_tar.h"

/* The volume's directory with its file system mounted, and the user namespace that goes with it. */
struct opened {
	struct pm_view view;
	int userns;
	bool single_id;
};

#define OPENED_INIT {.view = PM_VIEW_INIT, .userns = -1}

static void opened_close(struct opened *o)
{
	pm_view_close(&o->view);
	if (o->userns >= 0)
		close(o->userns);
}

static int open_volume(struct pm_engine *e, const struct pm_volume_row *row, struct opened *o,
		       struct pm_err *err)
{
	_cleanup_volume_mounts_ struct pm_volume_mounts mounts = {0};
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_free_ char *path = pm_volume_path(e->store, row);
	int r = pm_volume_plan(e, row, &mounts, err);
	if (r >= 0 && pm_userns_needed())
		r = pm_userns_default_map(&map, err);
	if (r >= 0)
		r = pm_userns_get(e->store->runroot_fd, &o->userns, err);
	if (r < 0)
		return r;
	o->single_id = map.single;
	struct pm_view_spec spec = {.userns = o->userns, .mounts = &mounts, .dir = path};
	r = pm_view_open(&spec, &o->view, err);
	return r < 0 ? pm_wrap(err, "volume %s", row->name) : 0;
}

struct export {
	int dir, out;
};

static int export_inside(void *arg, struct pm_err *err)
{
	const struct export *x = arg;
	return pm_tree_tar_write(x->out, x->dir, ".", ".", err);
}

int pm_volume_export(struct pm_engine *e, const struct pm_volume_row *row, int out,
		     struct pm_err *err)
{
	_cleanup_(opened_close) struct opened o = OPENED_INIT;
	int r = open_volume(e, row, &o, err);
	if (r < 0)
		return r;
	struct export x = {.dir = o.view.dir, .out = out};
	r = pm_userns_run(o.userns, export_inside, &x, err);
	return r < 0 ? pm_wrap(err, "export volume %s", row->name) : 0;
}

int pm_volume_import(struct pm_engine *e, const struct pm_volume_row *row, int in,
		     struct pm_err *err)
{
	_cleanup_(opened_close) struct opened o = OPENED_INIT;
	int r = open_volume(e, row, &o, err);
	if (r < 0)
		return r;
	struct pm_unpack u = PM_UNPACK_INIT;
	u.input = in;
	u.dir = o.view.dir;
	u.userns = o.userns;
	u.single_id = o.single_id;
	u.devices = pm_proc_for_system();
	r = pm_unpack(&u, err);
	return r < 0 ? pm_wrap(err, "import into volume %s", row->name) : 0;
}

/* --- mounted for the caller ---------------------------------------------------------------------- */

int pm_volume_mount_here(struct pm_engine *e, const struct pm_volume_row *row, struct pm_err *err)
{
	_cleanup_volume_mounts_ struct pm_volume_mounts mounts = {0};
	int r = pm_volume_plan(e, row, &mounts, err);
	if (r <= 0)
		return r;
	if (pm_userns_needed())
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot mount volume %s without root privileges: do it inside of `pm "
			       "unshare`", row->name);
	return pm_volume_mount_all(&mounts, err);
}

int pm_volume_umount_here(struct pm_engine *e, const struct pm_volume_row *row, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_volume_path(e->store, row);
	struct statx sx;
	/* the root of a mount: or nothing is mounted there */
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
		return pm_fail_sys(err, "look at %s", path);
	if (!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	if (umount2(path, 0) < 0)
		return pm_fail_sys(err, "unmount volume %s", row->name);
	return 0;
}
