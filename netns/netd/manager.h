/*
 * manager - what pm-netd knows while it runs: bridges, containers, their places on networks, and the talk
 * with its children (name server, port forwarder). One thread; each message is worked off whole, so what
 * it says is true at any time. Runs in pm-netd, with CAP_NET_ADMIN over the bridges' namespace.
 */
#ifndef PM_NETNS_NETD_MANAGER_H
#define PM_NETNS_NETD_MANAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "netns/netd/rules.h"
#include "netns/netd_client.h"

/* A bridge that at least one container is on. */
struct netd_bridge {
	struct pm_netd_net net; /* owned: as the first container's message had it, names empty */
	int index;
	uint8_t mac[6];
	unsigned int users;
	bool dns; /* the name server knows it and listens on its gateways */
};

/* A container's place on one network. */
struct netd_place {
	struct pm_netd_net net; /* owned */
	struct netd_bridge *bridge; /* NULL: macvlan, ipvlan */
	char host_device[16];
	int index;    /* of the device in the container; 0: not there yet */
	bool routed;  /* egress rules: guard.h */
	bool named;   /* the name server knows the container's names */
	bool retired; /* names and device are dealt with */
};

/* As root: a file with this and a bridge's name in runroot/netd says that the bridge is ours, whoever dies. */
#define NETD_BRIDGE_NOTE "bridge-"

enum netd_state { NETD_NEW, NETD_ATTACHING, NETD_UP };

struct netd_ctr {
	int sock;
	bool hung_up; /* the monitor's side is shut */
	enum netd_state state;
	char id[65];
	int netns, nl; /* of the container; -1 before */
	int pidfd;     /* -1: none was named */
	struct netd_place **places;
	size_t n_places;
	struct pm_strv egress, dns_servers;
	struct pm_listen listen;     /* until the forwarder has them */
	bool has_ports;
};

/* An egress scope with what DNS has opened in it. */
struct netd_scope {
	struct pm_rules_scope rules; /* rules.rules is owned */
	const struct netd_ctr *ctr;  /* NULL: a whole network's */
	const struct netd_bridge *bridge;
	struct {
		size_t rule;
		struct pm_ip ip;
		int64_t until; /* s, CLOCK_MONOTONIC */
	} *open; /* owned */
	size_t n_open;
};

struct netd {
	int own_netns, nl;
	int listener, lock_dir;
	int spare; /* a descriptor's place: for saying that there are no more */
	int dns, learned, forward; /* children's channels */
	int slirp;                 /* -1: none */
	bool slirp_ready;          /* it, or one before it, has said so */
	int starter, tap;          /* way_out.h */
	int64_t slirp_since;       /* s, CLOCK_MONOTONIC: when the last one ended */
	unsigned int slirp_again;
	bool rootless;
	char table[32];
	uint32_t mark; /* rules.h */
	struct netd_bridge **bridges;
	size_t n_bridges;
	struct netd_ctr **ctrs;
	size_t n_ctrs;
	struct netd_scope **scopes;
	size_t n_scopes;
	unsigned int next_scope;
	bool rules_due; /* what there is has changed since the tables were written */
	bool guard_due; /* with rules_due: so must the guard's be, with all ports */
	struct pm_strv ports_due; /* nft text: ports, changed since */
};

/* Serve until the last container has gone. */
int netd_run(struct netd *d, struct pm_err *err);

/* --- places (places.c) ------------------------------------------------------------------------ */

/* A place for c on net (whose strings are taken over): its bridge, its rules. On failure nothing is left of it.
 * netd_open must follow, for all that were made, then netd_connect. */
int netd_join(struct netd *d, struct netd_ctr *c, struct pm_netd_net *net, struct pm_err *err);
/* The rules are the kernel's, names are known: no packet of the container is ahead of them. */
int netd_open(struct netd *d, struct netd_ctr *c, struct pm_err *err);
/* Its device in the container, whose namespace is known. */
int netd_connect(struct netd *d, struct netd_ctr *c, size_t place, struct pm_err *err);
void netd_leave(struct netd *d, struct netd_ctr *c, size_t place);
/* The network's name server forwards to servers from now on; nothing when no container is on it. */
int netd_resolvers(struct netd *d, const char *net, const struct pm_strv *servers,
		   struct pm_err *err);
/* The container has ended: its names and addresses are free when this returns. netd_leave follows for each place; the
 * devices go with the container's namespace. */
void netd_retire(struct netd *d, struct netd_ctr *c);
/* Its ports to the forwarder. */
int netd_publish(struct netd *d, struct netd_ctr *c, struct pm_err *err);
void netd_unpublish(struct netd *d, struct netd_ctr *c);
/* Send w to a child and wait until it has done it. */
int netd_tell(int channel, const char *child, const struct pm_wire *w, const int *fds, size_t n_fds,
	      struct pm_err *err);

/* --- rules (scopes.c) ------------------------------------------------------------------------- */

/* Write the tables as bridges and containers are now. */
int netd_rules(struct netd *d, struct pm_err *err);
/* What has changed of them is written meanwhile; 0: nothing has. end: the kernel has it. */
int netd_rules_begin(struct netd *d, struct pm_err *err);
int netd_rules_end(struct netd *d, int job, struct pm_err *err);
/* The place's port comes to the guarded ones (guard.h) or goes, with the next netd_rules_begin: until then
 * nobody is given the addresses of one that has gone. */
void netd_guard(struct netd *d, const struct netd_place *p, bool add);
/* The rules of a container or a network (c NULL) begin and end. add sets rules_due. */
int netd_scopes_add(struct netd *d, const struct netd_ctr *c, const struct netd_bridge *b,
		    const struct pm_netd_net *net, const struct pm_strv *egress,
		    struct pm_err *err);
/* Of the container (or the bridge), or of one place only; returns whether there were any. */
bool netd_scopes_drop(struct netd *d, const struct netd_ctr *c, const struct netd_bridge *b,
		      const struct pm_netd_net *net);
/* The name server has learned addresses. */
void netd_learned(struct netd *d);

#endif
