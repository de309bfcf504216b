#include "storage/storage_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/toml.h"
#include "storage/quota.h"

enum { CONF_MAX = 1 << 20 };

void pm_storage_conf_free(struct pm_storage_conf *c)
{
	free(c->root);
	free(c->runroot);
	free(c->driver);
	pm_strv_free(&c->extra);
	*c = (struct pm_storage_conf){0};
}

/* $HOME, $UID and $USER, as storage.conf(5) has them in paths. The caller frees. */
static char *expand(const char *path)
{
	const char *home = getenv("HOME"), *user = getenv("USER");
	_cleanup_free_ char *uid = pm_asprintf("%u", (unsigned int)getuid());
	const struct {
		const char *name, *value;
	} vars[] = {{"$HOME", home ? home : ""}, {"$UID", uid}, {"$USER", user ? user : ""}};
	struct pm_buf b = PM_BUF_INIT;
	while (*path) {
		size_t i = 0;
		while (i < PM_ARRAY_SIZE(vars) && !pm_startswith(path, vars[i].name))
			i++;
		if (i < PM_ARRAY_SIZE(vars)) {
			pm_buf_add_str(&b, vars[i].value);
			path += strlen(vars[i].name);
		} else {
			pm_buf_add_char(&b, *path++);
		}
	}
	return pm_buf_take(&b);
}

static int take_string(const struct pm_json *v, const char *key, const char **ret, struct pm_err *err)
{
	if (!pm_json_is(v, PM_JSON_STRING))
		return pm_fail(err, PM_E_FORMAT, "%s is no string", key);
	*ret = v->len ? v->string : NULL;
	return 0;
}

/* Where Podman keeps its files when nobody says otherwise: nobody has chosen that for pm. */
static bool is_podmans(const char *path)
{
	static const char *const defaults[] = {"/var/lib/containers/storage", "/run/containers/storage",
					       "/var/run/containers/storage"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(defaults); i++) {
		if (strcmp(path, defaults[i]) == 0)
			return true;
	}
	return pm_endswith(path, "/.local/share/containers/storage");
}

static int take_dir(const struct pm_json *v, const char *key, char **ret, struct pm_err *err)
{
	const char *given = NULL;
	int r = take_string(v, key, &given, err);
	if (r < 0 || !given)
		return r;
	_cleanup_free_ char *path = expand(given);
	if (*path != '/')
		return pm_fail(err, PM_E_USAGE, "%s \"%s\" must be an absolute path", key, given);
	_cleanup_free_ char *clean = pm_path_clean(path);
	free(*ret);
	*ret = is_podmans(clean) ? NULL : pm_path_join(clean, "pm");
	return 0;
}

static void set_driver(struct pm_storage_conf *c, const char *driver)
{
	free(c->driver);
	c->driver = pm_strdup_null(driver);
}

/* What root says of all containers is not what a user can do. */
static int take_quota(const struct pm_json *t, const char *name, bool of_system, struct pm_storage_conf *c,
		      struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(t, name);
	const char *value = NULL;
	int r = v ? take_string(v, name, &value, err) : 0;
	if (r < 0 || !value || of_system)
		return r;
	_cleanup_free_ char *word = pm_asprintf("%s=%s", name, value);
	r = pm_quota_word(word, &c->quota, err);
	return r < 0 ? r : 0;
}

static int take_quotas(const struct pm_json *t, bool of_system, struct pm_storage_conf *c, struct pm_err *err)
{
	int r = take_quota(t, "size", of_system, c, err);
	return r < 0 ? r : take_quota(t, "inodes", of_system, c, err);
}

static int take_overlay(const struct pm_json *t, bool of_system, struct pm_storage_conf *c, struct pm_err *err)
{
	const struct pm_json *v = pm_json_get(t, "mount_program");
	const char *program = NULL;
	int r = v ? take_string(v, "mount_program", &program, err) : 0;
	if (program && pm_endswith(program, "fuse-overlayfs"))
		set_driver(c, "fuse-overlayfs");
	else if (program)
		pm_debug("storage.conf: mount_program %s is passed over: pm knows fuse-overlayfs", program);
	return r < 0 ? r : take_quotas(t, of_system, c, err);
}

