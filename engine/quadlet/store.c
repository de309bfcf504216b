#include "engine/quadlet/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/quadlet/keys.h"
#include "engine/quadlet/unitfile.h"

#define FILE_MAX (16 << 20)

void pm_quadlet_bundle_free(struct pm_quadlet_bundle *b)
{
	free(b->app);
	free(b->list);
	pm_strv_free(&b->files);
	*b = (struct pm_quadlet_bundle){0};
}

/* --- lists ----------------------------------------------------------------------------------------- */

/* Names of a list; what would be outside of its directory is none. */
static int read_list(const char *dir, const char *list, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, list);
	int r = pm_fs_read_file(AT_FDCWD, path, PM_UNITFILE_MAX, &text, err);
	if (r < 0)
		return r;
	pm_strv_split(&lines, pm_buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (*lines.v[i] && !strchr(lines.v[i], '/') && strcmp(lines.v[i], "..") != 0 && strcmp(lines.v[i], ".") != 0)
			pm_strv_add(ret, lines.v[i]);
	return 0;
}

static int write_list(const char *dir, const struct pm_quadlet_bundle *b, struct pm_err *err)
{
	_cleanup_free_ char *joined = pm_strv_join(&b->files, "\n");
	_cleanup_free_ char *text = pm_asprintf("%s\n", joined), *path = pm_asprintf("%s/%s", dir, b->list);
	return pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, true, err);
}

int pm_quadlet_bundle_app(const char *dir, const char *app, struct pm_quadlet_bundle *ret, struct pm_err *err)
{
	struct pm_quadlet_bundle b = {.app = pm_strdup(app), .list = pm_asprintf(".%s.app", app)};
	int r = strchr(app, '/') ? -ENOENT : read_list(dir, b.list, &b.files, err);
	if (r < 0) {
		pm_quadlet_bundle_free(&b);
		return r == -ENOENT ? pm_fail(err, PM_E_NOSUCH, "no application %s in %s", app, dir) : r;
	}
	*ret = b;
	return 0;
}

int pm_quadlet_bundle_of(const char *dir, const char *name, struct pm_quadlet_bundle *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(AT_FDCWD, dir, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_quadlet_bundle_ struct pm_quadlet_bundle b = {0};
		const char *list = names.v[i];
		if (*list != '.' || !pm_endswith(list, ".app"))
			continue;
		_cleanup_free_ char *app = pm_strndup(list + 1, strlen(list) - strlen("..app"));
		r = pm_quadlet_bundle_app(dir, app, &b, err);
		if (r >= 0 && pm_strv_has(&b.files, name)) {
			*ret = b;
			b = (struct pm_quadlet_bundle){0};
			return 0;
		}
	}
	if (r < 0)
		return r;
	struct pm_quadlet_bundle b = {.list = pm_asprintf(".%s.asset", name)};
	pm_strv_add(&b.files, name);
	r = read_list(dir, b.list, &b.files, err);
	if (r == -ENOENT) {
		pm_err_clear(err);
		free(pm_steal(&b.list));
	} else if (r < 0) {
		pm_quadlet_bundle_free(&b);
		return r;
	}
	*ret = b;
	return 0;
}

int pm_quadlet_uninstall(const char *dir, const struct pm_quadlet_bundle *b, struct pm_err *err)
{
	for (size_t i = 0; i <= b->files.n; i++) {
		const char *name = i < b->files.n ? b->files.v[i] : b->list;
		_cleanup_free_ char *path = name ? pm_asprintf("%s/%s", dir, name) : NULL;
		if (path && unlink(path) < 0 && errno != ENOENT)
			return pm_fail_sys(err, "remove %s", path);
	}
	return 0;
}

/* --- installing ------------------------------------------------------------------------------------ */

struct copy {
	const char *dir;
	bool replace;
	struct pm_strv sources;    /* paths */
	struct pm_quadlet_bundle b; /* files: the same, as they are called in dir */
};

static void copy_free(struct copy *c)
{
	pm_strv_free(&c->sources);
	pm_quadlet_bundle_free(&c->b);
}

