/*
 * netd_client - what a container gets on bridge networks, and the talk with pm-netd, which makes it.
 *
 * There is one pm-netd for a run root. It holds the network namespace of the bridges (a user's; as root
 * it works on the host's) and lives while a container is connected. Files in runroot/netd:
 *	lock	taken to connect, to start pm-netd, and by pm-netd to end: so none ends under a new client
 *	sock	where it listens; connections that find nobody behind it start one
 * The talk is wire messages on the connection, which pm makes and the container's monitor goes on with:
 *	pm -> pm-netd		hello; not of the pm that has started it
 *	pm-netd -> pm		{pid}, in answer to that
 *	pm -> pm-netd		attach {a container's networks: pm_netd_config_encode}
 *				listen {to = "PROTO PORT" for each descriptor that rides along} ...
 *	monitor -> pm-netd	netns, with the network namespace of the container
 *	pm-netd -> monitor	ready, or error {code, text}
 *	monitor -> pm-netd	container, with a pidfd of its first process
 * The container is disconnected when the connection is closed and that process, if one was named, has
 * ended; the monitor shuts its side down and waits for the end of stream, after which addresses and ports
 * are free. A connection that begins with one of these is answered ready or error, too:
 *	connect {a container's id, one network}		disconnect {id, network}	reload {id}
 *	resolvers {a network with its dns_servers}		devices {id}, whose answer has NET, NAME as device
 *
 * Libc-only.
 */
#ifndef PM_NETNS_NETD_CLIENT_H
#define PM_NETNS_NETD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"
#include "netns/addr.h"
#include "netns/publish.h"
#include "netns/userns.h"

#define PM_NETD_SUBNETS 8 /* of one network */
#define PM_NETD_ROUTES 32

enum pm_netd_driver {
	PM_NETD_BRIDGE,
	PM_NETD_MACVLAN,
	PM_NETD_IPVLAN,
};

enum pm_netd_isolate {
	PM_NETD_ISOLATE_NO,
	PM_NETD_ISOLATE_YES,    /* from other networks that have it */
	PM_NETD_ISOLATE_STRICT, /* from all others */
};

struct pm_netd_subnet {
	struct pm_ipnet net;
	struct pm_ip gateway; /* family 0: none */
	struct pm_ip address; /* the container's; family 0: none */
};

struct pm_netd_route {
	struct pm_ipnet dest;
	struct pm_ip gateway;
	uint32_t metric;
};

/* One network with the container's place in it. */
struct pm_netd_net {
	char name[256];
	enum pm_netd_driver driver;
	char mode[16];        /* macvlan, ipvlan */
	char bridge[16];      /* or the parent device; "": the default route's */
	char device[16];      /* in the container: eth0 */
	char host_device[16]; /* the other end; "": chosen */
	uint8_t mac[6];
	unsigned int mtu;     /* 0: the kernel's */
	unsigned int vlan;    /* 0: none */
	uint32_t metric;      /* of the default route */
	bool internal, dns, ipv6, no_default_route;
	bool any_source;      /* containers may send with addresses that are not theirs */
	enum pm_netd_isolate isolate;
	struct pm_netd_subnet subnets[PM_NETD_SUBNETS];
	size_t n_subnets;
	struct pm_netd_route routes[PM_NETD_ROUTES];
	size_t n_routes;
	struct pm_strv names;       /* the container's, in this network */
	struct pm_strv dns_servers; /* to forward to; empty: the host's */
	struct pm_strv egress;      /* the network's rules */
};

struct pm_netd_config {
	char id[65]; /* of the container */
	struct pm_netd_net *nets;
	size_t n_nets;
	struct pm_strv egress; /* the container's own rules */
	struct pm_strv dns_servers; /* its own, to forward its questions to; empty: the network's */
};

/* Can a network device be called that, here: names come into rules, where a star stands for anything, and into paths. */
bool pm_netd_device_ok(const char *name);

