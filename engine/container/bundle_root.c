#include "engine/container/bundle_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/container/create.h"
#include "engine/container/mounts.h"
#include "engine/container/userns.h"
#include "storage/overlay.h"
#include "storage/stage.h"

int pm_bundle_view(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		   struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	if (c->config.rootfs && !c->config.rootfs_overlay) {
		pm_strv_add(&dirs, c->config.rootfs);
	} else {
		_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
		int r = pm_container_lowers(e, c, &lowers, err);
		if (r < 0)
			return r;
		pm_strv_addf(&dirs, "%s/containers/%s/upper", e->store->root, c->row.id);
		for (size_t i = lowers.n; i > 0; i--)
			pm_strv_add(&dirs, lowers.v[i - 1]);
	}

	b->view_fds = pm_calloc(dirs.n, sizeof(int));
	for (size_t i = 0; i < dirs.n; i++) {
		int fd = pm_fs_open(AT_FDCWD, dirs.v[i], O_PATH | O_DIRECTORY, 0, err);
		if (fd == -ENOENT && !c->config.rootfs)
			pm_wrap(err, i ? "damaged store, a layer is missing (\"pm system check --repair\" removes what "
					 "needs it, then pull the image again)"
				       : "damaged store, the container's files are gone (remove it with pm rm)");
		if (fd < 0)
			return pm_wrap(err, "root of container %s", c->row.name);
		b->view_fds[b->n_view_fds++] = fd;
	}
	b->view = (struct pm_rootfs_view){.dirs = b->view_fds, .n_dirs = b->n_view_fds};
	return 0;
}

/* Can the kernel mount overlays for us? Asked once per boot. */
static int native_works(struct pm_engine *e, struct pm_err *why, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(e->store->runroot_fd, "overlay-native", 16, &b, NULL) >= 0 && b.len > 0)
		return b.data[0] == '1';
	/* in a stage: a probe that is killed is swept */
	_cleanup_stage_ struct pm_stage *stage = NULL;
	int r = pm_stage_new(e->store, &stage, err);
	if (r >= 0)
		r = pm_overlay_probe(stage->path, why, err);
	if (r > 0) /* a refusal is asked for again: it may be mended meanwhile */
		pm_fs_write_file(e->store->runroot_fd, "overlay-native", "1", 1, 0600, false, NULL);
	return r;
}

int pm_bundle_driver(struct pm_engine *e, enum pm_store_driver *ret, struct pm_err *err)
{
	*ret = e->store->driver;
	if (*ret != PM_STORE_AUTO)
		return 0;

	struct pm_err why = PM_ERR_INIT, why_fuse = PM_ERR_INIT;
	int r = native_works(e, &why, err);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret = PM_STORE_OVERLAY;
		return 0;
	}
	_cleanup_free_ char *program = NULL;
	if (pm_overlay_find_fuse(&program, &why_fuse) >= 0) {
		*ret = PM_STORE_FUSE;
		return 0;
	}
	pm_warn("storage: copying the image for each container (vfs): the kernel's overlay: %s; "
		"fuse-overlayfs: %s",
		why.text, why_fuse.text);
	*ret = PM_STORE_VFS;
	return 0;
}

enum pm_overlay_method pm_bundle_overlay_method(enum pm_store_driver driver)
{
	return driver == PM_STORE_VFS    ? PM_OVERLAY_VFS
	       : driver == PM_STORE_FUSE ? PM_OVERLAY_FUSE
					 : PM_OVERLAY_NATIVE;
}

int pm_bundle_plan_rootfs(struct pm_engine *e, const struct pm_container *c,
			  struct pm_launch_plan *plan, struct pm_err *err)
{
	if (c->config.rootfs && !c->config.rootfs_overlay && !c->config.rootfs_idmap) {
		plan->rootfs = pm_strdup(c->config.rootfs);
		return 0;
	}
	if (c->config.rootfs && !c->config.rootfs_overlay) {
		const char *value = *c->config.rootfs_idmap ? c->config.rootfs_idmap : NULL;
		_cleanup_free_ char *own = pm_store_ctr_path(e->store, c->row.id);
		plan->rootfs = pm_path_join(own, "merged");
		return pm_mounts_add_idmap(&c->config, c->config.rootfs, plan->rootfs, value, &plan->root_mounts, err);
	}
	if (c->config.is_infra && !c->config.image_id) {
		/* nothing below: its own directory, empty but for what the runtime mounts */
		_cleanup_free_ char *own = pm_store_ctr_path(e->store, c->row.id);
		plan->rootfs = pm_path_join(own, "upper");
		plan->upper = pm_strdup(plan->rootfs);
		return 0;
	}

	enum pm_store_driver driver;
	int r = pm_container_lowers(e, c, &plan->lowers, err);
	if (r >= 0)
		r = pm_ctr_userns_lowers(e, c, &plan->lowers, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0)
		return r;

	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	plan->overlay = true;
	plan->overlay_method = pm_bundle_overlay_method(driver);
	plan->overlay_volatile = c->config.rm;
	plan->overlay_idmapped = c->config.idmapped;
	plan->rootfs = pm_path_join(dir, "merged");
	plan->upper = pm_path_join(dir, "upper");
	plan->work = pm_path_join(dir, "work");
	return 0;
}

static bool lies_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return path && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* A container's own user namespace may not have the user, and then does not reach the store: choose a
 * directory for the root file system that everybody reaches and that nothing of the start is below. Where there
 * is none it stays, as is right with keep-id. */
void pm_bundle_cover_rootfs(struct pm_engine *e, const struct pm_container *c,
			    struct pm_launch_plan *plan)
{
	static const char *const dirs[] = {"/mnt", "/media", "/srv", "/opt", "/boot", "/usr/games"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(dirs); i++) {
		const char *dir = dirs[i];
		struct stat st;
		bool free_ = lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
			     (st.st_mode & S_IXOTH) && !lies_below(e->store->root, dir) &&
			     !lies_below(e->store->runroot, dir) &&
			     !lies_below(plan->rootfs, dir) && !lies_below(plan->runtime, dir) &&
			     !lies_below(c->config.init_path, dir);
		for (size_t k = 0; k < c->config.n_mounts && free_; k++)
			free_ = !lies_below(c->config.mounts[k].source, dir);
		if (!free_)
			continue;
		plan->rootfs_cover = pm_strdup(dir);
		plan->rootfs_real = plan->rootfs;
		plan->rootfs = pm_asprintf("%s/rootfs", dir);
		return;
	}
}
