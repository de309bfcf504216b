#include "engine/monitor/notify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"

static int listen_here(struct monitor *m, struct pm_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/notify/notify.sock", m->ctr_fd);
	m->notify_in = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlinkat(m->ctr_fd, "notify/notify.sock", 0);
	if (m->notify_in < 0 || bind(m->notify_in, (struct sockaddr *)&a, sizeof(a)) < 0)
		return pm_fail_sys(err, "make %s/notify/notify.sock", m->plan.ctr_dir);
	/* any user within the container may be the service */
	if (fchmodat(m->ctr_fd, "notify/notify.sock", 0666, 0) < 0)
		return pm_fail_sys(err, "open %s/notify/notify.sock to all", m->plan.ctr_dir);
	return 0;
}

int notify_open(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	m->notify_in = m->notify_out = -1;
	if (!p->notify_socket)
		return 0;
	m->notify_out = pm_notify_open(p->notify_socket, err);
	if (m->notify_out < 0)
		return m->notify_out;
	if (p->notify_mode != PM_NOTIFY_CONTAINER)
		return 0;
	monitor_owner_begin(m);
	int r = listen_here(m, err);
	monitor_owner_end(m);
	return r;
}

static void ready(struct monitor *m)
{
	if (m->notified)
		return;
	m->notified = true;
	pm_notify_send(m->notify_out, "READY=1");
	if (m->plan.watchdog_usec > 0)
		notify_watchdog(m);
}

void notify_started(struct monitor *m)
{
	if (m->notify_out >= 0 && m->plan.notify_mode == PM_NOTIFY_CONMON)
		ready(m);
}

void notify_healthy(struct monitor *m)
{
	if (m->notify_out >= 0 && m->plan.notify_mode == PM_NOTIFY_HEALTHY)
		ready(m);
}

void notify_watchdog(struct monitor *m)
{
	if (m->plan.notify_mode != PM_NOTIFY_HEALTHY || m->health != HEALTH_UNHEALTHY)
		pm_notify_send(m->notify_out, "WATCHDOG=1");
	int64_t half = m->plan.watchdog_usec / 2000;
	m->timers[TIMER_WATCHDOG] = monitor_now_ms() + (half > 0 ? half : 1);
}

size_t notify_filter(char *text, size_t len)
{
	static const char *const allowed[] = {"READY=",	  "RELOADING=", "STOPPING=", "STATUS=",
					      "ERRNO=",	  "BUSERROR=",	"WATCHDOG=", "WATCHDOG_USEC=",
					      "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC="};
	size_t out = 0;
	for (size_t at = 0; at < len;) {
		char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at + 1 : len - at;
		for (size_t i = 0; i < PM_ARRAY_SIZE(allowed); i++) {
			size_t k = strlen(allowed[i]);
			if (n > k && memcmp(text + at, allowed[i], k) == 0) {
				memmove(text + out, text + at, n);
				out += n;
				break;
			}
		}
		at += n;
	}
	return out;
}

void notify_read(struct monitor *m)
{
	char text[4096];
	/* no room for descriptors: those sent along are closed by the kernel */
	ssize_t n = recv(m->notify_in, text, sizeof(text), 0);
	if (n <= 0)
		return;
	size_t len = notify_filter(text, (size_t)n);
	if (len > 0)
		send(m->notify_out, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
