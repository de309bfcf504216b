/*
 * slirp_client - the settings of one user-mode network, starting its pm-slirp, and the talk with it.
 *
 * One pm-slirp per network namespace. pm starts it, in the host's network namespace and as the
 * user, and hands the socket to the monitor. Wire messages (base/wire.h) on that stream socket:
 *	config     settings (pm_slirp_config_encode); pm-slirp binds the ports
 *	tap        with the tap's descriptor, and the network namespace's where ports are forwarded from within
 *	container  with a pidfd of the container's first process
 * and one answer, after tap or earlier when something failed:
 *	ready, or error {code, text}
 * pm-slirp ends when the socket is closed and no container was named or that container has ended:
 * whoever dies before the handshake is complete leaves nothing, and the network of a container
 * whose monitor was killed works on.
 *
 * Settings travel in the launch plan under names that begin with "slirp.". Libc-only.
 */
#ifndef PM_NETNS_SLIRP_CLIENT_H
#define PM_NETNS_SLIRP_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/wire.h"
#include "netns/publish.h"
#include "netns/tap.h"

struct pm_slirp_config {
	struct in_addr net;          /* 10.0.2.0: .2 is the gateway, .3 the name server, .100 the guest */
	unsigned int prefix_len;     /* 24 */
	bool ipv6;                   /* fd00::/64: ::2, ::3 and ::100 alike; on by default */
	struct in6_addr net6;
	unsigned int mtu;            /* 65520 */
	bool allow_host_loopback;    /* the gateway's address reaches the host's 127.0.0.1; default off */
	struct in_addr outbound;     /* source address of connections; INADDR_ANY: the host's choice */
	struct in6_addr outbound6;
	struct pm_ports ports;       /* owned; resolved (pm_publish_resolve) */
	struct pm_strv egress;       /* rules (netns/egress.h); empty: all is allowed */
};

#define _cleanup_slirp_config_ _cleanup_(pm_slirp_config_free)

/* The defaults, without ports. */
void pm_slirp_config_init(struct pm_slirp_config *c);
void pm_slirp_config_free(struct pm_slirp_config *c);

/* Apply the options of --network slirp4netns:OPT,OPT... (podman-run(1)): allow_host_loopback, mtu,
 * cidr, enable_ipv6, outbound_addr, outbound_addr6, port_handler. outbound addresses may be
 * interface names. "" changes nothing. PM_E_USAGE. */
int pm_slirp_config_parse(struct pm_slirp_config *c, const char *options, struct pm_err *err);

/* What this kind of network cannot do is refused by name: sctp, IPv6 addresses while IPv6 is off.
 * PM_E_UNSUPPORTED. To be called before anything is made; pm_slirp_send_config does so again. */
int pm_slirp_config_check(const struct pm_slirp_config *c, struct pm_err *err);

void pm_slirp_config_encode(const struct pm_slirp_config *c, struct pm_wire *w);
/* ret must be initialised by nobody: it is set whole. PM_E_FORMAT. */
int pm_slirp_config_decode(const struct pm_wire *w, struct pm_slirp_config *ret,
			   struct pm_err *err);

/* Hosts of the network by number. */
enum {
	PM_SLIRP_GATEWAY = 2,
	PM_SLIRP_DNS = 3,
	PM_SLIRP_DHCP_START = 15,
	PM_SLIRP_GUEST = 100,
	PM_SLIRP_GUEST6 = 0x100,
};
struct in_addr pm_slirp_addr(const struct pm_slirp_config *c, uint32_t number);
struct in6_addr pm_slirp_addr6(const struct pm_slirp_config *c, uint16_t number);

/* The tap's settings for these; tap0. */
void pm_slirp_tap_config(const struct pm_slirp_config *c, struct pm_tap_config *ret);
/* Its published TCP ports, which a forwarder carries, or the others, which libslirp does. The caller frees. */
void pm_slirp_ports(const struct pm_slirp_config *c, bool tcp, struct pm_ports *ret);
/* Guest's name server addresses for resolv.conf: text into buffers of INET6_ADDRSTRLEN; nameserver6 ""
 * without IPv6. */
void pm_slirp_nameservers(const struct pm_slirp_config *c, char *ret_v4, char *ret_v6);

/* Start pm-slirp (pm_proc_helper). *ret_sock is the caller's end of the socket, to be given to the
 * monitor and closed here; *ret_pid a child. publish: TCP ports may be published (without it libslirp would
 * carry them, at half the speed). */
int pm_slirp_spawn(bool publish, pid_t *ret_pid, int *ret_sock, struct pm_err *err);

/* Messages, in this order; config and tap may be sent by different processes. None waits. */
int pm_slirp_send_config(int sock, const struct pm_slirp_config *c, struct pm_err *err);
/* The current network namespace's tap, up; its descriptor is the caller's, and the device lives as long as one is
 * open. As the namespace's root. */
int pm_slirp_open_tap(const struct pm_slirp_config *c, struct pm_err *err);
/* netns: the namespace that published ports are spliced into; -1: none are. */
int pm_slirp_send_tap(int sock, int tap, int netns, struct pm_err *err);
/* Both, and all that goes with it. */
int pm_slirp_connect(int sock, const struct pm_slirp_config *c, struct pm_err *err);
/* Wait for "ready" (at most 30 s); an error of pm-slirp, such as a port in use, becomes err. */
int pm_slirp_wait_ready(int sock, struct pm_err *err);
/* After start: the network lives until this process ends, even without a monitor. */
int pm_slirp_send_container(int sock, int pidfd, struct pm_err *err);

#endif
