#include "base/deadline.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static void on_deadline(int sig)
{
	static const char text[] = "Error: " PM_DEADLINE_TEXT "\n";
	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(125); /* the status tells */
	_exit(125);
}

int pm_deadline_start(int64_t ns, struct pm_err *err)
{
	const struct sigaction action = {.sa_handler = on_deadline};
	struct itimerval timer = {.it_value = {.tv_sec = ns / 1000000000, .tv_usec = ns / 1000 % 1000000}};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	if (!timer.it_value.tv_sec && !timer.it_value.tv_usec)
		timer.it_value.tv_usec = 1; /* 0 would be none */
	if (sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &timer, NULL) < 0)
		return pm_fail_sys(err, "set a time limit");
	return 0;
}
