/* Paths from outside: pm_fs_*_in of base/fs.h. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define MAX_SYMLINKS 40 /* as the kernel's MAXSYMLINKS */
#define MAX_DEPTH    256

static int sys_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.mode = (flags & (O_CREAT | O_TMPFILE)) & ~O_DIRECTORY ? mode & 07777 : 0,
		.resolve = resolve,
	};
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/*
 * The walk for kernels (or seccomp filters) without openat2. dirs is the chain of directories from the
 * root to where we are, so that ".." never asks the file system, which another process may be
 * rearranging. rest is what is still to be walked.
 */
struct walk {
	int dirs[MAX_DEPTH];
	size_t n;
	char rest[2 * PATH_MAX];
	int links;
};

static void walk_pop_to(struct walk *w, size_t n)
{
	while (w->n > n)
		close(w->dirs[--w->n]);
}

static int walk_top(const struct walk *w, int rootfd)
{
	return w->n ? w->dirs[w->n - 1] : rootfd;
}

/* Put target before what is left. */
static int walk_prepend(struct walk *w, const char *target, const char *left)
{
	char joined[sizeof(w->rest)];
	int n = snprintf(joined, sizeof(joined), "%s/%s", target, left);
	if (n < 0 || (size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	/* "x/" would demand a directory where "x" did not */
	if (!*left && n > 0 && !pm_endswith(target, "/"))
		joined[n - 1] = '\0';
	memcpy(w->rest, joined, (size_t)n + 1);
	return 0;
}

/* fd is O_PATH of a symlink below dir, called name: follow it. left is what comes after. */
static int walk_follow(struct walk *w, int fd, const char *left)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(target) - 1)
		return -ENAMETOOLONG;
	target[n] = '\0';
	if (n == 0)
		return -ENOENT;
	if (++w->links > MAX_SYMLINKS)
		return -ELOOP;
	struct statfs sfs;
	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	/* procfs: /proc/self and /proc/mounts are relative texts, the magic ones are not */
	if (sfs.f_type == PROC_SUPER_MAGIC && (target[0] == '/' || strstr(target, ":[")))
		return -ELOOP;
	if (target[0] == '/')
		walk_pop_to(w, 0);
	return walk_prepend(w, target, left);
}

/* One component; returns 1 to go on, or the descriptor in *ret_fd and 0, or -errno. */
static int walk_step(struct walk *w, int rootfd, int flags, mode_t mode, int *ret_fd)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");
	const char *left = p + len + strspn(p + len, "/");
	bool last = !*left;
	bool slash = p[len] == '/';
	if (len > NAME_MAX)
		return -ENAMETOOLONG;

	char name[NAME_MAX + 1];
	memcpy(name, p, len);
	name[len] = '\0';

	if (len == 0 || pm_streq(name, ".") || pm_streq(name, "..")) {
		if (len == 2)
			walk_pop_to(w, w->n ? w->n - 1 : 0);
		if (last) {
			*ret_fd = openat(walk_top(w, rootfd), ".", flags & ~O_NOFOLLOW, mode);
			return *ret_fd < 0 ? -errno : 0;
		}
		memmove(w->rest, left, strlen(left) + 1);
		return 1;
	}

	int dir = walk_top(w, rootfd);
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = {0};
	if (fd < 0 && !(errno == ENOENT && last && (flags & O_CREAT)))
		return -errno;
	if (fd >= 0 && fstat(fd, &st) < 0)
		return -errno;

	bool keep_link = last && !slash &&
			 ((flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL));
	if (fd >= 0 && S_ISLNK(st.st_mode) && !keep_link) {
		char after[sizeof(w->rest)];
		snprintf(after, sizeof(after), "%s%s", left, last && slash ? "/" : "");
		int r = walk_follow(w, fd, after);
		return r < 0 ? r : 1;
	}
	if (last) {
		int f = flags | O_NOFOLLOW | (slash ? O_DIRECTORY : 0);
		*ret_fd = openat(dir, name, f, mode);
		if (*ret_fd < 0)
			/* became a symlink after we looked: look again */
			return errno == ELOOP && !(flags & O_NOFOLLOW) ? -EAGAIN : -errno;
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (w->n == MAX_DEPTH)
		return -ENAMETOOLONG;
	w->dirs[w->n++] = pm_steal_fd(&fd);
	memmove(w->rest, left, strlen(left) + 1);
	return 1;
}

