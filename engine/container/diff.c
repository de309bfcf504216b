#include "engine/container/diff.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/tree.h"
#include "engine/image/resolve.h"
#include "storage/tree_diff.h"

enum { OUTPUT_MAX = 1 << 30 };

/* Made by the start of a container, as Podman knows them. */
static const char *const own[] = {
	"/dev",	 "/etc/hostname",      "/etc/hosts",   "/etc/mtab", "/etc/resolv.conf",
	"/proc", "/run",	       "/run/.containerenv", "/run/notify", "/run/secrets",
	"/sys",
};

struct difference {
	struct pm_tree_diff what;
	int out; /* letter, path, NUL */
	struct pm_buf buf;
};

static int flush(struct difference *d, struct pm_err *err)
{
	int r = d->buf.len ? pm_fs_write_all(d->out, d->buf.data, d->buf.len, err) : 0;
	pm_buf_cut(&d->buf, 0);
	return r;
}

static int add(void *arg, enum pm_tree_change what, const char *path, struct pm_err *err)
{
	static const char letters[] = {
		[PM_TREE_CHANGED] = 'C', [PM_TREE_ADDED] = 'A', [PM_TREE_DELETED] = 'D'};
	struct difference *d = arg;
	for (size_t i = 0; i < PM_ARRAY_SIZE(own); i++) {
		if (strcmp(own[i], path) == 0)
			return 0;
	}
	pm_buf_add_char(&d->buf, letters[what]);
	pm_buf_add(&d->buf, path, strlen(path) + 1);
	return d->buf.len > 65536 ? flush(d, err) : 0;
}

static int compare(void *arg, struct pm_err *err)
{
	struct difference *d = arg;
	int r = pm_tree_diff(&d->what, add, d, err);
	if (r >= 0)
		r = flush(d, err);
	pm_buf_free(&d->buf);
	return r;
}

/* The tree that name means. */
static int find(struct pm_engine *e, enum pm_diff_kind kind, const char *name, struct pm_tree *t,
		struct pm_err *err)
{
	struct pm_container c;
	char id[65];
	int r = -PM_E_NOSUCH;
	if (kind != PM_DIFF_IMAGE) {
		pm_container_init(&c);
		r = pm_container_load(e, name, &c, err);
		if (r >= 0)
			r = pm_tree_of_container(e, &c, "compare", t, err);
		pm_container_free(&c);
	}
	if (r == -PM_E_NOSUCH && kind != PM_DIFF_CONTAINER) {
		r = pm_image_resolve(e->store, name, id, NULL, err);
		if (r == -PM_E_NOSUCH && kind == PM_DIFF_ANY)
			return pm_fail(err, PM_E_NOSUCH, "%s not found: no such container or image", name);
		if (r >= 0)
			r = pm_tree_of_image(e->store, id, t, err);
	}
	return r;
}

static int read_output(int fd, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "lseek");
	int r = pm_fs_read_fd(fd, OUTPUT_MAX, &text, err);
	for (size_t at = 0; r >= 0 && at < text.len; at += strlen(text.data + at) + 1)
		pm_strv_add(ret, text.data + at);
	return r;
}

int pm_diff(struct pm_engine *e, enum pm_diff_kind kind, const char *name, const char *base,
	    struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0}, other = {0};
	_cleanup_close_ int out = memfd_create("diff", MFD_CLOEXEC);
	struct difference d = {.out = out};
	if (out < 0)
		return pm_fail_sys(err, "memfd_create");
	int r = find(e, kind, name, &tree, err);
	if (r >= 0 && base)
		r = find(e, PM_DIFF_ANY, base, &other, err);
	if (r < 0)
		return r;
	d.what.to = tree.fds;
	d.what.n_to = tree.copied ? 1 : tree.n;
	if (base) {
		d.what.from = other.fds;
		d.what.n_from = other.copied ? 1 : other.n;
	} else {
		/* only the topmost directory is looked at, but for a whole copy */
		d.what.n_to = tree.n > 0 ? 1 : 0;
		d.what.upper = tree.n > 0 && !tree.copied;
		d.what.from = tree.n > 0 ? tree.fds + 1 : NULL;
		d.what.n_from = tree.n > 0 ? tree.n - 1 : 0;
	}
	r = pm_tree_run(e->store, compare, &d, err);
	return r < 0 ? pm_wrap(err, "compare %s", name) : read_output(out, ret, err);
}
