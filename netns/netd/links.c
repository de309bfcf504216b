#include "netns/netd/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/rtnl.h"

/* Of default routes, as netavark has it; each further network's is worse by one. */
#define METRIC 100

#define WAY_BACK_PRIORITY 28781

/* /proc/sys/net shows the network namespace of who looks. Best effort: where /proc/sys is read-only
 * the defaults must do. */
static void set_sysctl(const char *family, const char *device, const char *name, const char *value)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, device, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, value, strlen(value)) < 0)
		return;
}

void pm_links_remove(int nl, int index)
{
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	pm_rtnl_link_delete(&b, index);
	(void)pm_rtnl_run(&b, nl, NULL);
}

/* --- the bridge ------------------------------------------------------------------------------ */

static int make_bridge(int nl, const struct pm_netd_net *n, struct pm_err *err)
{
	uint8_t mac[6];
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	/* its own address: else it takes that of one of its ports, and changes with them */
	pm_mac_random(mac);
	struct ifinfomsg *i = pm_rtnl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i),
					    "make the bridge");
	pm_rtnl_ignore(&b, EEXIST);
	i->ifi_family = AF_UNSPEC;
	pm_rtnl_attr_str(&b, IFLA_IFNAME, n->bridge);
	pm_rtnl_attr(&b, IFLA_ADDRESS, mac, sizeof(mac));
	struct rtattr *info = pm_rtnl_nest(&b, IFLA_LINKINFO);
	pm_rtnl_attr_str(&b, IFLA_INFO_KIND, "bridge");
	struct rtattr *data = pm_rtnl_nest(&b, IFLA_INFO_DATA);
	const uint8_t on = 1;
	if (n->vlan)
		pm_rtnl_attr(&b, IFLA_BR_VLAN_FILTERING, &on, sizeof(on));
	/* frames to 01:80:c2:00:00:0x pass no rules (guard.h): no MAC address may be learned from them */
	const struct br_boolopt_multi options = {.optval = 1u << BR_BOOLOPT_NO_LL_LEARN,
						 .optmask = 1u << BR_BOOLOPT_NO_LL_LEARN};
	pm_rtnl_attr(&b, IFLA_BR_MULTI_BOOLOPT, &options, sizeof(options));
	pm_rtnl_nest_end(&b, data);
	pm_rtnl_nest_end(&b, info);
	return pm_rtnl_run(&b, nl, err);
}

int pm_links_bridge(int nl, const struct pm_netd_net *n, struct pm_err *err)
{
	int r = make_bridge(nl, n, err);
	int index = r < 0 ? r : pm_rtnl_index(nl, n->bridge, err);
	if (index < 0)
		return index;
	set_sysctl("ipv6", n->bridge, "accept_ra", "0");
	set_sysctl("ipv6", n->bridge, "accept_dad", "0");
	/* answers to clients whose address is kept come in by another way than they would go out */
	set_sysctl("ipv4", n->bridge, "rp_filter", "2");

	struct pm_rtnl b;
	pm_rtnl_init(&b);
	if (!n->ipv6)
		pm_rtnl_no_autoconf(&b, index);
	pm_rtnl_link_up(&b, index, n->mtu, "bring the bridge up");
	for (size_t i = 0; i < n->n_subnets; i++) {
		const struct pm_netd_subnet *s = &n->subnets[i];
		if (!s->gateway.family)
			continue;
		pm_rtnl_address(&b, index, &s->gateway, s->net.prefix);
		if (s->gateway.family == AF_INET)
			pm_rtnl_ignore(&b, EEXIST); /* adopted */
	}
	r = pm_rtnl_run(&b, nl, err);
	if (r < 0) {
		pm_links_remove(nl, index);
		return pm_wrap(err, "network %s", n->name);
	}
	return index;
}

/* --- containers ------------------------------------------------------------------------------ */