static int take_options(const struct pm_json *t, bool of_system, struct pm_storage_conf *c, struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(t); i++) {
		const struct pm_json_member *m = &t->members[i];
		int r = 0;
		if (strcmp(m->name, "additionalimagestores") == 0)
			r = pm_json_to_strv(m->value, &c->extra, err);
		else if (strcmp(m->name, "overlay") == 0)
			r = take_overlay(m->value, of_system, c, err);
		else if (strcmp(m->name, "mount_program") == 0 || strcmp(m->name, "size") == 0 ||
			 strcmp(m->name, "inodes") == 0)
			r = take_overlay(t, of_system, c, err);
		else
			pm_debug("storage.conf: storage.options.%s is passed over", m->name);
		if (r < 0)
			return pm_wrap(err, "storage.options");
	}
	return 0;
}

static int take_storage(const struct pm_json *t, bool of_system, struct pm_storage_conf *c,
			struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(t); i++) {
		const struct pm_json_member *m = &t->members[i];
		const char *text = NULL;
		int r = 0;
		if (strcmp(m->name, "driver") == 0) {
			r = take_string(m->value, m->name, &text, err);
			if (text && strcmp(text, "vfs") == 0)
				set_driver(c, text);
			else if (text && !pm_startswith(text, "overlay"))
				pm_debug("storage.conf: pm has no driver %s", text);
		} else if (strcmp(m->name, of_system ? "rootless_storage_path" : "graphroot") == 0) {
			r = take_dir(m->value, m->name, &c->root, err);
		} else if (!of_system && strcmp(m->name, "runroot") == 0) {
			r = take_dir(m->value, m->name, &c->runroot, err);
		} else if (strcmp(m->name, "options") == 0) {
			r = take_options(m->value, of_system, c, err);
		} else {
			pm_debug("storage.conf: storage.%s is passed over", m->name);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int pm_storage_conf_parse(const char *text, size_t len, bool of_system, struct pm_storage_conf *ret,
			  struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_storage_conf_ struct pm_storage_conf c = {0};
	struct pm_json *root;
	int r = pm_toml_parse(pool, text, len, &root, err);
	if (r >= 0)
		r = take_storage(pm_json_get(root, "storage"), of_system, &c, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct pm_storage_conf){0};
	return 0;
}

/* 1: that file counts, 0: it is not there. */
static int load_file(const char *path, bool of_system, struct pm_storage_conf *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, CONF_MAX, &text, &why);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r >= 0)
		r = pm_storage_conf_parse(pm_buf_str(&text), text.len, of_system, ret, &why);
	if (r >= 0)
		return 1;
	return pm_fail(err, why.code, "%s: %s", path, why.text);
}

int pm_storage_conf_load(struct pm_storage_conf *ret, struct pm_err *err)
{
	const char *named = getenv("CONTAINERS_STORAGE_CONF");
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	bool user = !pm_proc_for_system();
	int r = 0;
	if (named && *named) {
		r = load_file(named, false, ret, err);
		return r ? (r < 0 ? r : 0)
			 : pm_fail(err, ENOENT, "%s, which CONTAINERS_STORAGE_CONF names, is not there",
				   named);
	}
	if (user && ((config && *config == '/') || (home && *home == '/'))) {
		_cleanup_free_ char *path = config && *config == '/'
						    ? pm_asprintf("%s/containers/storage.conf", config)
						    : pm_asprintf("%s/.config/containers/storage.conf", home);
		r = load_file(path, false, ret, err);
	}
	if (r == 0)
		r = load_file("/etc/containers/storage.conf", user, ret, err);
	if (r == 0)
		r = load_file("/usr/share/containers/storage.conf", user, ret, err);
	return r < 0 ? r : 0;
}
