/* What base/proc.h tells about programs and processes that exist. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/io.h"

static int executable(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int pm_proc_find(const char *name, const char *path, char **ret, struct pm_err *err)
{
	if (!*name)
		return pm_fail_errno(err, ENOENT, "program ''");
	if (strchr(name, '/')) {
		int r = executable(name);
		if (r < 0)
			return pm_fail_errno(err, -r, "program '%s'", name);
		*ret = pm_strdup(name);
		return 0;
	}
	if (!path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	int worst = -ENOENT;
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, ":");
		/* an empty or relative entry means the working directory: not for us */
		if (len > 0 && *p == '/') {
			_cleanup_free_ char *full = pm_asprintf("%.*s/%s", (int)len, p, name);
			int r = executable(full);
			if (r == 0) {
				*ret = pm_steal(&full);
				return 0;
			}
			if (r == -EACCES)
				worst = r;
		}
		p += len;
		if (!*p)
			break;
	}
	if (worst == -ENOENT)
		return pm_fail(err, ENOENT, "program '%s' not found in PATH", name);
	return pm_fail_errno(err, -worst, "program '%s'", name);
}

/* Whole small file of /proc into buf, NUL-terminated; returns its length or -errno. */
static ssize_t read_small(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = pm_read_full(fd, buf, size - 1);
	if (got >= 0)
		buf[got] = '\0';
	return got;
}

int pm_proc_start_time(pid_t pid, uint64_t *ret_ticks, struct pm_err *err)
{
	char path[64], buf[1024];
	if (pid <= 0)
		return pm_fail_errno(err, ESRCH, "process %d", (int)pid);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ssize_t n = read_small(path, buf, sizeof(buf));
	if (n < 0)
		return pm_fail_errno(err, n == -ENOENT ? ESRCH : (int)-n, "process %d", (int)pid);

	/* the name (field 2) may hold spaces and parentheses: fields are counted after its end */
	char *p = strrchr(buf, ')');
	if (!p || p[1] != ' ')
		return pm_fail(err, PM_E_FORMAT, "%s is malformed", path);
	p += 2;
	if (*p == 'Z' || *p == 'X' || *p == 'x')
		return pm_fail_errno(err, ESRCH, "process %d", (int)pid);
	for (int field = 3; field < 22 && p; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	char *end = NULL;
	errno = 0;
	unsigned long long ticks = p ? strtoull(p, &end, 10) : 0;
	if (!p || end == p || *end != ' ' || errno)
		return pm_fail(err, PM_E_FORMAT, "%s is malformed", path);
	*ret_ticks = ticks;
	return 0;
}

int pm_proc_pidfd(pid_t pid, uint64_t start_ticks, struct pm_err *err)
{
	if (pid <= 0)
		return pm_fail_errno(err, ESRCH, "process %d", (int)pid);
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return pm_fail_errno(err, errno == EINVAL ? ESRCH : errno, "process %d", (int)pid);
	/* the process behind fd is the one of that start time if that one is there now: it was
	 * before we opened */
	uint64_t ticks;
	int r = pm_proc_start_time(pid, &ticks, err);
	if (r < 0)
		return r;
	if (ticks != start_ticks)
		return pm_fail_errno(err, ESRCH, "process %d", (int)pid);
	return pm_steal_fd(&fd);
}

static int write_map(pid_t pid, const char *name, const struct pm_strv *ranges, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_asprintf("/proc/%d/%s", pid, name);
	_cleanup_free_ char *text = pm_strv_join(ranges, "\n");
	for (char *p = text; *p; p++)
		if (*p == ':')
			*p = ' ';
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY, 0, err);
	if (fd < 0)
		return fd;
	/* whole: the kernel takes one write */
	if (write(fd, text, strlen(text)) < 0)
		return pm_fail_sys(err, "write %s (an id that is not this user's?)", name);
	return 0;
}

int pm_proc_write_maps(pid_t pid, const struct pm_strv *uids, const struct pm_strv *gids, struct pm_err *err)
{
	int r = write_map(pid, "uid_map", uids, err);
	return r < 0 ? r : write_map(pid, "gid_map", gids, err);
}

int pm_proc_boot_id(char ret[37], struct pm_err *err)
{
	char buf[64];
	ssize_t n = read_small("/proc/sys/kernel/random/boot_id", buf, sizeof(buf));
	if (n < 0)
		return pm_fail_errno(err, (int)-n, "read the boot id");
	if (n < 36)
		return pm_fail(err, PM_E_FORMAT, "the boot id is malformed");
	memcpy(ret, buf, 36);
	ret[36] = '\0';
	return 0;
}

char *pm_proc_helper(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n > 0) {
		exe[n] = '\0';
		char *slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		/* a helper looks beside itself; pm beside its bin directory */
		char *path = pm_endswith(exe, "/libexec/pm") ?
				     pm_asprintf("%s/%s", exe, name) : NULL;
		if (!path && (slash = strrchr(exe, '/'))) {
			*slash = '\0';
			path = pm_asprintf("%s/libexec/pm/%s", exe, name);
		}
		if (path && access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return pm_asprintf("%s/%s", PM_LIBEXECDIR, name);
}

bool pm_proc_for_system(void)
{
	return geteuid() == 0 && !getenv("_PM_USERNS");
}

uid_t pm_proc_outer_uid(void)
{
	_cleanup_buf_ struct pm_buf map = PM_BUF_INIT;
	unsigned int inside, outside, count;
	if (geteuid() != 0 ||
	    pm_fs_read_file(AT_FDCWD, "/proc/self/uid_map", 64 << 10, &map, NULL) < 0 ||
	    sscanf(pm_buf_str(&map), "%u %u %u", &inside, &outside, &count) != 3 || inside != 0)
		return geteuid();
	return outside;
}
