#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mem.h"

static void exclusion(int dir, const char *name)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(pm_lock_is_held(dir, name, &err), 0);
	int a = pm_lock_take(dir, name, PM_LOCK_EXCLUSIVE, &err);
	CHECK_OK(a, err);
	CHECK_INT(pm_lock_is_held(dir, name, &err), 1);
	CHECK_INT(pm_lock_try(dir, name, PM_LOCK_EXCLUSIVE, &err), -EAGAIN);
	CHECK_INT(pm_lock_try(dir, name, PM_LOCK_SHARED, &err), -EAGAIN);
	close(a);
	CHECK_INT(pm_lock_is_held(dir, name, &err), 0);
	int b = pm_lock_try(dir, name, PM_LOCK_SHARED, &err);
	int c = pm_lock_try(dir, name, PM_LOCK_SHARED, &err);
	CHECK(b >= 0 && c >= 0);
	CHECK_INT(pm_lock_is_held(dir, name, &err), 0); /* shared does not count */
	CHECK_INT(pm_lock_try(dir, name, PM_LOCK_EXCLUSIVE, &err), -EAGAIN);
	close(b);
	close(c);
}

TEST(exclusion)
{
	_cleanup_close_ int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	exclusion(dir, "l");
	struct stat st;
	CHECK(fstatat(dir, "l", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
	CHECK_INT(pm_lock_is_held(dir, "missing", NULL), 0);
	CHECK(fstatat(dir, "missing", &st, 0) < 0);
}

TEST(directory)
{
	_cleanup_close_ int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(dir, "d", 0700) == 0);
	exclusion(dir, "d");
}

/* The lock goes with its holder, however that dies; a child that has the descriptor keeps it. */
TEST(death_releases)
{
	_cleanup_close_ int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pm_err err = PM_ERR_INIT;
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = pm_lock_take(dir, "l", PM_LOCK_EXCLUSIVE, &err);
		if (fd < 0 || write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	char c;
	CHECK(read(p[0], &c, 1) == 1);
	CHECK_INT(pm_lock_is_held(dir, "l", &err), 1);
	kill(pid, SIGKILL);
	int fd = pm_lock_take(dir, "l", PM_LOCK_EXCLUSIVE, &err); /* waits for the death */
	CHECK_OK(fd, err);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	close(fd);
	CHECK_INT(pm_lock_is_held(dir, "l", &err), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(pm_lock_is_held(dir, "l", &err), 0);
}

TEST(lock_within)
{
	struct pm_err err = PM_ERR_INIT;
	int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int a = pm_lock_take_within(dir, "within", PM_LOCK_EXCLUSIVE, 1, &err);
	CHECK_OK(a, err);
	CHECK_INT(pm_lock_take_within(dir, "within", PM_LOCK_EXCLUSIVE, 1, &err), -ETIMEDOUT);
	pm_err_clear(&err);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* who waited is gone */
	/* given free while it is waited for: ours then, and no other's */
	pid_t pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(0); /* a and its copy are closed by then */
	}
	close(a);
	int b = pm_lock_take_within(dir, "within", PM_LOCK_EXCLUSIVE, 60, &err);
	CHECK_OK(b, err);
	waitpid(pid, NULL, 0);
	CHECK_INT(pm_lock_try(dir, "within", PM_LOCK_EXCLUSIVE, &err), -EAGAIN);
	pm_err_clear(&err);
	close(b);
	a = pm_lock_take_within(dir, "within", PM_LOCK_EXCLUSIVE, 1, &err);
	CHECK_OK(a, err);
	close(a);
	close(dir);
}
