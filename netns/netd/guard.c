#include "netns/netd/guard.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"

bool pm_guard_wanted(const struct pm_netd_net *net)
{
	return !net->any_source && net->n_subnets > 0;
}

/* Rules of one packet: the first that matches decides.
 * - Tagged frames: a tag of VLAN 0 is taken off by the receiver, so that what is in it would pass as untagged there.
 * - The sets are looked up with the device's name, so that one container's addresses open nothing for another.
 * - Duplicate address detection is done without an address: by ARP from 0.0.0.0, by IPv6 from ::. */
static const char rules[] =
	"\tchain prerouting {\n"
	"\t\ttype filter hook prerouting priority -300; policy accept;\n"
	"\t\tiifname . ether saddr . ip saddr @addr4 accept\n"
	"\t\tiifname != @ports accept\n"
	"\t\tether type { 0x8100, 0x88a8 } drop\n"
	"\t\ticmpv6 type { nd-router-advert, nd-redirect } drop\n"
	"\t\ticmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets drop\n"
	"\t\tiifname . ether saddr . ip6 saddr @addr6 accept\n"
	"\t\tiifname . ether saddr @macs ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, "
	"mld-listener-report, mld-listener-done, mld2-listener-report } accept\n"
	"\t\tiifname . ether saddr . arp saddr ip @addr4 iifname . arp saddr ether . arp saddr ip @addr4 accept\n"
	"\t\tiifname . ether saddr @macs iifname . arp saddr ether @macs arp saddr ip 0.0.0.0 accept\n"
	"\t\tdrop\n"
	"\t}\n";

