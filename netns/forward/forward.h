/*
 * forward - published ports: a process of its own in the network namespace from which containers are reached,
 * sandboxed, with the one capability to bind a client's address. It accepts on sockets that were bound in
 * the host's namespace and connects to the container from the client's own address, so the application
 * sees who calls; TCP's data goes by splice(2) and is never in this process's memory.
 *
 * In the namespace of the bridges (pm-netd's) a client whose address cannot be kept - the host's loopback, an
 * address of these networks, another family - comes from the gateway's. In a container's own namespace
 * (pm-slirp's; netns/mark.h) there is no gateway: its address is given with the port.
 *
 * Wire messages, each answered by "ready", or error:
 *	port {id, to = "PROTO PORT" per descriptor, address4, address6, gateway4, gateway6, local = NETWORK...},
 *		descriptors: with a gateway, sockets are marked
 *	noport {id}: the container's sockets and connections are closed
 */
#ifndef PM_NETNS_FORWARD_FORWARD_H
#define PM_NETNS_FORWARD_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "netns/addr.h"

/* Serve until the channel closes. Returns only when it could not begin. */
int pm_forward_serve(int channel, struct pm_err *err);

/* --- between the forwarder's files ----------------------------------------------------------- */

/* One published socket. */
struct pm_forward_port {
	int fd; /* on the host; -1: free */
	bool udp;
	char id[65]; /* of the container */
	uint16_t port;
	struct pm_ip address4, address6; /* of the container; family 0: none */
	struct pm_ip gateway4, gateway6; /* for clients that cannot be kept; family 0: the kernel's choice */
	bool mark;
	uint32_t generation;
};

/* What an epoll event is about: the kind in the upper half, an index below. */
enum pm_forward_kind { PM_FORWARD_CHANNEL, PM_FORWARD_PORT, PM_FORWARD_CLIENT, PM_FORWARD_SERVER, PM_FORWARD_FLOW };

struct pm_forward {
	int channel, epoll;
	struct pm_forward_port *ports;
	size_t n_ports;
	struct pm_ipnet *local; /* networks of this namespace: clients of these are no strangers */
	size_t n_local;
	struct pm_tcp *tcp;
	struct pm_udp *udp;
};

void pm_forward_watch(struct pm_forward *f, int op, int fd, uint32_t events,
		      enum pm_forward_kind kind, size_t index);

/* A socket towards the container of port: non-blocking, its source the client's address if that can be
 * kept, and to *ret (for connect). same_port: the client's port as well. -1 with errno. */
int pm_forward_socket(const struct pm_forward *f, const struct pm_forward_port *p, int type,
		      const struct sockaddr_storage *client, bool same_port,
		      struct sockaddr_storage *ret, socklen_t *ret_len);

/* TCP (tcp.c) */
struct pm_tcp *pm_tcp_new(void);
void pm_tcp_accept(struct pm_forward *f, size_t port);
void pm_tcp_event(struct pm_forward *f, size_t index, bool client, uint32_t events);
/* All events were worked off: go on with those that had more to do; true when some still have. */
bool pm_tcp_end_of_turn(struct pm_forward *f);
void pm_tcp_close_port(struct pm_forward *f, size_t port);

/* UDP (udp.c) */
struct pm_udp *pm_udp_new(void);
void pm_udp_datagram(struct pm_forward *f, size_t port);
void pm_udp_event(struct pm_forward *f, size_t index);
/* Close what was idle for long; how long until the next look, -1: nothing is there. */
int pm_udp_expire(struct pm_forward *f);
void pm_udp_close_port(struct pm_forward *f, size_t port);

#endif
