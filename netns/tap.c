#include "netns/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

/* Several rtnetlink requests, sent together. The kernel works them off in order and answers failures
 * always, success only where NLM_F_ACK asks for it: on the last one. */
#define BATCH_MAX 8

struct batch {
	union {
		struct nlmsghdr align;
		char bytes[1024];
	} buf;
	size_t len;
	size_t n;
	struct nlmsghdr *last;
	struct {
		const char *what; /* for the error's text */
		bool optional;    /* may fail where IPv6 is switched off */
	} info[BATCH_MAX];
};

/* Begin a request; its fixed part of size bytes is returned, zeroed. */
static void *begin(struct batch *b, uint16_t type, uint16_t flags, size_t size, const char *what,
		   bool optional)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(b->buf.bytes + b->len);
	h->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = (uint32_t)b->n + 1;
	b->info[b->n].what = what;
	b->info[b->n].optional = optional;
	b->n++;
	b->last = h;
	b->len += NLMSG_ALIGN(h->nlmsg_len);
	return NLMSG_DATA(h);
}

static struct rtattr *attr(struct batch *b, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(b->buf.bytes + b->len);
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), data, len);
	b->last->nlmsg_len = NLMSG_ALIGN(b->last->nlmsg_len) + a->rta_len;
	b->len += RTA_ALIGN(a->rta_len);
	return a;
}

/* Close a nest that attr(.., NULL, 0) opened: it reaches to the end of the request. */
static void nest_end(struct batch *b, struct rtattr *a)
{
	a->rta_len = (uint16_t)(b->buf.bytes + b->len - (char *)a);
	b->last->nlmsg_len = NLMSG_ALIGN(b->last->nlmsg_len);
}

static void link_up(struct batch *b, int index, unsigned int mtu, const char *what)
{
	struct ifinfomsg *i = begin(b, RTM_NEWLINK, 0, sizeof(*i), what, false);
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
	i->ifi_flags = i->ifi_change = IFF_UP;
	if (mtu)
		attr(b, IFLA_MTU, &mtu, sizeof(mtu));
}

/* No link-local address of the kernel's making: nothing to solicit routers or detect duplicates for. */
static void no_autoconf(struct batch *b, int index)
{
	struct ifinfomsg *i = begin(b, RTM_NEWLINK, 0, sizeof(*i), "set up IPv6", true);
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
	uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *spec = attr(b, IFLA_AF_SPEC | NLA_F_NESTED, NULL, 0);
	struct rtattr *inet6 = attr(b, AF_INET6 | NLA_F_NESTED, NULL, 0);
	attr(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nest_end(b, inet6);
	nest_end(b, spec);
}

static void address(struct batch *b, int index, int family, const void *addr, size_t len,
		    unsigned int prefix_len)
{
	bool v6 = family == AF_INET6;
	struct ifaddrmsg *a = begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*a),
				    v6 ? "add the IPv6 address" : "add the IPv4 address", v6);
	a->ifa_family = (uint8_t)family;
	a->ifa_prefixlen = (uint8_t)prefix_len;
	a->ifa_flags = v6 ? IFA_F_NODAD | IFA_F_PERMANENT : IFA_F_PERMANENT;
	a->ifa_index = (uint32_t)index;
	attr(b, IFA_LOCAL, addr, len);
	attr(b, IFA_ADDRESS, addr, len);
	if (!v6) {
		struct in_addr mask, bcast;
		memcpy(&bcast, addr, sizeof(bcast));
		mask.s_addr = prefix_len ? htonl(~0u << (32 - prefix_len)) : 0;
		bcast.s_addr |= ~mask.s_addr;
		attr(b, IFA_BROADCAST, &bcast, sizeof(bcast));
	}
}

static void default_route(struct batch *b, int index, int family, const void *gateway, size_t len)
{
	bool v6 = family == AF_INET6;
	struct rtmsg *r = begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*r),
				v6 ? "add the IPv6 default route" : "add the default route", v6);
	r->rtm_family = (unsigned char)family;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_scope = RT_SCOPE_UNIVERSE;
	r->rtm_type = RTN_UNICAST;
	attr(b, RTA_GATEWAY, gateway, len);
	attr(b, RTA_OIF, &index, sizeof(index));
}

