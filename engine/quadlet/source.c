#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/quadlet/quadlet.h"

/* Directories below directories. */
#define DEPTH_MAX 32

static void quadlet_free(struct pm_quadlet *q)
{
	free(q->name);
	free(q->path);
	free(q->service);
	free(q->resource);
	pm_unitfile_free(&q->in);
	pm_unitfile_free(&q->out);
	pm_strv_free(&q->started);
	free(q);
}

void pm_quadlet_set_free(struct pm_quadlet_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		quadlet_free(set->v[i]);
	free(set->v);
	for (size_t i = 0; i < set->n_notes; i++)
		free(set->notes[i].text);
	free(set->notes);
	*set = (struct pm_quadlet_set){0};
}

static int by_quadlet_name(const void *a, const void *b)
{
	return strcmp((*(struct pm_quadlet *const *)a)->name, (*(struct pm_quadlet *const *)b)->name);
}

static int is_called(const void *name, const void *quadlet)
{
	return strcmp(name, (*(struct pm_quadlet *const *)quadlet)->name);
}

struct pm_quadlet *pm_quadlet_find(const struct pm_quadlet_set *set, const char *name)
{
	struct pm_quadlet **q = set->n ? bsearch(name, set->v, set->n, sizeof(*set->v), is_called) : NULL;
	return q && !(*q)->masked ? *q : NULL;
}

static void add_note(struct pm_quadlet_set *set, const struct pm_quadlet *q, bool error, char *text)
{
	set->notes = pm_reallocarray(set->notes, set->n_notes + 1, sizeof(*set->notes));
	set->notes[set->n_notes++] = (struct pm_quadlet_note){.of = q, .error = error, .text = text};
}

void pm_quadlet_note(struct pm_quadlet_set *set, const struct pm_quadlet *q, const struct pm_unitline *line,
		     bool error, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = pm_vasprintf(fmt, ap);
	va_end(ap);
	if (line && line->file)
		add_note(set, q, error, pm_asprintf("%s:%d: %s", line->file, line->line, text));
	else
		add_note(set, q, error, pm_asprintf("%s: %s", q->path, text));
}

/* --- where ----------------------------------------------------------------------------------------- */

char *pm_quadlet_install_dir(bool user)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (!user)
		return pm_strdup("/etc/containers/systemd");
	if (config && *config == '/')
		return pm_asprintf("%s/containers/systemd", config);
	return home && *home == '/' ? pm_asprintf("%s/.config/containers/systemd", home) : NULL;
}

void pm_quadlet_dirs(bool user, uid_t uid, struct pm_strv *ret)
{
	const char *given = getenv("QUADLET_UNIT_DIRS"), *runtime = getenv("XDG_RUNTIME_DIR");
	if (given && *given) {
		_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
		pm_strv_split(&parts, given, ':');
		for (size_t i = 0; i < parts.n; i++)
			if (*parts.v[i])
				pm_strv_take(ret, pm_path_absolute(parts.v[i]));
		return;
	}
	_cleanup_free_ char *own = pm_quadlet_install_dir(user);
	if (!user) {
		pm_strv_add(ret, "/run/containers/systemd");
		pm_strv_add(ret, own);
		pm_strv_add(ret, "/usr/share/containers/systemd");
		return;
	}
	if (runtime && *runtime == '/')
		pm_strv_addf(ret, "%s/containers/systemd", runtime);
	if (own)
		pm_strv_take(ret, pm_steal(&own));
	static const char *const shared[] = {"/etc/containers/systemd/users", "/usr/share/containers/systemd/users"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(shared); i++) {
		pm_strv_addf(ret, "%s/%" PRIuMAX, shared[i], (uintmax_t)uid);
		pm_strv_add(ret, shared[i]);
	}
}

/* --- directories ----------------------------------------------------------------------------------- */

struct place {
	dev_t dev;
	ino_t ino;
};

/* Read once, whatever number of files it is for. */
struct dropin {
	char *dir; /* "container.d" */
	char *path;
	struct pm_buf text;
	char *error; /* why it cannot be read */
};

struct walk {
	struct pm_quadlet_set *set;
	struct place *seen;
	size_t n_seen;
	struct dropin *dropins;
	size_t n_dropins;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In a `users` directory others' are below their numbers; in the system's, `users` is no business of it. */
static bool of_others(const struct walk *w, const char *dir, const char *name)
{
	if (!w->set->user)
		return strcmp(name, "users") == 0 && pm_endswith(dir, "/containers/systemd");
	return pm_endswith(dir, "/containers/systemd/users") && name[strspn(name, "0123456789")] == '\0';
}

static void found(struct walk *w, const char *dir, const char *name, const struct pm_quadlet_kind *kind)
{
	struct pm_quadlet_set *set = w->set;
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i]->name, name) == 0)
			return;
	struct pm_quadlet *q = PM_NEW(struct pm_quadlet);
	q->kind = kind;
	q->name = pm_strdup(name);
	q->path = pm_asprintf("%s/%s", dir, name);
	set->v = pm_reallocarray(set->v, set->n + 1, sizeof(*set->v));
	set->v[set->n++] = q;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* 0: read, 1: a symlink to /dev/null; < 0 with err. */
static int read_text(const char *path, struct pm_buf *text, struct pm_err *err)
{
	struct stat st;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_fail_sys(err, "%s", path);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return 1;
	if (!S_ISREG(st.st_mode))
		return pm_fail(err, PM_E_FORMAT, "%s: not a file", path);
	int r = pm_fs_read_fd(fd, PM_UNITFILE_MAX, text, err);
	return r < 0 ? pm_wrap(err, "%s", path) : 0;
}

