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
		if (r < 0)
			pm_wire_add(&reply, "error", err->text);
		if (pm_wire_send(channel, &reply, &sock, r < 0 ? 0 : 1, err) < 0)
			_exit(0);
	}
}

static int ask_for_one(struct netd *d, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "slirp");
	return pm_wire_send(d->starter, &w, NULL, 0, err);
}

/* The one that was asked for gets its settings and the tap device: d->slirp, which is not ready yet. */
static int take(struct netd *d, const struct pm_slirp_config *c, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire reply = PM_WIRE_INIT;
	_cleanup_close_ int sock = -1;
	size_t n = 1;
	int r = pm_wire_recv(d->starter, &reply, &sock, &n, err);
	if (r <= 0 || n != 1)
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "the networks' way out: %s",
					   r && pm_wire_get(&reply, "error") ? pm_wire_get(&reply, "error")
									     : "pm-slirp cannot be started");
	r = pm_slirp_send_config(sock, c, err);
	if (r >= 0)
		r = pm_slirp_send_tap(sock, d->tap, -1, err);
	if (r < 0)
		return r;
	d->slirp = pm_steal_fd(&sock);
	return 0;
}

int netd_way_out_begin(struct netd *d, struct pm_err *err)
{
	int r = pm_child_start(serve, &d->starter, NULL, err);
	return r < 0 ? r : ask_for_one(d, err);
}

int netd_way_out_open(struct netd *d, struct pm_err *err)
{
	_cleanup_slirp_config_ struct pm_slirp_config c;
	pm_slirp_config_init(&c);
	d->tap = pm_slirp_open_tap(&c, err);
	return d->tap < 0 ? d->tap : take(d, &c, err);
}

static void again(struct netd *d)
{
	struct timespec now;
	close(pm_steal_fd(&d->slirp));
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - d->slirp_since > AGAIN_S)
		d->slirp_again = 0;
	d->slirp_since = now.tv_sec;
	if (d->slirp_again++ >= AGAIN_MAX)
		return;
	_cleanup_slirp_config_ struct pm_slirp_config c;
	pm_slirp_config_init(&c);
	d->slirp_ready = false;
	if (ask_for_one(d, NULL) >= 0)
		(void)take(d, &c, NULL);
}

int netd_way_out_ready(struct netd *d, struct pm_err *err)
{
	if (d->slirp_ready)
		return 0;
	int r = d->slirp < 0 ? pm_fail(err, PM_E_STATE, "the networks' way out, pm-slirp, cannot be started")
			     : pm_slirp_wait_ready(d->slirp, err);
	d->slirp_ready = r >= 0;
	return r;
}

void netd_way_out_event(struct netd *d)
{
	if (!d->slirp_ready && netd_way_out_ready(d, NULL) >= 0)
		return;
	again(d);
}
