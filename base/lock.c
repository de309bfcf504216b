#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
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

static bool is_over(const struct timespec *deadline)
{
	struct timespec now;
	if (!deadline)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/* start, len: the bytes of the file; 0, 0: all of it. deadline: of CLOCK_MONOTONIC; a signal has to end the waiting call
 * then. NULL: none. */
static int lock_fd(int fd, bool is_dir, off_t start, off_t len, enum pm_lock_kind kind, bool wait,
		   const struct timespec *deadline)
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
	} while (r < 0 && errno == EINTR && !is_over(deadline));
	return r < 0 ? -errno : 0;
}

static int take_until(int dirfd, const char *path, off_t start, off_t len, enum pm_lock_kind kind, bool wait,
		      const struct timespec *deadline, struct pm_err *err)
{
	bool is_dir;
	_cleanup_close_ int fd = open_lock(dirfd, path, &is_dir, err);
	if (fd < 0)
		return fd;
	int r = lock_fd(fd, is_dir, start, len, kind, wait, deadline);
	if (r == -EACCES || r == -EWOULDBLOCK)
		r = -EAGAIN;
	if (r == -EINTR)
		r = -ETIMEDOUT;
	if (r < 0)
		return pm_fail_errno(err, -r, "lock '%s'", path);
	return pm_steal_fd(&fd);
}

static int take(int dirfd, const char *path, off_t start, off_t len, enum pm_lock_kind kind, bool wait,
		struct pm_err *err)
{
	return take_until(dirfd, path, start, len, kind, wait, NULL, err);
}

/* Only there to end a call that waits. */
static void on_alarm(int sig)
{
	(void)sig;
}

int pm_lock_take_within(int dirfd, const char *path, enum pm_lock_kind kind, unsigned int seconds,
			struct pm_err *err)
{
	const struct sigaction alarm = {.sa_handler = on_alarm};
	/* again each second: one that comes before the call has begun to wait ends nothing */
	const struct itimerval timer = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	struct sigaction old_action;
	struct itimerval old_timer;
	struct timespec deadline;
	sigset_t set, old_set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;
	sigaction(SIGALRM, &alarm, &old_action);
	sigprocmask(SIG_UNBLOCK, &set, &old_set);
	setitimer(ITIMER_REAL, &timer, &old_timer);
	int r = take_until(dirfd, path, 0, 0, kind, true, &deadline, err);
	setitimer(ITIMER_REAL, &old_timer, NULL);
	sigprocmask(SIG_SETMASK, &old_set, NULL);
	sigaction(SIGALRM, &old_action, NULL);
	return r;
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
