#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/mman.h>
#include <unistd.h>

int pm_fs_open(int dirfd, const char *path, int flags, mode_t mode, struct pm_err *err)
{
	int fd;
	do
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return pm_fail_sys(err, "open '%s'", path);
	return fd;
}

int pm_fs_mkdirs(int dirfd, const char *path, mode_t mode, struct pm_err *err)
{
	char p[PATH_MAX];
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(p))
		return pm_fail_errno(err, len ? ENAMETOOLONG : ENOENT, "make directory '%s'", path);
	memcpy(p, path, len + 1);

	/* the usual case: all but the last exist */
	for (size_t end = len, made = 0;;) {
		char keep = p[end];
		p[end] = '\0';
		int r = mkdirat(dirfd, p, 0700);
		int e = errno;
		if (r == 0 && fchmodat(dirfd, p, mode, 0) < 0)
			return pm_fail_sys(err, "set the mode of '%s'", p);
		p[end] = keep;
		if (r < 0 && e == ENOENT && !made) {
			while (end > 0 && p[end - 1] == '/')
				end--;
			while (end > 0 && p[end - 1] != '/')
				end--;
			while (end > 0 && p[end - 1] == '/')
				end--;
			if (end > 0)
				continue;
		}
		if (r < 0 && e != EEXIST)
			return pm_fail_errno(err, e, "make directory '%s'", path);
		if (end == len)
			break;
		made = 1;
		while (p[end] == '/')
			end++;
		while (end < len && p[end] != '/')
			end++;
	}
	struct stat st;
	if (fstatat(dirfd, path, &st, 0) < 0)
		return pm_fail_sys(err, "stat '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return pm_fail_errno(err, ENOTDIR, "make directory '%s'", path);
	return 0;
}

int pm_fs_read_fd(int fd, size_t max, struct pm_buf *out, struct pm_err *err)
{
	size_t got = 0;
	struct stat st;
	size_t chunk = 4096;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size < max)
		chunk = (size_t)st.st_size + 1; /* one read, and one for the end */
	for (;;) {
		/* one byte beyond max shows that there is more */
		size_t want = max - got < chunk ? max - got + 1 : chunk;
		char *p = pm_buf_reserve(out, want);
		ssize_t n = read(fd, p, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read");
		p[n] = '\0';
		if (n == 0)
			return 0;
		got += (size_t)n;
		if (got > max)
			return pm_fail_errno(err, EFBIG, "more than %zu bytes", max);
		out->len += (size_t)n;
		if (chunk < 65536)
			chunk *= 2;
	}
}

int pm_fs_read_file(int dirfd, const char *path, size_t max, struct pm_buf *out,
		    struct pm_err *err)
{
	_cleanup_close_ int fd = pm_fs_open(dirfd, path, O_RDONLY | O_NOCTTY, 0, err);
	if (fd < 0)
		return fd;
	int r = pm_fs_read_fd(fd, max, out, err);
	return r < 0 ? pm_wrap(err, "'%s'", path) : r;
}

int pm_fs_write_all(int fd, const void *data, size_t len, struct pm_err *err)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A new file beside path, for writing; its name goes to tmp. */
static int open_beside(int dirfd, const char *path, char *tmp, size_t size, struct pm_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t dir_len = slash ? (size_t)(slash - path) + 1 : 0;
	if (dir_len + 32 > size)
		return pm_fail_errno(err, ENAMETOOLONG, "write '%s'", path);
	memcpy(tmp, path, dir_len);
	for (;;) {
		uint64_t r;
		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return pm_fail_sys(err, "getrandom");
		snprintf(tmp + dir_len, size - dir_len, ".tmp-%016llx", (unsigned long long)r);
		int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST && errno != EINTR)
			return pm_fail_sys(err, "create '%s'", path);
	}
}

static int sync_parent(int dirfd, const char *path, struct pm_err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = slash ? pm_strndup(path, (size_t)(slash - path) + 1) :
					   pm_strdup(".");
	_cleanup_close_ int fd = pm_fs_open(dirfd, dir, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	if (fsync(fd) < 0)
		return pm_fail_sys(err, "sync '%s'", dir);
	return 0;
}

int pm_fs_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     bool sync, struct pm_err *err)
{
	char tmp[PATH_MAX];
	_cleanup_close_ int fd = open_beside(dirfd, path, tmp, sizeof(tmp), err);
	if (fd < 0)
		return fd;
	int r = pm_fs_write_all(fd, data, len, err);
	if (r < 0)
		r = pm_wrap(err, "'%s'", path);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = pm_fail_sys(err, "set the mode of '%s'", path);
	if (r == 0 && sync && fsync(fd) < 0)
		r = pm_fail_sys(err, "sync '%s'", path);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = pm_fail_sys(err, "rename into '%s'", path);
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	return sync ? sync_parent(dirfd, path, err) : 0;
}

