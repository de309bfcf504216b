#include "tests/unit/world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "tests/unit/test.h"

const struct pm_spec_idmap world_map[2] = {{0, 1000, 1}, {1, 100000, 65536}};
const struct pm_spec_idmap world_single[1] = {{0, 1000, 1}};

void world_put(const char *path, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *dir = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, dir, 0755, &err), err);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, false, &err), err);
}

void world_init(struct world *w)
{
	*w = (struct world){0};
	pm_conf_init(&w->conf);
	pm_ctr_config_init(&w->c);
	w->c.id = pm_strdup(WORLD_ID);
	w->c.name = pm_strdup("test");
	pm_strv_add(&w->c.command, "true");
	_cleanup_free_ char *root = pm_asprintf("%s/root", test_dir());
	_cleanup_free_ char *passwd = pm_asprintf("%s/etc/passwd", root);
	_cleanup_free_ char *group = pm_asprintf("%s/etc/group", root);
	world_put(passwd, "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n");
	world_put(group, "root:x:0:\nweb:x:33:\nextra:x:44:web\n");
	w->dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->view = (struct pm_rootfs_view){&w->dir, 1};
	w->env = (struct pm_spec_env){.conf = &w->conf,
				      .rootless = true,
				      .uids = world_map,
				      .gids = world_map,
				      .n_uids = 2,
				      .n_gids = 2,
				      .rootfs = "/bundle/merged",
				      .view = &w->view,
				      .runtime = "/usr/bin/runc",
				      .run_dir = "/run/pm/ctr/x",
				      .init_path = "/libexec/pm-init",
				      .netns = PM_SPEC_NETNS_INHERIT,
				      .slirp = true};
}

int world_make(struct world *w, struct pm_err *err)
{
	pm_spec_plan_free(&w->plan);
	pm_json_pool_free(w->pool);
	w->pool = pm_json_pool_new();
	w->json = NULL;
	int r = pm_spec_generate(&w->c, &w->env, &w->plan, err);
	if (r >= 0)
		CHECK_OK(pm_json_parse(w->pool, w->plan.json, w->plan.json_len, &w->json, err), *err);
	return r;
}

void world_make_ok(struct world *w)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(world_make(w, &err), err);
}

void world_free(struct world *w)
{
	pm_spec_plan_free(&w->plan);
	pm_json_pool_free(w->pool);
	pm_ctr_config_free(&w->c);
	pm_conf_free(&w->conf);
	close(w->dir);
}

const char *world_at(struct world *w, const char *path)
{
	static char text[4096];
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	const struct pm_json *v = w->json;
	if (pm_startswith(path, "mounts:")) {
		const struct pm_json *l = pm_json_get(w->json, "mounts");
		v = NULL;
		for (size_t i = 0; i < pm_json_len(l) && !v; i++)
			if (pm_streq(pm_json_get_str(pm_json_at(l, i), "destination"), path + 7))
				v = pm_json_at(l, i);
		if (!v)
			return "-";
		_cleanup_strv_ struct pm_strv o = PM_STRV_INIT;
		CHECK(pm_json_to_strv(pm_json_get(v, "options"), &o, NULL) >= 0);
		_cleanup_free_ char *opts = pm_strv_join(&o, ",");
		snprintf(text, sizeof(text), "%s %s %s", pm_json_get_str(v, "type"),
			 pm_json_get_str(v, "source"), opts);
		return text;
	}
	pm_strv_split(&parts, path, '.');
	for (size_t i = 0; i < parts.n; i++)
		v = pm_json_get(v, parts.v[i]);
	if (!v)
		return "-";
	pm_json_write(v, 0, &b);
	snprintf(text, sizeof(text), "%s", pm_buf_str(&b));
	return text;
}

const char *world_file(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->plan.n_files; i++)
		if (pm_endswith(w->plan.files[i].path, name))
			return w->plan.files[i].text;
	return "-";
}