void pm_netd_config_free(struct pm_netd_config *c);
#define _cleanup_netd_config_ _cleanup_(pm_netd_config_free)
/* Append a network, zeroed; valid until the next one is added. */
struct pm_netd_net *pm_netd_config_add(struct pm_netd_config *c);

void pm_netd_config_encode(const struct pm_netd_config *c, struct pm_wire *w);
/* ret is set whole, and is to be freed also after a failure. PM_E_FORMAT. */
int pm_netd_config_decode(const struct pm_wire *w, struct pm_netd_config *ret,
			  struct pm_err *err);

/* --- published ports ------------------------------------------------------------------------- */

/* Sockets on the host that are bound (and TCP ones listening) for published ports. */
struct pm_listen {
	struct {
		int fd;
		enum pm_proto proto;
		uint16_t port; /* of the container */
	} *v;
	size_t n;
};
void pm_listen_free(struct pm_listen *l);
#define _cleanup_listen_ _cleanup_(pm_listen_free)

/* Bind all, in the current network namespace. A port in use or not allowed is one clear error. */
int pm_listen_open(const struct pm_ports *ports, struct pm_listen *ret, struct pm_err *err);

/* --- the talk -------------------------------------------------------------------------------- */

/* The beginning of a talk, in steps, so that pm's own work and pm-netd's start go on side by side. */
struct pm_netd_dial {
	int sock;   /* connected; what is sent before pm-netd has started waits for it */
	int userns; /* that the one which runs is in: the container's monitor must join it; -1: as root, or none runs */
	int dir, lock, listener, control;
};
#define PM_NETD_DIAL_INIT {-1, -1, -1, -1, -1, -1}
void pm_netd_dial_free(struct pm_netd_dial *d);

/* Connect to the pm-netd of this run root. 1: it runs. 0: none does, and pm_netd_start must follow soon; others wait
 * for it. */
int pm_netd_dial(int runroot_fd, bool rootless, struct pm_netd_dial *ret, struct pm_err *err);
/* Start it in a user namespace (-1: as root). It makes and forks nothing there until pm_netd_go says that it is in the group it
 * is to stay in; it ends when that never comes. tools: those that map the ids of a namespace that is fresh, and the shared one
 * from now on, whose end it waits for, too, whatever pm does meanwhile; else NULL. */
int pm_netd_start(struct pm_netd_dial *d, int runroot_fd, int userns, const struct pm_userns_tools *tools,
		  pid_t *ret_pid, struct pm_err *err);
int pm_netd_go(struct pm_netd_dial *d, struct pm_err *err);

/* All of it. userns: a descriptor of the namespace for one that is started, -1 as root. */
int pm_netd_connect(int runroot_fd, int userns, int *ret_sock, struct pm_err *err);
/* The same without starting one: 1, or 0 when none runs. */
int pm_netd_connect_live(int runroot_fd, int *ret_sock, struct pm_err *err);
/* Of the one that runs, for who looks into them while he has a connection: the caller's descriptors, which may both be open when
 * it fails. */
int pm_netd_namespaces(int runroot_fd, int *ret_userns, int *ret_netns, struct pm_err *err);

/* Each sends and does not wait. */
int pm_netd_send_attach(int sock, const struct pm_netd_config *c, const struct pm_listen *l,
			struct pm_err *err);
int pm_netd_send_netns(int sock, struct pm_err *err); /* this process's */
int pm_netd_send_netns_of(int sock, int netns, struct pm_err *err);
/* Wait for ready; an error of pm-netd becomes err. */
int pm_netd_wait_ready(int sock, struct pm_err *err);

/* A device's name in connect: the first of eth0, eth1 ... that is free. */
#define PM_NETD_ANY_DEVICE "eth+"

/* What the devices of container id are called: NET, NAME, NET, NAME ...; none when it is not known. */
int pm_netd_devices(int sock, const char *id, struct pm_strv *ret, struct pm_err *err);

/* Whole requests on a connection of its own: connect (c: id, and one network), disconnect, reload. */
int pm_netd_request(int sock, const char *type, const struct pm_netd_config *c,
		    struct pm_err *err);

#endif
