#include "netns/rtnl.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"

void pm_rtnl_init(struct pm_rtnl *b)
{
	memset(b, 0, sizeof(*b));
}

int pm_rtnl_open(struct pm_err *err)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_cleanup_close_ int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* connected: whoever has CAP_NET_ADMIN in the namespace, as a container's root may, could send to it, too, and forge
	 * the kernel's answers or leave them no room */
	if (nl < 0 || connect(nl, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return pm_fail_sys(err, "open rtnetlink");
	return pm_steal_fd(&nl);
}

static char *reserve(struct pm_rtnl *b, size_t size)
{
	if (b->len + size > sizeof(b->buf.bytes))
		abort(); /* a defect: see the header */
	return b->buf.bytes + b->len;
}

void *pm_rtnl_begin(struct pm_rtnl *b, uint16_t type, uint16_t flags, size_t size,
		    const char *what)
{
	struct nlmsghdr *h = (struct nlmsghdr *)reserve(b, NLMSG_SPACE(size));
	if (b->n == PM_RTNL_REQUESTS)
		abort();
	h->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = (uint32_t)b->n + 1;
	b->info[b->n].what = what;
	b->info[b->n].ignore = 0;
	b->n++;
	b->last = h;
	b->len += NLMSG_ALIGN(h->nlmsg_len);
	return NLMSG_DATA(h);
}

void pm_rtnl_ignore(struct pm_rtnl *b, int errnum)
{
	b->info[b->n - 1].ignore = errnum;
}

/* The request reaches to the end of what is written. */
static void extend(struct pm_rtnl *b, size_t exact)
{
	b->last->nlmsg_len = (uint32_t)(b->buf.bytes + exact - (char *)b->last);
}

struct rtattr *pm_rtnl_attr(struct pm_rtnl *b, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)reserve(b, RTA_SPACE(len));
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len > 0)
		memcpy(RTA_DATA(a), data, len);
	extend(b, b->len + a->rta_len);
	b->len += RTA_ALIGN(a->rta_len);
	return a;
}

void pm_rtnl_attr_str(struct pm_rtnl *b, uint16_t type, const char *s)
{
	pm_rtnl_attr(b, type, s, strlen(s) + 1);
}

void pm_rtnl_attr_u32(struct pm_rtnl *b, uint16_t type, uint32_t n)
{
	pm_rtnl_attr(b, type, &n, sizeof(n));
}

struct rtattr *pm_rtnl_nest(struct pm_rtnl *b, uint16_t type)
{
	return pm_rtnl_attr(b, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
}

void pm_rtnl_nest_end(struct pm_rtnl *b, struct rtattr *a)
{
	a->rta_len = (uint16_t)(b->buf.bytes + b->len - (char *)a);
	extend(b, b->len);
}

void *pm_rtnl_raw(struct pm_rtnl *b, size_t size)
{
	char *p = reserve(b, NLMSG_ALIGN(size));
	b->len += NLMSG_ALIGN(size);
	extend(b, b->len);
	return p;
}

/* What the kernel answers where IPv6 is compiled out, disabled by the boot line or by sysctl. */
static bool means_no_ipv6(int errnum)
{
	return errnum == EAFNOSUPPORT || errnum == EOPNOTSUPP || errnum == EACCES ||
	       errnum == ENODEV || errnum == EADDRNOTAVAIL || errnum == ENETUNREACH ||
	       errnum == EHOSTUNREACH;
}

static bool ignored(const struct pm_rtnl *b, size_t i, int errnum)
{
	int ignore = b->info[i].ignore;
	return ignore == PM_RTNL_NO_IPV6 ? means_no_ipv6(errnum) : ignore && ignore == errnum;
}

static int hear(struct pm_rtnl *b, int sock, struct pm_err *err)
{
	for (int result = 0;;) {
		union {
			struct nlmsghdr h;
			char bytes[8192];
		} in;
		ssize_t n = recv(sock, &in, sizeof(in), 0);
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
			if (e->error < 0 && result >= 0 && !ignored(b, i, -e->error))
				result = pm_fail_errno(err, -e->error, "network: %s",
						       b->info[i].what);
			if (h->nlmsg_seq == b->n)
				return result;
		}
	}
}

int pm_rtnl_run(struct pm_rtnl *b, int sock, struct pm_err *err)
{
	if (b->n == 0)
		return 0;
	b->last->nlmsg_flags |= NLM_F_ACK;
	int r = send(sock, b->buf.bytes, b->len, 0) < 0
			? pm_fail_sys(err, "talk to rtnetlink")
			: hear(b, sock, err);
	pm_rtnl_init(b);
	return r;
}

/* --- whole requests -------------------------------------------------------------------------- */

void pm_rtnl_link_up(struct pm_rtnl *b, int index, unsigned int mtu, const char *what)
{
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_NEWLINK, 0, sizeof(*i), what);
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
	i->ifi_flags = i->ifi_change = IFF_UP;
	if (mtu)
		pm_rtnl_attr_u32(b, IFLA_MTU, mtu);
}

