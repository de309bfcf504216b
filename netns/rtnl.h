/*
 * rtnl - rtnetlink(7) requests put together by hand and sent in one batch: the kernel works them off in
 * order, and the first failure is the batch's. For the few requests pm makes this is less than a
 * library would be, and it runs in pm-monitor, which is linked with musl and nothing else.
 *
 *	struct pm_rtnl b;
 *	pm_rtnl_init(&b);
 *	struct ifinfomsg *i = pm_rtnl_begin(&b, RTM_NEWLINK, NLM_F_CREATE, sizeof(*i), "make the bridge");
 *	pm_rtnl_attr(&b, IFLA_IFNAME, name, strlen(name) + 1);
 *	r = pm_rtnl_run(&b, sock, err);
 *
 * A batch that outgrows its buffer aborts: batches are of known size. Libc-only.
 */
#ifndef PM_NETNS_RTNL_H
#define PM_NETNS_RTNL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "netns/addr.h"

#define PM_RTNL_REQUESTS 24
#define PM_RTNL_BYTES 4096

struct pm_rtnl {
	union {
		struct nlmsghdr align;
		char bytes[PM_RTNL_BYTES];
	} buf;
	size_t len, n;
	struct nlmsghdr *last;
	struct {
		const char *what; /* for the error's text; borrowed until run */
		int ignore;       /* an errno that is no failure; PM_RTNL_NO_IPV6; 0: none */
	} info[PM_RTNL_REQUESTS];
};

/* An errno for ignore: whatever a kernel says where IPv6 is switched off. */
#define PM_RTNL_NO_IPV6 (-1)

#define PM_LO_INDEX 1 /* in every network namespace (LOOPBACK_IFINDEX) */

void pm_rtnl_init(struct pm_rtnl *b);

/* Open a socket in the current network namespace; only the kernel can send to it. */
int pm_rtnl_open(struct pm_err *err);

/* Begin a request; its fixed part of size bytes is returned, zeroed. */
void *pm_rtnl_begin(struct pm_rtnl *b, uint16_t type, uint16_t flags, size_t size,
		    const char *what);
void pm_rtnl_ignore(struct pm_rtnl *b, int errnum); /* of the request begun last */
struct rtattr *pm_rtnl_attr(struct pm_rtnl *b, uint16_t type, const void *data, size_t len);
void pm_rtnl_attr_str(struct pm_rtnl *b, uint16_t type, const char *s);
void pm_rtnl_attr_u32(struct pm_rtnl *b, uint16_t type, uint32_t n);
/* A nest reaches from here to nest_end. */
struct rtattr *pm_rtnl_nest(struct pm_rtnl *b, uint16_t type);
void pm_rtnl_nest_end(struct pm_rtnl *b, struct rtattr *a);
/* Room for a struct within an attribute (VETH_INFO_PEER), zeroed. */
void *pm_rtnl_raw(struct pm_rtnl *b, size_t size);

/* Send all and hear all answers; b is empty after. */
int pm_rtnl_run(struct pm_rtnl *b, int sock, struct pm_err *err);

/* Whole requests. */
void pm_rtnl_link_up(struct pm_rtnl *b, int index, unsigned int mtu, const char *what);
/* No link-local address of the kernel's making. */
void pm_rtnl_no_autoconf(struct pm_rtnl *b, int index);
void pm_rtnl_link_delete(struct pm_rtnl *b, int index);
/* No duplicate address detection. IPv6 may fail where it is switched off. */
void pm_rtnl_address(struct pm_rtnl *b, int index, const struct pm_ip *ip, unsigned int prefix);
void pm_rtnl_address_delete(struct pm_rtnl *b, int index, const struct pm_ip *ip,
			    unsigned int prefix);
/* metric 0: the kernel's. A default route has a dest of prefix 0. */
void pm_rtnl_route(struct pm_rtnl *b, int index, const struct pm_ipnet *dest,
		   const struct pm_ip *gateway, uint32_t metric);

/* The device's index; -ENODEV when there is none. sock: any socket of the namespace. */
int pm_rtnl_index(int sock, const char *name, struct pm_err *err);
int pm_rtnl_mac(int sock, const char *name, uint8_t ret[6], struct pm_err *err);
/* What the device is called now. */
int pm_rtnl_name(int sock, int index, char ret[16], struct pm_err *err);

#endif