int pm_links_open_in(int netns, int own, struct pm_err *err)
{
	if (setns(netns, CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "enter the container's network namespace");
	int nl = pm_rtnl_open(err);
	if (setns(own, CLONE_NEWNET) < 0)
		_exit(1); /* in the wrong namespace nothing that follows would be right */
	return nl;
}

static void make_veth(struct pm_rtnl *b, int netns, const struct pm_netd_net *n, int bridge,
		      const char *host_device)
{
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i),
					    "make the container's device");
	i->ifi_family = AF_UNSPEC;
	i->ifi_flags = i->ifi_change = IFF_UP;
	pm_rtnl_attr_str(b, IFLA_IFNAME, host_device);
	pm_rtnl_attr_u32(b, IFLA_MASTER, (uint32_t)bridge);
	if (n->mtu)
		pm_rtnl_attr_u32(b, IFLA_MTU, n->mtu);
	struct rtattr *info = pm_rtnl_nest(b, IFLA_LINKINFO);
	pm_rtnl_attr_str(b, IFLA_INFO_KIND, "veth");
	struct rtattr *data = pm_rtnl_nest(b, IFLA_INFO_DATA);
	struct rtattr *peer = pm_rtnl_nest(b, VETH_INFO_PEER);
	(void)pm_rtnl_raw(b, sizeof(struct ifinfomsg));
	pm_rtnl_attr_str(b, IFLA_IFNAME, n->device);
	pm_rtnl_attr(b, IFLA_ADDRESS, n->mac, sizeof(n->mac));
	if (n->mtu)
		pm_rtnl_attr_u32(b, IFLA_MTU, n->mtu);
	pm_rtnl_attr_u32(b, IFLA_NET_NS_FD, (uint32_t)netns);
	pm_rtnl_nest_end(b, peer);
	pm_rtnl_nest_end(b, data);
	pm_rtnl_nest_end(b, info);
}

/* A port that carries the VLAN untagged. */
static void set_vlan(struct pm_rtnl *b, int port, unsigned int vlan)
{
	const struct bridge_vlan_info v = {
		.flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, .vid = (uint16_t)vlan};
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_SETLINK, 0, sizeof(*i), "set the port's VLAN");
	i->ifi_family = AF_BRIDGE;
	i->ifi_index = port;
	struct rtattr *spec = pm_rtnl_nest(b, IFLA_AF_SPEC);
	pm_rtnl_attr(b, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
	pm_rtnl_nest_end(b, spec);
}

static uint32_t macvlan_mode(const char *mode)
{
	return strcmp(mode, "private") == 0    ? MACVLAN_MODE_PRIVATE
	       : strcmp(mode, "vepa") == 0     ? MACVLAN_MODE_VEPA
	       : strcmp(mode, "passthru") == 0 ? MACVLAN_MODE_PASSTHRU
					       : MACVLAN_MODE_BRIDGE;
}

static uint16_t ipvlan_mode(const char *mode)
{
	return strcmp(mode, "l3") == 0	  ? IPVLAN_MODE_L3
	       : strcmp(mode, "l3s") == 0 ? IPVLAN_MODE_L3S
					  : IPVLAN_MODE_L2;
}

/* A device on the host's parent, born in the container's namespace. */
static int make_vlan_device(struct pm_rtnl *b, int nl, int netns, const struct pm_netd_net *n,
			    struct pm_err *err)
{
	bool mac = n->driver == PM_NETD_MACVLAN;
	int parent = pm_rtnl_index(nl, n->bridge, err);
	if (parent < 0)
		return pm_wrap(err, "network %s: its parent device", n->name);
	struct ifinfomsg *i = pm_rtnl_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*i),
					    mac ? "make the macvlan device" : "make the ipvlan device");
	i->ifi_family = AF_UNSPEC;
	pm_rtnl_attr_str(b, IFLA_IFNAME, n->device);
	pm_rtnl_attr_u32(b, IFLA_LINK, (uint32_t)parent);
	pm_rtnl_attr_u32(b, IFLA_NET_NS_FD, (uint32_t)netns);
	if (mac)
		pm_rtnl_attr(b, IFLA_ADDRESS, n->mac, sizeof(n->mac));
	if (n->mtu)
		pm_rtnl_attr_u32(b, IFLA_MTU, n->mtu);
	struct rtattr *info = pm_rtnl_nest(b, IFLA_LINKINFO);
	pm_rtnl_attr_str(b, IFLA_INFO_KIND, mac ? "macvlan" : "ipvlan");
	struct rtattr *data = pm_rtnl_nest(b, IFLA_INFO_DATA);
	if (mac) {
		pm_rtnl_attr_u32(b, IFLA_MACVLAN_MODE, macvlan_mode(n->mode));
	} else {
		uint16_t mode = ipvlan_mode(n->mode);
		pm_rtnl_attr(b, IFLA_IPVLAN_MODE, &mode, sizeof(mode));
	}
	pm_rtnl_nest_end(b, data);
	pm_rtnl_nest_end(b, info);
	return 0;
}

