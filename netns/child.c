#include "netns/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/answer.h"

static void keep_only(int *a, int *b)
{
	int high_a = fcntl(*a, F_DUPFD_CLOEXEC, 16), high_b = b ? fcntl(*b, F_DUPFD_CLOEXEC, 16) : -1;
	for (int fd = 3; fd < 16; fd++)
		close(fd);
	*a = fcntl(high_a, F_DUPFD_CLOEXEC, 3);
	if (b)
		*b = fcntl(high_b, F_DUPFD_CLOEXEC, 3);
	close_range(16, ~0u, 0);
}

int pm_child_start(int (*serve)(int a, int b, struct pm_err *err), int *ret_a, int *ret_b,
		   struct pm_err *err)
{
	int a[2], b[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a) < 0 ||
	    (ret_b && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b) < 0))
		return pm_fail_sys(err, "make a socket");
	pid_t pid = fork();
	if (pid < 0)
		return pm_fail_sys(err, "fork");
	if (pid == 0) {
		struct pm_err why = PM_ERR_INIT;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		keep_only(&a[1], ret_b ? &b[1] : NULL);
		serve(a[1], b[1], &why);
		pm_answer_error(a[1], &why);
		_exit(1);
	}
	close(a[1]);
	*ret_a = a[0];
	if (ret_b) {
		close(b[1]);
		*ret_b = b[0];
	}
	return 0;
}
