#include "engine/container/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"

/* systemd answers at once; who does not is not waited for long */
#define BARRIER_MS 5000

static int64_t number(const char *name)
{
	const char *s = getenv(name);
	char *end;
	if (!s || *s < '0' || *s > '9')
		return -1;
	long long n = strtoll(s, &end, 10);
	return *end ? -1 : n;
}

void pm_service_label(struct pm_ctr_config *c, bool given)
{
	const char *unit = getenv(PM_UNIT_LABEL);
	if (unit && *unit)
		pm_env_set(&c->labels, PM_UNIT_LABEL, unit);
	else if (!given)
		pm_env_unset(&c->labels, PM_UNIT_LABEL);
}

int pm_service_listen_fds(void)
{
	int64_t n = number("LISTEN_FDS");
	if (number("LISTEN_PID") != getpid() || n <= 0)
		return 0;
	return n > PM_PRESERVE_MAX ? PM_PRESERVE_MAX : (int)n;
}

int pm_service_notify_mode(const char *word, enum pm_notify_mode *ret, struct pm_err *err)
{
	static const char *const words[] = {
		[PM_NOTIFY_IGNORE] = "ignore",
		[PM_NOTIFY_CONTAINER] = "container",
		[PM_NOTIFY_CONMON] = "conmon",
		[PM_NOTIFY_HEALTHY] = "healthy",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(words); i++) {
		if (pm_streq(word, words[i])) {
			*ret = (enum pm_notify_mode)i;
			return 0;
		}
	}
	return pm_fail(err, PM_E_USAGE,
		       "invalid sdnotify value \"%s\": must be container, conmon, healthy or ignore", word);
}

/* The mode for this start, IGNORE when nobody asks. */
static int mode_now(const struct pm_ctr_config *c, enum pm_notify_mode *ret, struct pm_err *err)
{
	const char *socket = getenv("NOTIFY_SOCKET");
	*ret = PM_NOTIFY_IGNORE;
	int r = pm_service_notify_mode(c->sdnotify ? c->sdnotify : "container", ret, err);
	if (r >= 0 && (!socket || !*socket))
		*ret = PM_NOTIFY_IGNORE;
	return r;
}

/* The service's watchdog is meant for its main process, which this is. */
static bool watched(void)
{
	int64_t pid = number("WATCHDOG_PID");
	return number("WATCHDOG_USEC") > 0 && (pid < 0 || pid == getpid());
}

int pm_service_env(const struct pm_ctr_config *c, struct pm_spec_env *env, char **ret_dir,
		   struct pm_err *err)
{
	enum pm_notify_mode mode;
	int r = mode_now(c, &mode, err);
	if (r < 0)
		return r;
	env->listen_fds = pm_service_listen_fds();
	env->listen_names = getenv("LISTEN_FDNAMES");
	if (mode != PM_NOTIFY_CONTAINER)
		return 0;
	*ret_dir = pm_asprintf("%s/notify", env->run_dir);
	if (mkdir(*ret_dir, 0755) < 0 && errno != EEXIST)
		return pm_fail_sys(err, "make %s", *ret_dir);
	env->notify_dir = *ret_dir;
	if (watched())
		env->watchdog_usec = getenv("WATCHDOG_USEC");
	return 0;
}

int pm_service_plan(const struct pm_ctr_config *c, struct pm_launch_plan *plan, struct pm_err *err)
{
	int r = mode_now(c, &plan->notify_mode, err);
	if (r < 0)
		return r;
	if (plan->notify_mode != PM_NOTIFY_IGNORE) {
		plan->notify_socket = pm_strdup(getenv("NOTIFY_SOCKET"));
		if (watched())
			plan->watchdog_usec = number("WATCHDOG_USEC");
	}
	/* what a unit of Type=forking names as PIDFile */
	if (!plan->conmon_pidfile && getenv("INVOCATION_ID"))
		plan->conmon_pidfile = pm_asprintf("%s/conmon.pid", plan->ctr_dir);
	return 0;
}

void pm_service_main_pid(const struct pm_launch_plan *plan, pid_t monitor)
{
	char text[64];
	struct pm_err err = PM_ERR_INIT;
	if (!plan->notify_socket)
		return;
	_cleanup_close_ int fd = pm_notify_open(plan->notify_socket, &err);
	if (fd < 0) {
		pm_warn("%s", err.text);
		return;
	}
	snprintf(text, sizeof(text), "MAINPID=%d", (int)monitor);
	pm_notify_send(fd, text);
	/* systemd must have heard of it before this process ends, or the service has ended with it */
	pm_notify_barrier(fd, BARRIER_MS);
}

void pm_service_extend(int seconds)
{
	char text[64];
	const char *socket = getenv("NOTIFY_SOCKET");
	_cleanup_close_ int fd = socket && *socket ? pm_notify_open(socket, NULL) : -1;
	if (fd < 0)
		return;
	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%d000000", seconds);
	pm_notify_send(fd, text);
}
