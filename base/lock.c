#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* A directory cannot be opened for writing, which a POSIX write lock wants: it gets a flock, which also
 * belongs to the open file description. *ret_dir tells which. */
static int open_lock(int dirfd, const char *path, bool *ret_dir, struct pm_err *err)
{
	int fd;
	*ret_dir = false;
	do
		fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && errno == EISDIR) {
		*ret_dir = true;
		fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return pm_fail_sys(err, "open lock '%s'", path);
	return fd;
}

/* start, len: the bytes of the file; 0, 0: all of it. */
static int lock_fd(int fd, bool is_dir, off_t start, off_t len, enum pm_lock_kind kind, bool wait)
{
	int r;
	do {
		if (is_dir) {
			int op = kind == PM_LOCK_SHARED ? LOCK_SH : LOCK_EX;
			r = flock(fd, op | (wait ? 0 : LOCK_NB));
		} else {
			struct flock fl = {
				.l_type = kind == PM_LOCK_SHARED ? F_RDLCK : F_WRLCK,
				.l_whence = SEEK_SET,
				.l_start = start,
				.l_len = len,
			};
			r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl);
		}
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int take(int dirfd, const char *path, off_t start, off_t len, enum pm_lock_kind kind, bool wait,
		struct pm_err *err)
{
	bool is_dir;
	_cleanup_close_ int fd = open_lock(dirfd, path, &is_dir, err);
	if (fd < 0)
		return fd;
	int r = lock_fd(fd, is_dir, start, len, kind, wait);
	if (r == -EACCES || r == -EWOULDBLOCK)
		r = -EAGAIN;
	if (r < 0)
		return pm_fail_errno(err, -r, "lock '%s'", path);
	return pm_steal_fd(&fd);
}

/* What a process does that waits for the parent: its lock is the parent's, by the open file description. */
static void wait_for_parent(int fd, bool is_dir, enum pm_lock_kind kind, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(ESRCH);
	_exit(-lock_fd(fd, is_dir, 0, 0, kind, true));
}

/* Until the child has ended, or seconds are over: then it is killed. */
static void wait_for_child(pid_t pid, unsigned int seconds)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	const int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + (int64_t)seconds * 1000;
	int64_t left = pidfd < 0 ? 0 : (int64_t)seconds * 1000;
	while (left > 0 && poll(&p, 1, (int)left) < 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = end - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	}
	if (!p.revents)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int pm_lock_take_within(int dirfd, const char *path, enum pm_lock_kind kind, unsigned int seconds,
			struct pm_err *err)
{
	bool is_dir;
	_cleanup_close_ int fd = open_lock(dirfd, path, &is_dir, err);
	if (fd < 0)
		return fd;
	int r = lock_fd(fd, is_dir, 0, 0, kind, false);
	if (r == -EAGAIN || r == -EACCES) {
		const pid_t parent = getpid(), pid = fork();
		if (pid < 0)
			return pm_fail_sys(err, "start a process that waits for lock '%s'", path);
		if (pid == 0)
			wait_for_parent(fd, is_dir, kind, parent);
		wait_for_child(pid, seconds);
		/* it is ours already when the child got it */
		r = lock_fd(fd, is_dir, 0, 0, kind, false);
		if (r == -EAGAIN || r == -EACCES)
			r = -ETIMEDOUT;
	}
	if (r < 0)
		return pm_fail_errno(err, -r, "lock '%s'", path);
	return pm_steal_fd(&fd);
}

int pm_lock_take(int dirfd, const char *path, enum pm_lock_kind kind, struct pm_err *err)
{
	return take(dirfd, path, 0, 0, kind, true, err);
}

int pm_lock_try(int dirfd, const char *path, enum pm_lock_kind kind, struct pm_err *err)
{
	return take(dirfd, path, 0, 0, kind, false, err);
}

int pm_lock_take_place(int dirfd, const char *path, uint64_t place, enum pm_lock_kind kind,
		       struct pm_err *err)
{
	return take(dirfd, path, (off_t)place, 1, kind, true, err);
}

int pm_lock_try_place(int dirfd, const char *path, uint64_t place, enum pm_lock_kind kind,
		      struct pm_err *err)
{
	return take(dirfd, path, (off_t)place, 1, kind, false, err);
}

int pm_lock_is_held(int dirfd, const char *path, struct pm_err *err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : pm_fail_sys(err, "open lock '%s'", path);

	/* a read lock would clash with write locks only */
	struct flock fl = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_GETLK, &fl) < 0)
		return pm_fail_sys(err, "look at lock '%s'", path);
	if (fl.l_type != F_UNLCK)
		return 1;

	/* a directory's; on a file nobody takes one. Closing fd gives a granted one back. */
	int r = flock(fd, LOCK_SH | LOCK_NB);
	if (r < 0 && errno != EWOULDBLOCK)
		return pm_fail_sys(err, "look at lock '%s'", path);
	return r < 0;
}
