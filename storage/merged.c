#include "storage/merged.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* A name as one layer has it. */
struct found {
	const char *name;
	unsigned int layer;
	bool is_dir, whiteout;
};

struct listing {
	struct pm_merged_dir *dir;
	struct found *v;
	size_t n, cap;
};

void pm_merged_close(struct pm_merged_dir *d)
{
	for (size_t i = 0; d->fds && i < d->n; i++) {
		if (d->fds[i] >= 0)
			close(d->fds[i]);
	}
	free(d->fds);
	free(d->entries);
	pm_strv_free(&d->names);
	*d = (struct pm_merged_dir){0};
}

/* 'y': hides what is below; 'x': empty files with an xattr are whiteouts; 0: none. */
static char opaque_mark(int fd)
{
	static const char *const names[] = {"user.overlay.opaque", "user.fuseoverlayfs.opaque"};
	char v = 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		if (fgetxattr(fd, names[i], &v, 1) == 1)
			return v;
	}
	return 0;
}

static bool is_xattr_whiteout(int dirfd, const char *name)
{
	char v;
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && fgetxattr(fd, "user.overlay.whiteout", &v, 0) >= 0;
}

static void add_found(struct listing *l, const char *name, unsigned int layer, bool is_dir,
		      bool whiteout)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		l->v = pm_reallocarray(l->v, l->cap, sizeof(*l->v));
	}
	pm_strv_add(&l->dir->names, name);
	l->v[l->n++] = (struct found){l->dir->names.v[l->dir->names.n - 1], layer, is_dir, whiteout};
}

static void add_entry(struct listing *l, unsigned int layer, char mark, const struct dirent *e)
{
	int fd = l->dir->fds[layer];
	const char *name = e->d_name;
	unsigned char type = e->d_type;
	struct stat st = {0};
	if (pm_startswith(name, WHITEOUT)) {
		if (!pm_startswith(name, WHITEOUT_META) && name[strlen(WHITEOUT)])
			add_found(l, name + strlen(WHITEOUT), layer, false, true);
		return;
	}
	if (type == DT_UNKNOWN || type == DT_CHR || (mark == 'x' && type == DT_REG)) {
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return; /* gone by now */
		type = (unsigned char)IFTODT(st.st_mode);
	}
	bool whiteout = (type == DT_CHR && st.st_rdev == makedev(0, 0)) ||
			(mark == 'x' && type == DT_REG && st.st_size == 0 &&
			 is_xattr_whiteout(fd, name));
	add_found(l, name, layer, type == DT_DIR, whiteout);
}

static int list_layer(struct listing *l, unsigned int layer, char mark, struct pm_err *err)
{
	int copy = openat(l->dir->fds[layer], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		int r = pm_fail_sys(err, "read a directory");
		if (copy >= 0)
			close(copy);
		return r;
	}
	struct dirent *e;
	errno = 0;
	while ((e = readdir(d))) {
		if (!pm_streq(e->d_name, ".") && !pm_streq(e->d_name, ".."))
			add_entry(l, layer, mark, e);
		errno = 0;
	}
	int r = errno ? pm_fail_sys(err, "read a directory") : 0;
	closedir(d);
	return r;
}

/* Of one layer, a whiteout comes after the entry that it lets stand. */
static int by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = strcmp(x->name, y->name);
	if (r == 0)
		r = x->layer != y->layer ? (x->layer < y->layer ? -1 : 1)
					 : (int)x->whiteout - (int)y->whiteout;
	return r;
}

/* v[0..n) are of one name. */
static void merge_name(struct pm_merged_dir *d, const struct found *v, size_t n)
{
	struct pm_merged_entry e = {
		.name = v->name,
		.layer = v->layer,
		.is_dir = v->is_dir,
		.whiteout = v->whiteout,
		.end = (unsigned int)d->n,
	};
	if (v->whiteout && !d->raw)
		return;
	for (size_t i = 1; i < n; i++) {
		if (!v[i].is_dir || v[i].whiteout) {
			e.end = v[i].layer > v->layer ? v[i].layer : v->layer + 1;
			break;
		}
	}
	d->entries[d->n_entries++] = e;
}

/* fds are open: list them and put the lists together. */
static int fill(struct pm_merged_dir *d, struct pm_err *err)
{
	struct listing l = {.dir = d};
	int r = 0;
	bool first = true;
	for (unsigned int i = 0; r >= 0 && i < d->n; i++) {
		if (d->fds[i] < 0)
			continue;
		char mark = opaque_mark(d->fds[i]);
		struct stat st;
		bool opaque = mark == 'y' || fstatat(d->fds[i], WHITEOUT_OPAQUE, &st,
						     AT_SYMLINK_NOFOLLOW) == 0;
		if (first)
			d->opaque = opaque;
		first = false;
		r = list_layer(&l, i, mark, err);
		for (size_t k = i + 1; opaque && k < d->n; k++) {
			if (d->fds[k] >= 0)
				close(d->fds[k]);
			d->fds[k] = -1;
		}
	}
	if (r >= 0 && l.n > 0) {
		qsort(l.v, l.n, sizeof(*l.v), by_name);
		d->entries = pm_calloc(l.n, sizeof(*d->entries));
		for (size_t at = 0, end; at < l.n; at = end) {
			for (end = at + 1; end < l.n && strcmp(l.v[at].name, l.v[end].name) == 0;)
				end++;
			merge_name(d, l.v + at, end - at);
		}
	}
	free(l.v);
	return r;
}

static void prepare(struct pm_merged_dir *d, size_t n, bool raw, unsigned int depth)
{
	*d = (struct pm_merged_dir){.n = n, .raw = raw, .depth = depth};
	d->fds = pm_calloc(n ? n : 1, sizeof(*d->fds));
	for (size_t i = 0; i < n; i++)
		d->fds[i] = -1;
}

int pm_merged_open(const int *layers, size_t n, bool raw, struct pm_merged_dir *ret,
		   struct pm_err *err)
{
	prepare(ret, n, raw, 0);
	for (size_t i = 0; i < n; i++) {
		ret->fds[i] = pm_fs_open(layers[i], ".", O_RDONLY | O_DIRECTORY, 0, err);
		if (ret->fds[i] < 0)
			return ret->fds[i];
	}
	return fill(ret, err);
}

int pm_merged_sub(const struct pm_merged_dir *d, const struct pm_merged_entry *e,
		  struct pm_merged_dir *ret, struct pm_err *err)
{
	prepare(ret, d->n, d->raw, d->depth + 1);
	if (ret->depth > PM_MERGED_DEPTH_MAX)
		return pm_fail(err, ELOOP, "more than %d directories within each other",
			       PM_MERGED_DEPTH_MAX);
	for (size_t i = e->layer; i < e->end; i++) {
		if (d->fds[i] < 0)
			continue;
		ret->fds[i] = openat(d->fds[i], e->name,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (ret->fds[i] < 0 && errno != ENOENT)
			return pm_fail_sys(err, "open the directory");
	}
	return fill(ret, err);
}

int pm_merged_self(const struct pm_merged_dir *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->fds[i] >= 0)
			return d->fds[i];
	}
	return -1;
}

const struct pm_merged_entry *pm_merged_find(const struct pm_merged_dir *d, const char *name)
{
	size_t low = 0, high = d->n_entries;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(d->entries[mid].name, name);
		if (r == 0)
			return &d->entries[mid];
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
