/*
 * publish - the published ports of pm-slirp's container. TCP's are the port forwarder's (netns/forward/): a child
 * in the container's network namespace, so that data crosses no tap and no stack but the kernel's. UDP's are
 * libslirp's, since a container's answers to a client it has not connected to carry no mark; so are TCP's where
 * a mark cannot be had.
 */
#ifndef PM_NETNS_SLIRP_PUBLISH_H
#define PM_NETNS_SLIRP_PUBLISH_H

#include "netns/netd_client.h"
#include "netns/slirp/stack.h"

struct pm_slirp_publish {
	int channel; /* to the forwarder; -1: none */
	struct pm_listen listen;
};
#define PM_SLIRP_PUBLISH_INIT {.channel = -1}

/* Fork the forwarder, while this process is still the user in the host's namespaces. */
int pm_slirp_publish_start(struct pm_slirp_publish *p, struct pm_err *err);

/* Bind all ports. */
int pm_slirp_publish_bind(struct pm_slirp_publish *p, const struct pm_slirp_config *c,
			  struct pm_slirp_stack *stack, struct pm_err *err);

/* The container's network namespace is there, or (-1) not to be entered: serve. */
int pm_slirp_publish_serve(struct pm_slirp_publish *p, const struct pm_slirp_config *c,
			   struct pm_slirp_stack *stack, int netns, struct pm_err *err);

/* Returns when the ports are free. */
void pm_slirp_publish_end(struct pm_slirp_publish *p);

#endif
