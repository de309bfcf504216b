/*
 * tap - a network namespace's inside: the loopback and the tap device that pm-slirp answers.
 *
 * Everything is done by ioctl and rtnetlink from within the namespace (pm-monitor after its
 * unshare), so that no program is executed. Needs CAP_NET_ADMIN over the namespace. Libc-only.
 */
#ifndef PM_NETNS_TAP_H
#define PM_NETNS_TAP_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"

/* Bring "lo" up in the current network namespace (the kernel adds 127.0.0.1 and ::1). */
int pm_netns_lo_up(struct pm_err *err);

struct pm_tap_config {
	const char *name;       /* "tap0"; below IFNAMSIZ */
	unsigned int mtu;       /* bytes */
	struct in_addr addr;    /* with prefix_len bits; default route by gateway */
	unsigned int prefix_len;
	struct in_addr gateway;
	bool ipv6;              /* the rest counts */
	struct in6_addr addr6;  /* no duplicate address detection */
	unsigned int prefix_len6;
	struct in6_addr gateway6;
};

/* Make the device, bring it and lo up with addresses and default routes. Returns its descriptor
 * (non-blocking, frames without header), which is the caller's; the device goes with it. Without
 * /dev/net/tun the error says what to do. IPv6 that the kernel has switched off is left out. */
int pm_tap_open(const struct pm_tap_config *c, struct pm_err *err);

#endif
