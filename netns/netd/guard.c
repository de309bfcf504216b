#include "netns/netd/guard.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

static void begin_elements(const char *table, const char *set, bool add, struct pm_buf *out)
{
	pm_buf_printf(out, "%s element bridge %s %s { ", add ? "add" : "delete", table, set);
}

/* The address that the kernel gives itself on a link (RFC 4291, appendix A). */
static struct pm_ip link_local(const uint8_t mac[6])
{
	const uint8_t b[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
	return pm_ip_from_bytes(b, sizeof(b));
}

static void add_target(const char *device, const struct pm_ip *ip, struct pm_buf *out)
{
	size_t len;
	const uint8_t *b = pm_ip_bytes(ip, &len);
	pm_buf_printf(out, "\"%s\" . 0x", device);
	for (size_t i = 0; i < len; i++)
		pm_buf_printf(out, "%02x", b[i]);
}

/* What is in a set for the port: its addresses of a family, as " . MAC . ADDRESS" or, targets, as numbers. */
static void add_addresses(const char *table, const char *set, int family, const struct pm_guard_port *p, bool add,
			  struct pm_buf *out)
{
	char mac[PM_MAC_TEXT], text[PM_IP_TEXT];
	struct pm_ip ips[PM_NETD_SUBNETS + 1];
	size_t n = 0;
	for (size_t i = 0; i < p->net->n_subnets; i++)
		if (p->net->subnets[i].address.family == family)
			ips[n++] = p->net->subnets[i].address;
	if (family == AF_INET6)
		ips[n++] = link_local(p->net->mac);
	if (n == 0)
		return;
	begin_elements(table, set, add, out);
	for (size_t i = 0; i < n; i++) {
		pm_buf_add_str(out, i ? ", " : "");
		if (strcmp(set, "targets") == 0)
			add_target(p->device, &ips[i], out);
		else
			pm_buf_printf(out, "\"%s\" . %s . %s", p->device, pm_mac_format(p->net->mac, mac),
				      pm_ip_format(&ips[i], text));
	}
	pm_buf_add_str(out, " }\n");
}

void pm_guard_port(const char *table, const struct pm_guard_port *p, bool add, struct pm_buf *out)
{
	char mac[PM_MAC_TEXT];
	begin_elements(table, "ports", add, out);
	pm_buf_printf(out, "\"%s\" }\n", p->device);
	begin_elements(table, "macs", add, out);
	pm_buf_printf(out, "\"%s\" . %s }\n", p->device, pm_mac_format(p->net->mac, mac));
	add_addresses(table, "addr4", AF_INET, p, add, out);
	add_addresses(table, "addr6", AF_INET6, p, add, out);
	add_addresses(table, "targets", AF_INET6, p, add, out);
}

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

static bool is_same_mac(const struct pm_guard_port *a, const struct pm_guard_port *b)
{
	return a->bridge_mac && memcmp(a->net->mac, b->net->mac, sizeof(a->net->mac)) == 0;
}

/* One MAC address may be asked for on two networks; a map has it once. */
static void add_routes(const char *table, const struct pm_guard_port *ports, size_t n, struct pm_buf *out)
{
	char mac[PM_MAC_TEXT], bridge[PM_MAC_TEXT];
	bool any = false;
	for (size_t i = 0; i < n; i++)
		any |= ports[i].bridge_mac != NULL;
	if (!any)
		return;
	pm_buf_printf(out,
		      "table bridge %s {\n"
		      "\tset routed { type ether_addr; }\n"
		      "\tmap bridges { type ether_addr : ether_addr; }\n"
		      "%s}\n",
		      table, routes);
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < i && !is_same_mac(&ports[k], &ports[i]))
			k++;
		if (!ports[i].bridge_mac || k < i)
			continue;
		pm_mac_format(ports[i].net->mac, mac);
		begin_elements(table, "routed", true, out);
		pm_buf_printf(out, "%s }\n", mac);
		begin_elements(table, "bridges", true, out);
		pm_buf_printf(out, "%s : %s }\n", mac, pm_mac_format(ports[i].bridge_mac, bridge));
	}
}

void pm_guard_table(const char *table, bool there, const struct pm_guard_port *ports, size_t n,
		    struct pm_buf *out)
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
	for (size_t i = 0; i < n; i++)
		pm_guard_port(table, &ports[i], true, out);
	add_routes(table, ports, n, out);
}
