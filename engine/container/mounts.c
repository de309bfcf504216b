#include "engine/container/mounts.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "engine/container/bundle.h"
#include "engine/spec/gen_mounts.h"
#include "netns/idmap.h"
#include "storage/image.h"
#include "storage/stage.h"

static const char *option(const struct pm_ctr_mount *m, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < m->options.n; i++)
		if (strncmp(m->options.v[i], name, n) == 0 && m->options.v[i][n] == '=')
			return m->options.v[i] + n + 1;
	return NULL;
}

static bool is_overlay(const struct pm_ctr_mount *m)
{
	return pm_strv_has(&m->options, "O");
}

static bool is_image(const struct pm_ctr_mount *m)
{
	return pm_streq(m->type, "image");
}

static bool is_idmapped(const struct pm_ctr_mount *m)
{
	return pm_strv_has(&m->options, "idmap") || option(m, "idmap");
}

bool pm_mount_is_prepared(const struct pm_ctr_mount *m)
{
	return is_overlay(m) || is_image(m) || m->subpath || is_idmapped(m);
}

int pm_mount_check(const struct pm_ctr_mount *m, struct pm_err *err)
{
	const char *upper = option(m, "upperdir"), *work = option(m, "workdir");
	if ((upper || work) && !is_overlay(m))
		return pm_fail(err, PM_E_USAGE, "mount at %s: upperdir and workdir go with the option O",
			       m->dest);
	if (!upper != !work)
		return pm_fail(err, PM_E_USAGE, "mount at %s: must specify both upperdir and workdir",
			       m->dest);
	if (upper && (upper[0] != '/' || work[0] != '/'))
		return pm_fail(err, PM_E_USAGE,
			       "mount at %s: upperdir and workdir must be absolute paths", m->dest);
	static const char *const against[] = {"rw", "ro", "Z", "z"};
	for (size_t i = 0; is_overlay(m) && i < PM_ARRAY_SIZE(against); i++)
		if (pm_strv_has(&m->options, against[i]))
			return pm_fail(err, PM_E_USAGE,
				       "mount at %s: can't use 'O' together with '%s'", m->dest,
				       against[i]);
	return pm_spec_mount_check(m, err);
}

struct preparing {
	struct pm_engine *e;
	const struct pm_container *c;
	struct pm_volume_mounts *l;
	char *dir; /* .../userdata/mnt */
	enum pm_overlay_method method;
};

static int make_dir(const char *base, const char *name, char **ret, struct pm_err *err)
{
	*ret = pm_path_join(base, name);
	return pm_fs_mkdirs(AT_FDCWD, *ret, 0755, err);
}

/* An overlay; with an upper of its own below base when writable and none is given. */
static int add_overlay(struct preparing *p, const char *base, const struct pm_strv *lowers,
		       bool writable, const char *upper, const char *work, char **ret_target,
		       struct pm_err *err)
{
	struct pm_volume_mount *v = pm_volume_mounts_add(p->l);
	v->type = pm_strdup("overlay");
	v->method = p->method;
	pm_strv_add_all(&v->lowers, pm_strv_argv(lowers));
	int r = make_dir(base, "merged", &v->target, err);
	if (r >= 0 && upper) {
		v->upper = pm_strdup(upper);
		v->work = pm_strdup(work);
	} else if (r >= 0 && writable) {
		v->own_upper = 1;
		r = make_dir(base, "upper", &v->upper, err);
		if (r >= 0)
			r = make_dir(base, "work", &v->work, err);
	}
	if (r >= 0 && !writable && v->method == PM_OVERLAY_VFS) {
		/* the copy needs a place; the mount that the container sees is read-only all the same */
		r = make_dir(base, "upper", &v->upper, err);
		if (r >= 0)
			r = make_dir(base, "work", &v->work, err);
	}
	*ret_target = pm_strdup(v->target);
	return r;
}

static int image_lowers(struct pm_engine *e, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_image_layers(e->store, id, &layers, err);
	for (size_t i = 0; r >= 0 && i < layers.n; i++)
		pm_strv_take(ret, pm_store_layer_path(e->store, layers.v[i].chain_id));
	return r;
}

static void add_ranges(struct pm_volume_mount *v, const char *name, const struct pm_idmap *m)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	pm_idmap_encode(m, &l);
	for (size_t i = 0; i < l.n; i++)
		pm_strv_addf(&v->options, "%s=%s", name, l.v[i]);
}