/* The address that the kernel gives itself on a link (RFC 4291, appendix A). */
static struct pm_ip link_local(const uint8_t mac[6])
{
	const uint8_t b[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
	return pm_ip_from_bytes(b, sizeof(b));
}

/* A port's addresses of a family; returns how many. */
static size_t addresses(const struct pm_guard_port *p, int family, struct pm_ip ret[PM_NETD_SUBNETS + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < p->net->n_subnets; i++)
		if (p->net->subnets[i].address.family == family)
			ret[n++] = p->net->subnets[i].address;
	if (family == AF_INET6)
		ret[n++] = link_local(p->net->mac);
	return n;
}

/* What is in each set for a port, a word for each element. */
static void element_ports(const struct pm_guard_port *p, struct pm_strv *ret)
{
	pm_strv_addf(ret, "\"%s\"", p->device);
}

static void element_macs(const struct pm_guard_port *p, struct pm_strv *ret)
{
	char mac[PM_MAC_TEXT];
	pm_strv_addf(ret, "\"%s\" . %s", p->device, pm_mac_format(p->net->mac, mac));
}

static void element_addresses(const struct pm_guard_port *p, int family, struct pm_strv *ret)
{
	char mac[PM_MAC_TEXT], text[PM_IP_TEXT];
	struct pm_ip ips[PM_NETD_SUBNETS + 1];
	size_t n = addresses(p, family, ips);
	for (size_t i = 0; i < n; i++)
		pm_strv_addf(ret, "\"%s\" . %s . %s", p->device, pm_mac_format(p->net->mac, mac),
			     pm_ip_format(&ips[i], text));
}

static void element_addr4(const struct pm_guard_port *p, struct pm_strv *ret)
{
	element_addresses(p, AF_INET, ret);
}

static void element_addr6(const struct pm_guard_port *p, struct pm_strv *ret)
{
	element_addresses(p, AF_INET6, ret);
}

static void element_targets(const struct pm_guard_port *p, struct pm_strv *ret)
{
	struct pm_ip ips[PM_NETD_SUBNETS + 1];
	size_t n = addresses(p, AF_INET6, ips);
	for (size_t i = 0; i < n; i++) {
		char hex[33];
		size_t len;
		const uint8_t *b = pm_ip_bytes(&ips[i], &len);
		for (size_t k = 0; k < len; k++)
			snprintf(hex + 2 * k, 3, "%02x", b[k]);
		pm_strv_addf(ret, "\"%s\" . 0x%s", p->device, hex);
	}
}

/* nft text with the elements; nothing when there are none. */
static void add_elements(const char *table, const char *set, bool add, const struct pm_strv *elements,
			 struct pm_buf *out)
{
	for (size_t i = 0; i < elements->n; i++)
		if (i == 0)
			pm_buf_printf(out, "%s element bridge %s %s { %s", add ? "add" : "delete", table, set,
				      elements->v[i]);
		else
			pm_buf_printf(out, ", %s", elements->v[i]);
	if (elements->n)
		pm_buf_add_str(out, " }\n");
}

void pm_guard_port(const char *table, const struct pm_guard_port *p, bool add, struct pm_buf *out)
{
	static const struct {
		const char *name;
		void (*elements)(const struct pm_guard_port *p, struct pm_strv *ret);
	} sets[] = {
		{"ports", element_ports}, {"macs", element_macs}, {"addr4", element_addr4},
		{"addr6", element_addr6}, {"targets", element_targets},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(sets); i++) {
		_cleanup_strv_ struct pm_strv elements = PM_STRV_INIT;
		sets[i].elements(p, &elements);
		add_elements(table, sets[i].name, add, &elements, out);
	}
}

void pm_guard_table(const char *table, bool there, struct pm_buf *out)
{
	pm_buf_printf(out, "table bridge %s { }\ndelete table bridge %s\n", table, table);
	if (!there)
		return;
	pm_buf_printf(out,
		      "table bridge %s {\n"
		      "\tset ports { type ifname; }\n"
		      "\tset macs { type ifname . ether_addr; }\n"
		      "\tset addr4 { type ifname . ether_addr . ipv4_addr; }\n"
		      "\tset addr6 { type ifname . ether_addr . ipv6_addr; }\n"
		      "\tset targets { typeof iifname . @th,64,128; }\n"
		      "%s}\n",
		      table, rules);
}

/* --- routes ---------------------------------------------------------------------------------- */

/* ARP and neighbour discovery, multicast or not, are the container's own affair: the guard has looked at them. */
static const char routes[] =
	"\tchain route {\n"
	"\t\ttype filter hook prerouting priority -200; policy accept;\n"
	"\t\tmeta protocol != { ip, ip6 } accept\n"
	"\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, "
	"mld-listener-report, mld-listener-done, mld2-listener-report } accept\n"
	"\t\tether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 ether saddr @routed drop\n"
	"\t\tether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 accept\n"
	"\t\tether daddr set ether saddr map @bridges meta pkttype set host accept\n"
	"\t\tether daddr set ether daddr map @bridges meta pkttype set host\n"
	"\t}\n";

/* One MAC address may be asked for on two networks; a map has it once. */
void pm_guard_routes(const char *table, const struct pm_guard_port *ports, size_t n, struct pm_buf *out)
{
	_cleanup_strv_ struct pm_strv routed = PM_STRV_INIT, bridges = PM_STRV_INIT;
	_cleanup_free_ char *own = pm_asprintf("%s_routes", table);
	char mac[PM_MAC_TEXT], bridge[PM_MAC_TEXT];
	pm_buf_printf(out, "table bridge %s { }\ndelete table bridge %s\n", own, own);
	for (size_t i = 0; i < n; i++) {
		if (!ports[i].bridge_mac || pm_strv_has(&routed, pm_mac_format(ports[i].net->mac, mac)))
			continue;
		pm_strv_add(&routed, mac);
		pm_strv_addf(&bridges, "%s : %s", mac, pm_mac_format(ports[i].bridge_mac, bridge));
	}
	if (!routed.n)
		return;
	pm_buf_printf(out,
		      "table bridge %s {\n"
		      "\tset routed { type ether_addr; }\n"
		      "\tmap bridges { type ether_addr : ether_addr; }\n"
		      "%s}\n",
		      own, routes);
	add_elements(own, "routed", true, &routed, out);
	add_elements(own, "bridges", true, &bridges, out);
}