/* Put next, a file beside path, in its place; what was there is next then. */
static int exchange(int dirfd, const char *next, const char *path)
{
	int r = renameat2(dirfd, next, dirfd, path, RENAME_EXCHANGE);
	if (r < 0 && (errno == ENOENT || errno == EINVAL || errno == ENOSYS))
		r = renameat(dirfd, next, dirfd, path); /* the first time, or a file system that cannot */
	return r;
}

int pm_fs_rewrite_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		       struct pm_err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *next = pm_asprintf("%.*s.%s.next", (int)(name - path), path, name);
	_cleanup_close_ int fd = pm_fs_open(dirfd, next, O_WRONLY | O_CREAT | O_NOFOLLOW, mode, err);
	if (fd < 0)
		return fd;
	int r = pm_fs_write_all(fd, data, len, err);
	if (r < 0)
		return pm_wrap(err, "'%s'", path);
	if (ftruncate(fd, (off_t)len) < 0)
		return pm_fail_sys(err, "cut '%s' off", next);
	return exchange(dirfd, next, path) < 0 ? pm_fail_sys(err, "rename into '%s'", path) : 0;
}

int pm_fs_list(int dirfd, const char *path, struct pm_strv *out, struct pm_err *err)
{
	int fd = pm_fs_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return pm_fail_sys(err, "read directory '%s'", path);
	}
	int r = 0;
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			if (errno)
				r = pm_fail_sys(err, "read directory '%s'", path);
			break;
		}
		if (!pm_streq(e->d_name, ".") && !pm_streq(e->d_name, ".."))
			pm_strv_add(out, e->d_name);
	}
	closedir(d);
	return r;
}

int pm_fs_chmod(int dirfd, const char *name, mode_t mode)
{
	/* fchmodat(2) follows symlinks, AT_SYMLINK_NOFOLLOW came with Linux 6.6 */
	_cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	char self[64];
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, mode);
}

int pm_fs_readlink(int dirfd, const char *path, char **ret, struct pm_err *err)
{
	for (size_t size = 256;; size *= 4) {
		_cleanup_free_ char *s = pm_malloc(size);
		ssize_t n = readlinkat(dirfd, path, s, size);
		if (n < 0)
			return pm_fail_sys(err, "read link '%s'", path);
		if ((size_t)n < size) {
			s[n] = '\0';
			*ret = pm_steal(&s);
			return 0;
		}
	}
}

char *pm_path_clean(const char *path)
{
	bool rooted = path[0] == '/';
	size_t len = strlen(path);
	char *out = pm_malloc(len + 2);
	size_t n = 0;     /* bytes in out */
	size_t floor = 0; /* ".." cannot go back beyond this */

	if (rooted)
		out[n++] = '/';
	floor = n;
	for (const char *p = path; *p;) {
		size_t l = strcspn(p, "/");
		if (l == 0) {
			p++;
			continue;
		}
		if (l == 2 && p[0] == '.' && p[1] == '.') {
			if (n > floor) {
				while (n > floor && out[n - 1] != '/')
					n--;
				if (n > floor)
					n--; /* the slash before it */
			} else if (!rooted) {
				if (n > 0)
					out[n++] = '/';
				out[n++] = '.';
				out[n++] = '.';
				floor = n;
			}
		} else if (!(l == 1 && p[0] == '.')) {
			if (n > 0 && out[n - 1] != '/')
				out[n++] = '/';
			memcpy(out + n, p, l);
			n += l;
		}
		p += l;
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return out;
}

char *pm_path_join(const char *a, const char *b)
{
	if (!*a || !*b)
		return pm_path_clean(*a ? a : b);
	_cleanup_free_ char *s = pm_asprintf("%s/%s", a, b);
	return pm_path_clean(s);
}

char *pm_path_absolute(const char *path)
{
	if (path[0] == '/')
		return pm_path_clean(path);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	return pm_path_join(cwd ? cwd : "/", path);
}

int pm_fs_memfd(const char *name, const struct pm_buf *text, struct pm_err *err)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return pm_fail_sys(err, "memfd_create");
	int r = text->len > 0 ? pm_fs_write_all(fd, text->data, text->len, err) : 0;
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return pm_fail_sys(err, "lseek");
	return pm_steal_fd(&fd);
}