void pm_rtnl_no_autoconf(struct pm_rtnl *b, int index)
{
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_NEWLINK, 0, sizeof(*i), "set up IPv6");
	pm_rtnl_ignore(b, PM_RTNL_NO_IPV6);
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
	uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *spec = pm_rtnl_nest(b, IFLA_AF_SPEC);
	struct rtattr *inet6 = pm_rtnl_nest(b, AF_INET6);
	pm_rtnl_attr(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	pm_rtnl_nest_end(b, inet6);
	pm_rtnl_nest_end(b, spec);
}

void pm_rtnl_link_delete(struct pm_rtnl *b, int index)
{
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_DELLINK, 0, sizeof(*i), "remove a device");
	pm_rtnl_ignore(b, ENODEV);
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = index;
}

static void address(struct pm_rtnl *b, uint16_t type, uint16_t flags, int index,
		    const struct pm_ip *ip, unsigned int prefix, const char *what)
{
	bool v6 = ip->family == AF_INET6;
	size_t len;
	const uint8_t *bytes = pm_ip_bytes(ip, &len);
	struct ifaddrmsg *a = pm_rtnl_begin(b, type, flags, sizeof(*a), what);
	if (v6)
		pm_rtnl_ignore(b, PM_RTNL_NO_IPV6);
	a->ifa_family = (uint8_t)ip->family;
	a->ifa_prefixlen = (uint8_t)prefix;
	a->ifa_flags = v6 ? IFA_F_NODAD | IFA_F_PERMANENT : IFA_F_PERMANENT;
	a->ifa_index = (uint32_t)index;
	pm_rtnl_attr(b, IFA_LOCAL, bytes, len);
	pm_rtnl_attr(b, IFA_ADDRESS, bytes, len);
	if (!v6) {
		struct pm_ipnet net = pm_ipnet_of(ip, prefix);
		struct pm_ip last = pm_ipnet_last(&net);
		pm_rtnl_attr(b, IFA_BROADCAST, pm_ip_bytes(&last, &len), 4);
	}
}

void pm_rtnl_address(struct pm_rtnl *b, int index, const struct pm_ip *ip, unsigned int prefix)
{
	address(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, ip, prefix,
		ip->family == AF_INET6 ? "add the IPv6 address" : "add the IPv4 address");
}

void pm_rtnl_address_delete(struct pm_rtnl *b, int index, const struct pm_ip *ip,
			    unsigned int prefix)
{
	address(b, RTM_DELADDR, 0, index, ip, prefix, "remove an address");
	pm_rtnl_ignore(b, EADDRNOTAVAIL);
}

void pm_rtnl_route(struct pm_rtnl *b, int index, const struct pm_ipnet *dest,
		   const struct pm_ip *gateway, uint32_t metric)
{
	bool v6 = gateway->family == AF_INET6;
	size_t len;
	struct rtmsg *r = pm_rtnl_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*r),
					dest->prefix ? "add a route"
					: v6	     ? "add the IPv6 default route"
						     : "add the default route");
	if (v6)
		pm_rtnl_ignore(b, PM_RTNL_NO_IPV6);
	r->rtm_family = (unsigned char)gateway->family;
	r->rtm_dst_len = (unsigned char)dest->prefix;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_scope = RT_SCOPE_UNIVERSE;
	r->rtm_type = RTN_UNICAST;
	if (dest->prefix) {
		const uint8_t *bytes = pm_ip_bytes(&dest->ip, &len);
		pm_rtnl_attr(b, RTA_DST, bytes, len);
	}
	const uint8_t *bytes = pm_ip_bytes(gateway, &len);
	pm_rtnl_attr(b, RTA_GATEWAY, bytes, len);
	pm_rtnl_attr_u32(b, RTA_OIF, (uint32_t)index);
	if (metric)
		pm_rtnl_attr_u32(b, RTA_PRIORITY, metric);
}

int pm_rtnl_index(int sock, const char *name, struct pm_err *err)
{
	struct ifreq ifr = {0};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFINDEX, &ifr) < 0)
		return pm_fail_sys(err, "find the network device %s", name);
	return ifr.ifr_ifindex;
}

int pm_rtnl_name(int sock, int index, char ret[16], struct pm_err *err)
{
	struct ifreq ifr = {.ifr_ifindex = index};
	if (ioctl(sock, SIOCGIFNAME, &ifr) < 0)
		return pm_fail_sys(err, "find the network device of index %d", index);
	snprintf(ret, 16, "%s", ifr.ifr_name);
	return 0;
}

int pm_rtnl_mac(int sock, const char *name, uint8_t ret[6], struct pm_err *err)
{
	struct ifreq ifr = {0};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFHWADDR, &ifr) < 0)
		return pm_fail_sys(err, "find the MAC address of the network device %s", name);
	memcpy(ret, ifr.ifr_hwaddr.sa_data, 6);
	return 0;
}
