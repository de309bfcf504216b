#include "storage/tree_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "storage/merged.h"

struct walk {
	const struct pm_tree_diff *what;
	pm_tree_diff_fn *fn;
	void *arg;
	struct pm_buf path;
	size_t told; /* length of the last directory on path that was told of */
};

static int diff_dir(struct walk *w, struct pm_merged_dir *from, struct pm_merged_dir *to,
		    struct pm_err *err);

/* Tell of what path is now; of the directories above it first, which are changed with it. */
static int tell(struct walk *w, enum pm_tree_change what, struct pm_err *err)
{
	int r = 0;
	size_t len = w->path.len;
	for (size_t at = w->told + 1; r >= 0 && at < len; at++) {
		if (w->path.data[at] != '/')
			continue;
		w->path.data[at] = '\0';
		r = w->fn(w->arg, PM_TREE_CHANGED, w->path.data, err);
		w->path.data[at] = '/';
		w->told = at;
	}
	return r < 0 ? r : w->fn(w->arg, what, pm_buf_str(&w->path), err);
}

static bool same(int a, int b, const char *name, bool dir, struct pm_err *err, int *ret)
{
	struct stat x, y;
	*ret = 0;
	if (fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW) < 0) {
		*ret = pm_fail_sys(err, "look at '%s'", name);
		return false;
	}
	if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid ||
	    x.st_rdev != y.st_rdev)
		return false;
	if (dir)
		return true;
	if (x.st_mtim.tv_sec != y.st_mtim.tv_sec || x.st_size != y.st_size)
		return false;
	if (!S_ISLNK(x.st_mode))
		return true;
	_cleanup_free_ char *s = NULL, *t = NULL;
	return pm_fs_readlink(a, name, &s, NULL) >= 0 && pm_fs_readlink(b, name, &t, NULL) >= 0 &&
	       pm_streq(s, t);
}

/* e is in to; was: in from, or NULL. */
static int diff_entry(struct walk *w, struct pm_merged_dir *from,
		      const struct pm_merged_entry *was, struct pm_merged_dir *to,
		      const struct pm_merged_entry *e, struct pm_err *err)
{
	_cleanup_merged_ struct pm_merged_dir sub = {0}, old = {0};
	int r = 0;
	if (e->whiteout)
		return was ? tell(w, PM_TREE_DELETED, err) : 0;
	bool dirs = was && was->is_dir && e->is_dir;
	if (!was)
		r = tell(w, PM_TREE_ADDED, err);
	else if (w->what->upper ||
		 !same(pm_merged_fd(from, was), pm_merged_fd(to, e), e->name, dirs, err, &r))
		r = r < 0 ? r : tell(w, PM_TREE_CHANGED, err);
	else if (r < 0 || !dirs)
		return r;
	else
		goto below; /* told of when something in it is */
	w->told = w->path.len;
below:
	if (r >= 0 && e->is_dir)
		r = pm_merged_sub(to, e, &sub, err);
	if (r >= 0 && dirs)
		r = pm_merged_sub(from, was, &old, err);
	if (r >= 0 && e->is_dir)
		r = diff_dir(w, dirs ? &old : NULL, &sub, err);
	return r;
}

static int diff_dir(struct walk *w, struct pm_merged_dir *from, struct pm_merged_dir *to,
		    struct pm_err *err)
{
	size_t i = 0, k = 0, n = from ? from->n_entries : 0, len = w->path.len;
	bool hides = !w->what->upper || to->opaque;
	int r = 0;
	while (r >= 0 && (i < n || k < to->n_entries)) {
		int order = i >= n ? 1
			    : k >= to->n_entries
				    ? -1
				    : strcmp(from->entries[i].name, to->entries[k].name);
		pm_buf_printf(&w->path, "/%s",
			      order < 0 ? from->entries[i].name : to->entries[k].name);
		if (order < 0)
			r = hides ? tell(w, PM_TREE_DELETED, err) : 0;
		else
			r = diff_entry(w, from, order == 0 ? &from->entries[i] : NULL, to,
				       &to->entries[k], err);
		i += order <= 0;
		k += order >= 0;
		pm_buf_cut(&w->path, len);
		if (w->told > len)
			w->told = len;
	}
	return r;
}

int pm_tree_diff(const struct pm_tree_diff *d, pm_tree_diff_fn *fn, void *arg, struct pm_err *err)
{
	struct walk w = {.what = d, .fn = fn, .arg = arg};
	_cleanup_merged_ struct pm_merged_dir from = {0}, to = {0};
	int r = pm_merged_open(d->from, d->n_from, false, &from, err);
	if (r >= 0)
		r = pm_merged_open(d->to, d->n_to, d->upper, &to, err);
	if (r >= 0)
		r = diff_dir(&w, &from, &to, err);
	pm_buf_free(&w.path);
	return r < 0 ? r : 0;
}
