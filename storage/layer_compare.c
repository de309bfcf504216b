#include "storage/layer_compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/tar.h"
#include "storage/untar_dirs.h"

struct entry {
	char *path; /* owned */
	char *link; /* of a symlink; owned */
	uint64_t size;
	size_t order;
	enum pm_tar_type type;
};

struct pm_layer_compare {
	struct pm_tar_reader *tar;
	struct entry *v;
	size_t n, cap;
};

struct pm_layer_compare *pm_layer_compare_new(void)
{
	struct pm_layer_compare *c = PM_NEW(struct pm_layer_compare);
	c->tar = pm_tar_reader_new(NULL, NULL);
	return c;
}

void pm_layer_compare_free(struct pm_layer_compare *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].link);
	}
	free(c->v);
	pm_tar_reader_free(c->tar);
	free(c);
}

static int add(struct pm_layer_compare *c, const struct pm_tar_entry *e, struct pm_err *err)
{
	struct pm_layer_path p;
	int r = pm_layer_path_set(&p, e->path, err);
	/* a whiteout is no file, and takes away only what is below this layer */
	if (r < 0 || !*p.whole || pm_startswith(p.base, ".wh."))
		return r;
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 256;
		c->v = pm_reallocarray(c->v, c->cap, sizeof(*c->v));
	}
	c->v[c->n] = (struct entry){
		.path = pm_strdup(p.whole),
		.link = e->type == PM_TAR_SYMLINK ? pm_strdup(e->link) : NULL,
		.size = e->size,
		.order = c->n,
		.type = e->type,
	};
	c->n++;
	return 0;
}

int pm_layer_compare_push(struct pm_layer_compare *c, const void *data, size_t len,
			  struct pm_err *err)
{
	pm_tar_reader_input(c->tar, data, len);
	int ev, r = 0;
	while (r >= 0 && (ev = pm_tar_reader_next(c->tar, err)) > PM_TAR_MORE && ev != PM_TAR_END) {
		if (ev == PM_TAR_ENTRY)
			r = add(c, pm_tar_reader_entry(c->tar), err);
	}
	return r < 0 ? r : ev < 0 ? ev : 0;
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->path, y->path);
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static bool is_type(mode_t mode, enum pm_tar_type type)
{
	switch (type) {
	case PM_TAR_FILE:
		return S_ISREG(mode);
	case PM_TAR_SYMLINK:
		return S_ISLNK(mode);
	case PM_TAR_DIR:
		return S_ISDIR(mode);
	case PM_TAR_FIFO:
		return S_ISFIFO(mode);
	case PM_TAR_HARDLINK: /* of what its target is */
	case PM_TAR_CHAR:
	case PM_TAR_BLOCKDEV:
	default:
		return true;
	}
}

static int compare(const struct entry *e, int diff, struct pm_err *err)
{
	struct stat st;
	char shown[PM_SHOWN_MAX];
	if (e->type == PM_TAR_CHAR || e->type == PM_TAR_BLOCKDEV)
		return 0; /* made only for the host's root */
	_cleanup_close_ int fd = pm_fs_open_in(diff, e->path, O_PATH | O_NOFOLLOW, 0, NULL);
	pm_layer_shown(e->path, shown);
	if (fd < 0)
		return pm_fail(err, PM_E_DIGEST, "'%s' is missing", shown);
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "stat '%s'", shown);
	if (!is_type(st.st_mode, e->type))
		return pm_fail(err, PM_E_DIGEST, "'%s' is of another type", shown);
	if (e->type == PM_TAR_FILE && (uint64_t)st.st_size != e->size)
		return pm_fail(err, PM_E_DIGEST, "'%s' has %lld bytes, not %llu", shown,
			       (long long)st.st_size, (unsigned long long)e->size);
	if (e->type != PM_TAR_SYMLINK)
		return 0;
	_cleanup_free_ char *link = NULL;
	int r = pm_fs_readlink(fd, "", &link, err);
	if (r < 0 || strcmp(link, e->link) == 0)
		return r;
	return pm_fail(err, PM_E_DIGEST, "symlink '%s' leads elsewhere", shown);
}

/* A parent that a later entry made something else hides what was below. */
static bool is_hidden(const struct pm_layer_compare *c, size_t i)
{
	const struct entry *e = &c->v[i];
	for (const char *slash = strchr(e->path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - e->path);
		/* among those before in order of path: parents sort before what is below */
		for (size_t k = i; k > 0 && strncmp(c->v[k - 1].path, e->path, len) == 0; k--) {
			const struct entry *p = &c->v[k - 1];
			if (p->path[len] == '\0' && p->order > e->order && p->type != PM_TAR_DIR)
				return true;
		}
	}
	return false;
}

int pm_layer_compare_finish(struct pm_layer_compare *c, int diff, struct pm_err *err)
{
	int r = pm_tar_reader_end(c->tar, err);
	if (r >= 0 && c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_path);
	for (size_t i = 0; r >= 0 && i < c->n; i++) {
		if (i + 1 < c->n && strcmp(c->v[i].path, c->v[i + 1].path) == 0)
			continue; /* replaced */
		r = compare(&c->v[i], diff, err);
		if (r == -PM_E_DIGEST && is_hidden(c, i)) {
			pm_err_clear(err);
			r = 0;
		}
	}
	return r < 0 ? r : 0;
}