static int add_file(struct copy *c, const char *path, const char *name, struct pm_err *err)
{
	struct stat st;
	_cleanup_free_ char *to = pm_asprintf("%s/%s", c->dir, name);
	if (stat(path, &st) < 0)
		return pm_fail_sys(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return pm_fail(err, PM_E_USAGE, "%s is not a file", path);
	if (strchr(name, '\n') || *name == '.')
		return pm_fail(err, PM_E_USAGE, "%s cannot be installed under that name", path);
	if (pm_strv_has(&c->b.files, name))
		return pm_fail(err, PM_E_USAGE, "two files are called %s", name);
	if (!c->replace && lstat(to, &st) == 0)
		return pm_fail(err, PM_E_EXISTS, "%s exists already, refusing to overwrite it without --replace", to);
	pm_strv_add(&c->sources, path);
	pm_strv_add(&c->b.files, name);
	return 0;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_dir(struct copy *c, const char *source, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *path = pm_path_absolute(source);
	bool any = false;
	int r = pm_fs_list(AT_FDCWD, path, &names, err);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		_cleanup_free_ char *file = pm_asprintf("%s/%s", path, names.v[i]);
		if (names.v[i][0] == '.')
			continue;
		any |= pm_quadlet_kind_of(names.v[i]) != NULL;
		r = add_file(c, file, names.v[i], err);
	}
	if (r >= 0 && !any)
		return pm_fail(err, PM_E_USAGE, "there is no Quadlet file in %s", path);
	c->b.app = pm_strdup(name_of(path));
	c->b.list = pm_asprintf(".%s.app", c->b.app);
	return r < 0 ? r : 0;
}

static int add_source(struct copy *c, const char *source, bool first, struct pm_err *err)
{
	struct stat st;
	if (pm_startswith(source, "http://") || pm_startswith(source, "https://"))
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: Quadlet files are not downloaded: fetch it, look at it, and install the file",
			       source);
	if (stat(source, &st) < 0)
		return pm_fail_sys(err, "%s", source);
	if (S_ISDIR(st.st_mode))
		return first ? add_dir(c, source, err)
			     : pm_fail(err, PM_E_USAGE, "%s: a directory has to be the first argument", source);
	const char *name = name_of(source);
	if (first && !pm_quadlet_kind_of(name))
		return pm_fail(err, PM_E_USAGE, "\"%s\" is not a supported Quadlet file type", name);
	if (first && !c->b.list)
		c->b.list = pm_asprintf(".%s.asset", name);
	return add_file(c, source, name, err);
}

static int copy_file(const char *from, const char *to, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, from, FILE_MAX, &text, err);
	if (r < 0)
		return r;
	return pm_fs_write_file(AT_FDCWD, to, pm_buf_str(&text), text.len, 0644, true, err);
}

/* Of a Quadlet file and others the others are listed, where there are any. */
static int write_lists(struct copy *c, struct pm_err *err)
{
	struct pm_quadlet_bundle others = {.list = c->b.list};
	if (c->b.app)
		return write_list(c->dir, &c->b, err);
	for (size_t i = 1; i < c->b.files.n; i++)
		if (!pm_quadlet_kind_of(c->b.files.v[i]))
			pm_strv_add(&others.files, c->b.files.v[i]);
	int r = others.files.n ? write_list(c->dir, &others, err) : 0;
	pm_strv_free(&others.files);
	return r;
}

int pm_quadlet_install(const char *dir, char *const *sources, bool replace, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_(copy_free) struct copy c = {.dir = dir, .replace = replace};
	int r = 0;
	for (size_t i = 0; sources[i] && r >= 0; i++)
		r = add_source(&c, sources[i], i == 0, err);
	if (r >= 0)
		r = pm_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	if (r >= 0)
		r = write_lists(&c, err);
	for (size_t i = 0; i < c.sources.n && r >= 0; i++) {
		_cleanup_free_ char *to = pm_asprintf("%s/%s", dir, c.b.files.v[i]);
		r = copy_file(c.sources.v[i], to, err);
		if (r >= 0)
			pm_strv_add(ret, to);
	}
	return r < 0 ? r : 0;
}
