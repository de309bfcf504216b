#include "engine/volume/plan.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/bundle.h"
#include "engine/volume/options.h"
#include "storage/image.h"

void pm_volume_locks_free(struct pm_volume_locks *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->fds[i]);
	free(l->fds);
	*l = (struct pm_volume_locks){0};
}

/* A monitor that has the volume mounted: its process, or 0. */
static int mounted_by(struct pm_engine *e, const char *name, struct pm_volume_mount *m,
		      struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_volume_users(e->store, name, &users, err);
	for (size_t i = 0; r >= 0 && i < users.n; i++) {
		struct pm_ctr_state st;
		if (pm_ctr_state_read(e->store->runroot_fd, users.v[i], &st, NULL) > 0 && st.monitored &&
		    st.monitor && st.status == PM_STATUS_RUNNING) {
			m->from = st.monitor;
			m->from_start = (int64_t)st.monitor_start;
			return 0;
		}
	}
	return r;
}

static int plan_image(struct pm_engine *e, const struct pm_volume_row *row,
		      struct pm_volume_mount *m, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	enum pm_store_driver driver;
	int r = pm_bundle_driver(e, &driver, err);
	if (r >= 0)
		r = pm_image_layers(e->store, row->image, &layers, err);
	if (r < 0)
		return r;
	m->type = pm_strdup("overlay");
	m->method = pm_bundle_overlay_method(driver);
	for (size_t i = 0; i < layers.n; i++)
		pm_strv_take(&m->lowers, pm_store_layer_path(e->store, layers.v[i].chain_id));
	_cleanup_free_ char *dir = pm_volume_dir(e->store, row);
	m->upper = pm_path_join(dir, "upper");
	m->work = pm_path_join(dir, "work");
	return 0;
}

int pm_volume_plan(struct pm_engine *e, const struct pm_volume_row *row, struct pm_volume_mounts *l,
		   struct pm_err *err)
{
	_cleanup_volume_options_ struct pm_volume_options vo = {0};
	_cleanup_strv_ struct pm_strv given = PM_STRV_INIT;
	int r = pm_volume_options_words(row->options, &given, err);
	if (r >= 0)
		r = pm_volume_options_parse(row->driver, &given, pm_userns_needed(), &vo, err);
	if (r < 0)
		return pm_wrap(err, "volume %s", row->name);
	if (vo.kind == PM_VOLUME_DIR)
		return 0;

	struct pm_volume_mount *m = pm_volume_mounts_add(l);
	m->target = pm_volume_path(e->store, row);
	if (vo.kind == PM_VOLUME_IMAGE) {
		r = plan_image(e, row, m, err);
	} else {
		m->type = pm_strdup(vo.kind == PM_VOLUME_BIND ? "bind" : vo.type);
		m->device = pm_strdup(vo.device ? vo.device : vo.type);
		pm_strv_add_all(&m->options, pm_strv_argv(&vo.words));
	}
	if (r >= 0 && (vo.kind == PM_VOLUME_IMAGE || vo.kind == PM_VOLUME_TMPFS))
		r = mounted_by(e, row->name, m, err);
	return r < 0 ? r : 1;
}

int pm_volume_plan_container(struct pm_engine *e, const struct pm_container *c,
			     struct pm_volume_mounts *l, struct pm_volume_locks *locks,
			     struct pm_err *err)
{
	/* row.volumes is in the order of names, which is the order of locks */
	for (size_t i = 0; i < c->row.volumes.n; i++) {
		_cleanup_volume_row_ struct pm_volume_row row = {0};
		const char *name = c->row.volumes.v[i];
		int r = pm_volume_get(e->store, name, &row, err);
		if (r < 0)
			return r;
		if (!row.options && !row.image)
			continue;
		int fd = pm_store_lock(e->store, "volume", name, PM_LOCK_EXCLUSIVE, true, err);
		if (fd < 0)
			return fd;
		locks->fds = pm_reallocarray(locks->fds, locks->n + 1, sizeof(int));
		locks->fds[locks->n++] = fd;
		r = pm_volume_plan(e, &row, l, err);
		if (r < 0)
			return r;
	}
	return 0;
}