int pm_mounts_add_idmap(const struct pm_ctr_config *k, const char *source, const char *target, const char *value,
			struct pm_volume_mounts *l, struct pm_err *err)
{
	_cleanup_idmap_ struct pm_idmap own_uids = PM_IDMAP_INIT, own_gids = PM_IDMAP_INIT, uids = PM_IDMAP_INIT,
					gids = PM_IDMAP_INIT;
	if (pm_userns_needed())
		return pm_fail(err, PM_E_UNSUPPORTED, "idmap: the kernel lets only root of the host mount %s with other "
						      "owners", source);
	int r = pm_idmap_decode(&k->id_uids, &own_uids, err);
	if (r >= 0)
		r = pm_idmap_decode(&k->id_gids, &own_gids, err);
	if (r >= 0)
		r = pm_idmap_from_mount(value, &own_uids, &own_gids, &uids, &gids, err);
	if (r < 0)
		return r;
	struct pm_volume_mount *v = pm_volume_mounts_add(l);
	v->type = pm_strdup("idmap");
	v->device = pm_strdup(source);
	v->target = pm_strdup(target);
	add_ranges(v, "uids", &uids);
	add_ranges(v, "gids", &gids);
	return 0;
}

int pm_mount_check_idmap(const struct pm_ctr_config *k, const struct pm_ctr_mount *m, struct pm_err *err)
{
	_cleanup_volume_mounts_ struct pm_volume_mounts l = {0};
	if (!is_idmapped(m))
		return 0;
	int r = pm_mounts_add_idmap(k, m->source ? m->source : "the volume", m->dest, option(m, "idmap"), &l, err);
	return r < 0 ? pm_wrap(err, "mount at %s", m->dest) : 0;
}

static int prepare_one(struct preparing *p, const struct pm_ctr_mount *m, size_t i, char **ret_source,
		       struct pm_err *err)
{
	_cleanup_free_ char *base = pm_asprintf("%s/%zu", p->dir, i);
	_cleanup_free_ char *at = pm_strdup_null(m->source);
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	int r = pm_mount_check(m, err);
	if (r >= 0)
		r = pm_fs_mkdirs(AT_FDCWD, base, 0755, err);
	if (r >= 0 && is_image(m))
		r = image_lowers(p->e, m->source, &lowers, err);
	if (r < 0)
		return r;

	if (is_image(m) || is_overlay(m)) {
		bool writable = is_overlay(m) || pm_strv_has(&m->options, "rw");
		if (!is_image(m))
			pm_strv_add(&lowers, m->source);
		free(at);
		at = NULL;
		r = add_overlay(p, base, &lowers, writable, option(m, "upperdir"),
				option(m, "workdir"), &at, err);
		if (r < 0)
			return r;
	}
	if (m->subpath) {
		struct pm_volume_mount *v = pm_volume_mounts_add(p->l);
		v->type = pm_strdup("subpath");
		v->device = pm_strdup(at);
		v->subpath = pm_strdup(m->subpath);
		v->target = pm_path_join(base, "sub");
		free(at);
		at = pm_strdup(v->target);
	}
	if (is_idmapped(m)) {
		char *target = pm_path_join(base, "idmap");
		r = pm_mounts_add_idmap(&p->c->config, at, target, option(m, "idmap"), p->l, err);
		if (r < 0)
			return pm_wrap(err, "mount at %s", m->dest);
		free(at);
		at = pm_strdup(target);
		free(target);
	}
	*ret_source = pm_steal(&at);
	return 0;
}

int pm_mounts_prepare(struct pm_engine *e, const struct pm_container *c, struct pm_volume_mounts *l,
		      struct pm_strv *ret_sources, struct pm_err *err)
{
	_cleanup_free_ char *ctr = pm_store_ctr_path(e->store, c->row.id);
	_cleanup_free_ char *dir = pm_path_join(ctr, "userdata/mnt");
	struct preparing p = {.e = e, .c = c, .l = l, .dir = dir};
	enum pm_store_driver driver;
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < c->config.n_mounts; i++)
		any |= pm_mount_is_prepared(&c->config.mounts[i]);
	if (!any)
		return 0;
	/* what an earlier start left belongs to ids of the user namespace: the sweep removes it there */
	_cleanup_free_ char *old = pm_asprintf("containers/%s/userdata/mnt", c->row.id);
	r = pm_trash_dir(e->store, e->store->root_fd, old, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r < 0)
		return r;
	p.method = pm_bundle_overlay_method(driver);
	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct pm_ctr_mount *m = &c->config.mounts[i];
		char *source = NULL;
		if (!pm_mount_is_prepared(m)) {
			pm_strv_add(ret_sources, "");
			continue;
		}
		r = prepare_one(&p, m, i, &source, err);
		if (r < 0)
			return r;
		pm_strv_take(ret_sources, source);
	}
	return 0;
}
