#include "netns/netd/way_out.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wire.h"
#include "netns/answer.h"
#include "netns/child.h"
#include "netns/slirp_client.h"

/* So many times within so many seconds after the one before. */
#define AGAIN_MAX 5
#define AGAIN_S 10

/* The child: a pm-slirp for each message. */
static int serve(int channel, int unused, struct pm_err *err)
{
	(void)unused;
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, reply = PM_WIRE_INIT;
		_cleanup_close_ int sock = -1;
		pid_t pid;
		if (pm_wire_recv(channel, &w, NULL, NULL, NULL) <= 0)
			_exit(0);
		int r = pm_slirp_spawn(false, &pid, &sock, err);
		pm_wire_add_int(&reply, "code", r < 0 ? err->code : 0);
		if (pm_wire_send(channel, &reply, &sock, r < 0 ? 0 : 1, err) < 0)
			_exit(0);
	}
}

int netd_way_out_begin(struct netd *d, struct pm_err *err)
{
	return pm_child_start(serve, &d->starter, NULL, err);
}

int netd_way_out_open(struct netd *d, int sock, struct pm_err *err)
{
	_cleanup_slirp_config_ struct pm_slirp_config c;
	pm_slirp_config_init(&c);
	d->slirp = sock;
	d->tap = pm_slirp_open_tap(&c, err);
	return d->tap < 0 ? d->tap : pm_slirp_send_tap(sock, d->tap, -1, err);
}

static int start(struct netd *d, struct pm_err *err)
{
	_cleanup_slirp_config_ struct pm_slirp_config c;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, reply = PM_WIRE_INIT;
	_cleanup_close_ int sock = -1;
	int fd = -1;
	size_t n = 1;
	pm_slirp_config_init(&c);
	pm_wire_add(&w, "type", "slirp");
	int r = pm_wire_send(d->starter, &w, NULL, 0, err);
	if (r >= 0)
		r = pm_wire_recv(d->starter, &reply, &fd, &n, err);
	if (r <= 0 || n != 1)
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "pm-slirp cannot be started");
	sock = fd;
	r = pm_slirp_send_config(sock, &c, err);
	if (r >= 0)
		r = pm_slirp_send_tap(sock, d->tap, -1, err);
	if (r >= 0)
		r = pm_slirp_wait_ready(sock, err);
	if (r >= 0)
		d->slirp = pm_steal_fd(&sock);
	return r;
}

void netd_way_out_again(struct netd *d)
{
	struct timespec now;
	close(pm_steal_fd(&d->slirp));
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - d->slirp_since > AGAIN_S)
		d->slirp_again = 0;
	d->slirp_since = now.tv_sec;
	if (d->slirp_again++ < AGAIN_MAX)
		(void)start(d, NULL);
}
