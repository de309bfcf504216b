#include "engine/build/copy_sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "engine/build/glob.h"
#include "engine/spec/rootfs.h"

struct finder {
	int dir;
	const struct pm_strv *parts; /* of the word */
	struct pm_copy_matches *ret;
	struct pm_err *err;
};

void pm_copy_matches_free(struct pm_copy_matches *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].path);
		free(m->v[i].name);
	}
	free(m->v);
	*m = (struct pm_copy_matches){0};
}

static int found(struct finder *f, const char *name)
{
	struct pm_rootfs_view view = {.dirs = &f->dir, .n_dirs = 1};
	struct pm_copy_matches *m = f->ret;
	_cleanup_free_ char *real = NULL;
	if (m->n == PM_COPY_MATCHES)
		return pm_fail(f->err, PM_E_USAGE, "more than %d sources", PM_COPY_MATCHES);
	int r = pm_rootfs_resolve(&view, name, &real, f->err);
	if (r < 0)
		return r;
	_cleanup_close_ int at = pm_fs_open_in(f->dir, real, O_PATH | O_NOFOLLOW, 0, NULL);
	if (at < 0)
		return pm_fail_errno(f->err, -at, "\"%s\"", name);
	if (m->n == m->cap) {
		m->cap = m->cap * 2 + 8;
		m->v = pm_reallocarray(m->v, m->cap, sizeof(*m->v));
	}
	m->v[m->n++] = (struct pm_copy_match){.path = pm_strdup(real + strspn(real, "/")),
					      .name = pm_strdup(name)};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the directory at, sorted; none when it is no directory (any more). */
static void list(const struct finder *f, const char *at, bool follow, struct pm_strv *ret)
{
	_cleanup_close_ int fd =
		pm_fs_open_in(f->dir, *at ? at : "/",
			      O_RDONLY | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW), 0, NULL);
	if (fd >= 0 && pm_fs_list(fd, ".", ret, NULL) >= 0 && ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
}

/* Parts from k on, in the directory at ("" or "a/b"). missing: what is not there is no error. */
static int find(struct finder *f, const char *at, size_t k, bool missing, unsigned int depth)
{
	_cleanup_free_ char *plain = NULL;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_glob_ struct pm_glob *glob = NULL;
	if (depth > PM_COPY_DEPTH)
		return pm_fail(f->err, PM_E_USAGE, "directories lie too deep");
	if (k == f->parts->n) {
		int r = found(f, at);
		return missing && (r == -ENOENT || r == -ENOTDIR || r == -ELOOP) ? 0 : r;
	}
	const char *part = f->parts->v[k], *slash = *at ? "/" : "";
	if (!pm_glob_is_wild(part, &plain)) {
		_cleanup_free_ char *next = pm_asprintf("%s%s%s", at, slash, plain);
		return find(f, next, k + 1, missing, depth + 1);
	}
	bool deep = strcmp(part, "**") == 0;
	int r = deep ? 0 : pm_glob_new(part, &glob, f->err);
	if (r >= 0 && deep && k + 1 < f->parts->n)
		r = find(f, at, k + 1, true, depth + 1);
	list(f, at, !deep, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *next = pm_asprintf("%s%s%s", at, slash, names.v[i]);
		if (deep && k + 1 < f->parts->n)
			r = find(f, next, k, true, depth + 1);
		else if (deep || pm_glob_match(glob, names.v[i]) & PM_GLOB_SELF)
			r = find(f, next, k + 1, true, depth + 1);
	}
	return r;
}

int pm_copy_find(int dir, const char *word, struct pm_copy_matches *ret, struct pm_err *err)
{
	_cleanup_free_ char *rooted = pm_asprintf("/%s", word), *clean = pm_path_clean(rooted);
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	struct finder f = {.dir = dir, .parts = &parts, .ret = ret, .err = err};
	if (clean[1])
		pm_strv_split(&parts, clean + 1, '/');
	return find(&f, "", 0, false, 0);
}