static int walk_open(int rootfd, const char *path, int flags, mode_t mode)
{
	if (!*path)
		return -ENOENT;
	struct walk *w = PM_NEW(struct walk);
	int r = strlen(path) < PATH_MAX ? walk_prepend(w, path, "") : -ENAMETOOLONG;
	int fd = -1;
	if (r == 0)
		r = 1;
	while (r == 1)
		r = walk_step(w, rootfd, flags, mode, &fd);
	walk_pop_to(w, 0);
	free(w);
	return r < 0 ? r : fd;
}

/* Returns the descriptor or -errno. */
static int open_in(int rootfd, const char *path, int flags, mode_t mode)
{
	static int no_openat2 = -1;
	if (no_openat2 < 0) {
		const char *e = getenv("PM_TEST_NO_OPENAT2");
		no_openat2 = e && *e && *e != '0';
	}
	flags |= O_CLOEXEC;
	if (!(flags & (O_PATH | O_CREAT)))
		flags |= O_NONBLOCK | O_NOCTTY;
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	/* EAGAIN: another process renamed something on the way. It cannot go on for ever by accident. */
	int r = -EAGAIN;
	for (int tries = 0; tries < 128 && (r == -EAGAIN || r == -EINTR); tries++) {
		if (!no_openat2) {
			r = sys_openat2(rootfd, path, flags, mode,
					RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
			if (r < 0)
				r = -errno;
			if (r != -ENOSYS)
				continue;
			no_openat2 = 1;
		}
		r = walk_open(rootfd, path, flags, mode);
	}
	return r;
}

int pm_fs_open_in(int rootfd, const char *path, int flags, mode_t mode, struct pm_err *err)
{
	int fd = open_in(rootfd, path, flags, mode);
	if (fd < 0)
		return pm_fail_errno(err, -fd, "open '%s'", path);
	return fd;
}

int pm_fs_read_in(int rootfd, const char *path, size_t max, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_close_ int at = open_in(rootfd, path, O_PATH, 0);
	if (at < 0)
		return pm_fail_errno(err, -at, "open '%s'", path);
	struct stat st;
	if (fstat(at, &st) < 0)
		return pm_fail_sys(err, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return pm_fail(err, PM_E_FORMAT, "'%s' is not a regular file", path);

	/* through the descriptor, so that it is the file we looked at */
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	_cleanup_close_ int fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		struct stat now;
		fd = open_in(rootfd, path, O_RDONLY, 0);
		if (fd >= 0 && (fstat(fd, &now) < 0 || now.st_dev != st.st_dev ||
				now.st_ino != st.st_ino))
			return pm_fail(err, EAGAIN, "open '%s': it changed meanwhile", path);
	}
	if (fd < 0)
		return pm_fail_sys(err, "open '%s'", path);
	int r = pm_fs_read_fd(fd, max, out, err);
	return r < 0 ? pm_wrap(err, "read '%s'", path) : r;
}

/* mkdir name in parent (an O_PATH descriptor will do), then its exact mode. 0 also when it exists. */
static int make_one(int parent, const char *name, mode_t mode)
{
	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	_cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

static int mkdir_in(int rootfd, const char *path, mode_t mode, int *links);

/* parent/name is there but does not lead to a directory: a symlink to a missing one is made good. */
static int mkdir_target(int rootfd, int parent, const char *parent_path, const char *name,
			mode_t mode, int *links)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL ? -ENOTDIR : -errno;
	target[n] = '\0';
	if (++*links > MAX_SYMLINKS)
		return -ELOOP;
	if (target[0] == '/')
		return mkdir_in(rootfd, target, mode, links);
	_cleanup_free_ char *joined = pm_asprintf("%s/%s", parent_path, target);
	return mkdir_in(rootfd, joined, mode, links);
}

static int mkdir_in(int rootfd, const char *path, mode_t mode, int *links)
{
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	int fd = open_in(rootfd, path, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;

	size_t end = strlen(path);
	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	if (start == end)
		return -ENOENT;
	_cleanup_free_ char *name = pm_strndup(path + start, end - start);
	_cleanup_free_ char *above = start ? pm_strndup(path, start) : pm_strdup(".");
	_cleanup_close_ int parent = mkdir_in(rootfd, above, mode, links);
	if (parent < 0)
		return parent;
	if (!pm_streq(name, ".") && !pm_streq(name, "..")) {
		int r = make_one(parent, name, mode);
		if (r < 0)
			return r;
	}
	fd = open_in(rootfd, path, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;
	return mkdir_target(rootfd, parent, above, name, mode, links);
}

int pm_fs_mkdir_in(int rootfd, const char *path, mode_t mode, struct pm_err *err)
{
	int links = 0;
	int fd = mkdir_in(rootfd, *path ? path : ".", mode, &links);
	if (fd < 0)
		return pm_fail_errno(err, -fd, "make directory '%s'", path);
	return fd;
}