/* What the kernel answers where IPv6 is compiled out, disabled by the boot line or by sysctl. */
static bool means_no_ipv6(int errnum)
{
	return errnum == EAFNOSUPPORT || errnum == EOPNOTSUPP || errnum == EACCES ||
	       errnum == ENODEV || errnum == EADDRNOTAVAIL || errnum == ENETUNREACH ||
	       errnum == EHOSTUNREACH;
}

static int run(struct batch *b, int nl, struct pm_err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	b->last->nlmsg_flags |= NLM_F_ACK;
	if (sendto(nl, b->buf.bytes, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return pm_fail_sys(err, "talk to rtnetlink");

	for (int result = 0;;) {
		union {
			struct nlmsghdr h;
			char bytes[4096];
		} in;
		ssize_t n = recv(nl, &in, sizeof(in), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "hear from rtnetlink");
		int left = (int)n;
		for (struct nlmsghdr *h = &in.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq < 1 ||
			    h->nlmsg_seq > b->n || h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
				continue;
			size_t i = h->nlmsg_seq - 1;
			bool counts = e->error < 0 && result >= 0 &&
				      !(b->info[i].optional && means_no_ipv6(-e->error));
			if (counts)
				result = pm_fail_errno(err, -e->error, "network: %s",
						       b->info[i].what);
			if (h->nlmsg_seq == b->n)
				return result;
		}
	}
}

static int open_netlink(struct pm_err *err)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return nl < 0 ? pm_fail_sys(err, "open rtnetlink") : nl;
}

#define LO_INDEX 1 /* in every network namespace (LOOPBACK_IFINDEX) */

int pm_netns_lo_up(struct pm_err *err)
{
	_cleanup_close_ int nl = open_netlink(err);
	if (nl < 0)
		return nl;
	struct batch b = {0};
	link_up(&b, LO_INDEX, 0, "bring lo up");
	return run(&b, nl, err);
}

static int open_tun(const char *name, struct pm_err *err)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return pm_fail(err, errno, "open /dev/net/tun: %s: the user-mode network needs it "
			       "(as root: modprobe tun), or use --network none or host",
			       strerrordesc_np(errno));
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return pm_fail(err, errno, "open /dev/net/tun: %s: the user-mode network needs it "
			       "(as root: chmod 0666 /dev/net/tun), or use --network none or host",
			       strerrordesc_np(errno));
	if (fd < 0)
		return pm_fail_sys(err, "open /dev/net/tun");

	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return pm_fail_sys(err, "make the network device %s", name);
	return pm_steal_fd(&fd);
}

/* Best effort, and only where /proc is writable: routers' announcements bring nothing new. */
static void ignore_router_advertisements(const char *name)
{
	char path[96];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		return;
}

int pm_tap_open(const struct pm_tap_config *c, struct pm_err *err)
{
	_cleanup_close_ int fd = open_tun(c->name, err);
	if (fd < 0)
		return fd;
	_cleanup_close_ int nl = open_netlink(err);
	if (nl < 0)
		return nl;

	struct ifreq ifr = {0};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", c->name);
	if (ioctl(nl, SIOCGIFINDEX, &ifr) < 0)
		return pm_fail_sys(err, "find the network device %s", c->name);
	int index = ifr.ifr_ifindex;

	struct batch b = {0};
	if (c->ipv6) {
		ignore_router_advertisements(c->name);
		no_autoconf(&b, index);
	}
	link_up(&b, LO_INDEX, 0, "bring lo up");
	link_up(&b, index, c->mtu, "bring the tap device up");
	if (c->ipv6) {
		address(&b, index, AF_INET6, &c->addr6, sizeof(c->addr6), c->prefix_len6);
		default_route(&b, index, AF_INET6, &c->gateway6, sizeof(c->gateway6));
	}
	address(&b, index, AF_INET, &c->addr, sizeof(c->addr), c->prefix_len);
	default_route(&b, index, AF_INET, &c->gateway, sizeof(c->gateway));
	int r = run(&b, nl, err);
	return r < 0 ? r : pm_steal_fd(&fd);
}
