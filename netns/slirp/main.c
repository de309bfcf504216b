/*
 * pm-slirp - the user-mode network of one network namespace. Descriptor 3 is a socket; see
 * netns/slirp_client.h for the talk on it. Started by pm with an empty environment.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "netns/slirp/sandbox.h"
#include "netns/slirp/stack.h"
#include "netns/slirp_client.h"

#define CONTROL 3

/* The next message, which must be of type. 1, or 0 when everybody has gone. */
static int expect(const char *type, struct pm_wire *w, int *ret_fd, struct pm_err *err)
{
	size_t n = ret_fd ? 1 : 0;
	int r = pm_wire_recv(CONTROL, w, ret_fd, &n, err);
	if (r <= 0)
		return r;
	const char *got = pm_wire_get(w, "type");
	if (!got || strcmp(got, type) != 0)
		return pm_fail(err, PM_E_FORMAT, "pm-slirp: '%s' expected, not '%.40s'", type,
			       got ? got : "");
	if (ret_fd && n != 1)
		return pm_fail(err, PM_E_FORMAT, "pm-slirp: '%s' without a descriptor", type);
	return 1;
}

/* 0 at the network's orderly end. */
static int serve(bool *ret_ready, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire config = PM_WIRE_INIT, tap = PM_WIRE_INIT;
	_cleanup_slirp_config_ struct pm_slirp_config c = {0};
	struct pm_slirp_stack *stack;
	int tap_fd = -1;

	/* what needs no settings first: the others are still at work */
	int r = pm_slirp_sandbox_enter(err);
	if (r < 0)
		return r;
	r = expect("config", &config, NULL, err);
	if (r <= 0)
		return r;
	r = pm_slirp_config_decode(&config, &c, err);
	if (r < 0)
		return r;
	r = pm_slirp_stack_new(&c, &stack, err);
	if (r < 0)
		return r;
	r = pm_slirp_sandbox_seal(err);
	if (r < 0)
		return r;
	r = expect("tap", &tap, &tap_fd, err);
	if (r <= 0)
		return r;

	_cleanup_wire_ struct pm_wire ready = PM_WIRE_INIT;
	pm_wire_add(&ready, "ready", "1");
	r = pm_wire_send(CONTROL, &ready, NULL, 0, err);
	if (r < 0)
		return r;
	*ret_ready = true;
	return pm_slirp_stack_run(stack, tap_fd, CONTROL, err);
}

int main(int argc, char **argv)
{
	struct pm_err err = PM_ERR_INIT;
	int type;
	socklen_t len = sizeof(type);
	(void)argv;
	if (argc > 1 || getsockopt(CONTROL, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		fputs("pm-slirp is started by pm, not by hand\n", stderr);
		return 125;
	}
	signal(SIGPIPE, SIG_IGN);

	bool ready = false;
	/* _exit: the stack is never taken down, and stdio holds nothing */
	if (serve(&ready, &err) >= 0)
		_exit(0);
	if (!ready) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add_int(&w, "code", err.code);
		pm_wire_add(&w, "error", err.text);
		(void)pm_wire_send(CONTROL, &w, NULL, 0, NULL);
	}
	_exit(1);
}