int pm_links_name(const struct pm_netd_net *n, char ret[16], struct pm_err *err)
{
	uint32_t number = 0;
	ret[0] = '\0';
	if (n->driver != PM_NETD_BRIDGE)
		return 0;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return pm_fail_sys(err, "get random bytes");
	if (*n->host_device)
		snprintf(ret, 16, "%s", n->host_device);
	else
		snprintf(ret, 16, "veth%08x", number);
	return 0;
}

static int make_device(int nl, int netns, const struct pm_netd_net *n, int bridge,
		       const char *host_device, struct pm_err *err)
{
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	if (n->driver != PM_NETD_BRIDGE) {
		int r = make_vlan_device(&b, nl, netns, n, err);
		return r < 0 ? r : pm_rtnl_run(&b, nl, err);
	}
	make_veth(&b, netns, n, bridge, host_device);
	int r = pm_rtnl_run(&b, nl, err);
	if (r < 0 || !n->vlan)
		return r;
	int port = pm_rtnl_index(nl, host_device, err);
	if (port < 0)
		return port;
	set_vlan(&b, port, n->vlan);
	return pm_rtnl_run(&b, nl, err);
}

static void add_routes(struct pm_rtnl *b, int index, const struct pm_netd_net *n,
		       unsigned int rank)
{
	bool done4 = n->internal || n->no_default_route, done6 = done4;
	for (size_t i = 0; i < n->n_subnets; i++) {
		const struct pm_ip *gateway = &n->subnets[i].gateway;
		bool *done = gateway->family == AF_INET ? &done4 : &done6;
		if (!gateway->family || *done)
			continue;
		const struct pm_ipnet all = {.ip = {.family = gateway->family}};
		pm_rtnl_route(b, index, &all, gateway, n->metric ? n->metric : METRIC + rank);
		*done = true;
	}
	for (size_t i = 0; i < n->n_routes; i++)
		pm_rtnl_route(b, index, &n->routes[i].dest, &n->routes[i].gateway,
			      n->routes[i].metric ? n->routes[i].metric : METRIC);
}

static int set_up(int ctr_nl, const struct pm_netd_net *n, unsigned int rank, struct pm_err *err)
{
	struct pm_rtnl b;
	int index = pm_rtnl_index(ctr_nl, n->device, err);
	if (index < 0)
		return index;
	pm_rtnl_init(&b);
	if (!n->ipv6)
		pm_rtnl_no_autoconf(&b, index);
	pm_rtnl_link_up(&b, index, 0, "bring the container's device up");
	for (size_t i = 0; i < n->n_subnets; i++)
		if (n->subnets[i].address.family)
			pm_rtnl_address(&b, index, &n->subnets[i].address, n->subnets[i].net.prefix);
	int r = pm_rtnl_run(&b, ctr_nl, err);
	if (r < 0)
		return r;
	add_routes(&b, index, n, rank);
	r = pm_rtnl_run(&b, ctr_nl, err);
	return r < 0 ? r : index;
}

int pm_links_connect(int nl, int ctr_nl, int netns, const struct pm_netd_net *n, int bridge,
		     unsigned int rank, const char *host_device, struct pm_err *err)
{
	int r = make_device(nl, netns, n, bridge, host_device, err);
	if (r == -EEXIST) {
		/* of a pm-netd that was killed, whose namespace is not gone yet */
		pm_links_disconnect(ctr_nl, n->device);
		pm_err_clear(err);
		r = make_device(nl, netns, n, bridge, host_device, err);
	}
	if (r >= 0)
		r = set_up(ctr_nl, n, rank, err);
	if (r < 0) {
		pm_links_disconnect(ctr_nl, n->device);
		return pm_wrap(err, "connect to network %s", n->name);
	}
	return r;
}

void pm_links_disconnect(int ctr_nl, const char *device)
{
	int index = pm_rtnl_index(ctr_nl, device, NULL);
	if (index > 0)
		pm_links_remove(ctr_nl, index);
}

void pm_links_retire(int ctr_nl, const struct pm_netd_net *n)
{
	struct pm_rtnl b;
	int index = pm_rtnl_index(ctr_nl, n->device, NULL);
	if (index < 0)
		return;
	pm_rtnl_init(&b);
	for (size_t i = 0; i < n->n_subnets; i++)
		if (n->subnets[i].address.family)
			pm_rtnl_address_delete(&b, index, &n->subnets[i].address, n->subnets[i].net.prefix);
	(void)pm_rtnl_run(&b, ctr_nl, NULL);
}
