/*
 * stack - libslirp with its callbacks: frames of the tap go in and out, host ports are forwarded.
 *
 * Runs in pm-slirp, in one thread. libslirp keeps the address of the host's client on forwarded
 * connections; a client on the host's loopback is seen as the gateway, which is how it can be
 * answered.
 */
#ifndef PM_NETNS_SLIRP_STACK_H
#define PM_NETNS_SLIRP_STACK_H

#include "base/err.h"
#include "netns/slirp_client.h"

struct pm_slirp_stack;

/* Never freed: it lives as long as the process. */
int pm_slirp_stack_new(const struct pm_slirp_config *c, struct pm_slirp_stack **ret,
		       struct pm_err *err);

/* Bind ports (of c) and forward them. An error names ADDRESS:PORT; what is bound by then stays. */
int pm_slirp_stack_forward(struct pm_slirp_stack *s, const struct pm_slirp_config *c,
			   const struct pm_ports *ports, struct pm_err *err);

/* Serve tap_fd (non-blocking) until the other end of control is closed and no container is left:
 * control brings "container" messages (netns/slirp_client.h). Returns 0 then; an error when the tap
 * has gone. */
int pm_slirp_stack_run(struct pm_slirp_stack *s, int tap_fd, int control, struct pm_err *err);

#endif