static void add_dropins(struct walk *w, const char *dir)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (pm_fs_list(AT_FDCWD, dir, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		struct pm_err err = PM_ERR_INIT;
		struct dropin d = {0};
		if (!pm_endswith(names.v[i], ".conf") || names.v[i][0] == '.')
			continue;
		d.dir = pm_strdup(file_name(dir));
		d.path = pm_asprintf("%s/%s", dir, names.v[i]);
		if (read_text(d.path, &d.text, &err) < 0)
			d.error = pm_strdup(err.text);
		w->dropins = pm_reallocarray(w->dropins, w->n_dropins + 1, sizeof(*w->dropins));
		w->dropins[w->n_dropins++] = d;
	}
}

static void walk_free(struct walk *w)
{
	for (size_t i = 0; i < w->n_dropins; i++) {
		free(w->dropins[i].dir);
		free(w->dropins[i].path);
		free(w->dropins[i].error);
		pm_buf_free(&w->dropins[i].text);
	}
	free(w->dropins);
	free(w->seen);
}

static void walk_dir(struct walk *w, const char *path, int depth)
{
	struct stat st;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || depth > DEPTH_MAX)
		return;
	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i].dev == st.st_dev && w->seen[i].ino == st.st_ino)
			return;
	w->seen = pm_reallocarray(w->seen, w->n_seen + 1, sizeof(*w->seen));
	w->seen[w->n_seen++] = (struct place){.dev = st.st_dev, .ino = st.st_ino};
	if (pm_fs_list(fd, ".", &names, NULL) < 0)
		return;
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];
		const struct pm_quadlet_kind *kind = pm_quadlet_kind_of(name);
		if (*name == '.' || strchr(name, '\n') || (!kind && of_others(w, path, name)))
			continue;
		if (kind) {
			found(w, path, name, kind);
			continue;
		}
		if (fstatat(fd, name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
			continue;
		_cleanup_free_ char *below = pm_asprintf("%s/%s", path, name);
		if (pm_endswith(name, ".d"))
			add_dropins(w, below);
		else
			walk_dir(w, below, depth + 1);
	}
}

/* --- reading --------------------------------------------------------------------------------------- */

/* The drop-in directories for a file, those that win first: foo-bar@x.container.d, foo-bar@.container.d,
 * foo-@.container.d, foo-.container.d, container.d (systemd.unit(5)). */
static void dropin_names(const struct pm_quadlet *q, struct pm_strv *ret)
{
	const char *ext = q->kind->ext;
	_cleanup_free_ char *base = pm_strndup(q->name, strlen(q->name) - strlen(ext));
	char *at = strchr(base, '@');
	pm_strv_addf(ret, "%s.d", q->name);
	if (at && at[1]) {
		at[1] = '\0';
		pm_strv_addf(ret, "%s%s.d", base, ext);
	}
	if (at)
		*at = '\0';
	for (size_t n = strlen(base); n > 1; n--) {
		if (base[n - 1] != '-' || n == strlen(base))
			continue;
		if (at)
			pm_strv_addf(ret, "%.*s@%s.d", (int)n, base, ext);
		pm_strv_addf(ret, "%.*s%s.d", (int)n, base, ext);
	}
	pm_strv_addf(ret, "%s.d", ext + 1);
}

static int by_file_name(const void *a, const void *b)
{
	const struct dropin *const *one = a, *const *two = b;
	return strcmp(file_name((*one)->path), file_name((*two)->path));
}

/* Those for q, sorted; of one file name the one in the first directory. Returns how many. */
static size_t choose_dropins(const struct walk *w, const struct pm_quadlet *q, const struct dropin **ret)
{
	_cleanup_strv_ struct pm_strv dirs = PM_STRV_INIT;
	size_t n = 0;
	dropin_names(q, &dirs);
	for (size_t i = 0; i < dirs.n; i++) {
		for (size_t k = 0; k < w->n_dropins; k++) {
			const struct dropin *d = &w->dropins[k];
			bool have = strcmp(d->dir, dirs.v[i]) != 0;
			for (size_t j = 0; j < n && !have; j++)
				have = strcmp(file_name(ret[j]->path), file_name(d->path)) == 0;
			if (!have)
				ret[n++] = d;
		}
	}
	if (n)
		qsort(ret, n, sizeof(struct dropin *), by_file_name);
	return n;
}

static void load_one(struct walk *w, struct pm_quadlet *q)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = read_text(q->path, &text, &err);
	q->masked = r == 1;
	if (q->masked)
		return;
	if (r >= 0)
		r = pm_unitfile_parse(&q->in, q->path, pm_buf_str(&text), text.len, &err);
	_cleanup_free_ const struct dropin **chosen = pm_calloc(w->n_dropins + 1, sizeof(*chosen));
	size_t n = w->n_dropins ? choose_dropins(w, q, chosen) : 0;
	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct dropin *d = chosen[i];
		r = d->error ? pm_fail(&err, PM_E_FORMAT, "%s", d->error)
			     : pm_unitfile_parse(&q->in, d->path, pm_buf_str(&d->text), d->text.len, &err);
	}
	if (r < 0) {
		q->failed = true;
		add_note(w->set, q, true, pm_strdup(err.text));
	}
}

void pm_quadlet_load(struct pm_quadlet_set *set, const struct pm_strv *dirs)
{
	struct walk w = {.set = set};
	for (size_t i = 0; i < dirs->n; i++)
		walk_dir(&w, dirs->v[i], 0);
	if (set->n)
		qsort(set->v, set->n, sizeof(*set->v), by_quadlet_name);
	for (size_t i = 0; i < set->n; i++)
		load_one(&w, set->v[i]);
	walk_free(&w);
}
