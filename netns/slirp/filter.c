#include "netns/slirp/filter.h"

#include <net/ethernet.h>
#include <string.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_ACK 0x10

#define PORT_DHCP 67

/* As long as libslirp keeps a UDP socket without traffic. */
#define FLOW_LIFE_MS (240 * 1000)

struct packet {
	bool v6;
	uint8_t proto;
	bool later_fragment; /* has no header of the protocol */
	bool fragment;
	uint8_t *src, *dst;
	uint8_t *ip, *body; /* body: from the protocol's header on */
	size_t len;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Take the frame apart: 1 an IP packet, 0 another kind, -1 malformed. */
static int dissect(uint8_t *frame, size_t len, struct packet *p)
{
	if (len < ETHER_HDR_LEN)
		return -1;
	uint16_t type = get16(frame + 12);
	uint8_t *ip = frame + ETHER_HDR_LEN;
	len -= ETHER_HDR_LEN;
	*p = (struct packet){.v6 = type == ETHERTYPE_IPV6};
	if (type == ETHERTYPE_IP) {
		if (len < 20 || ip[0] >> 4 != 4)
			return -1;
		size_t header = (size_t)(ip[0] & 15) * 4;
		if (header < 20 || header > len)
			return -1;
		p->ip = ip;
		p->proto = ip[9];
		p->fragment = get16(ip + 6) & 0x3fff;
		p->later_fragment = get16(ip + 6) & 0x1fff;
		p->src = ip + 12;
		p->dst = ip + 16;
		p->body = ip + header;
		p->len = len - header;
		return 1;
	}
	if (type == ETHERTYPE_IPV6) {
		/* libslirp looks at no extension headers, so none needs to be skipped */
		if (len < 40 || ip[0] >> 4 != 6)
			return -1;
		p->ip = ip;
		p->proto = ip[6];
		p->src = ip + 8;
		p->dst = ip + 24;
		p->body = ip + 40;
		p->len = len - 40;
		return 1;
	}
	return 0;
}

static bool names_host_itself(const struct packet *p)
{
	static const uint8_t zero[4];
	struct in6_addr a;
	if (!p->v6)
		return p->dst[0] == 127 || memcmp(p->dst, zero, sizeof(zero)) == 0;
	memcpy(&a, p->dst, sizeof(a));
	return IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_LOOPBACK(&a) || IN6_IS_ADDR_V4MAPPED(&a) ||
	       IN6_IS_ADDR_V4COMPAT(&a);
}

/* The addresses that libslirp turns into the host's loopback: the gateway and the broadcast address; of
 * IPv6 the whole network but the name server, and all nodes. */
static bool means_loopback(const struct pm_slirp_filter *f, const struct packet *p)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	if (!p->v6)
		return memcmp(p->dst, &f->gateway, 4) == 0 || memcmp(p->dst, broadcast, 4) == 0;
	if (memcmp(p->dst, &f->nameserver6, 16) == 0)
		return false;
	return memcmp(p->dst, &f->gateway6, 8) == 0 || memcmp(p->dst, all_nodes, 16) == 0;
}

static size_t flow_slot(uint16_t client, uint16_t guest, bool v6)
{
	uint32_t h = ((uint32_t)client << 16 | guest) * 2654435761u;
	return (h >> 16 ^ v6) % PM_SLIRP_FLOWS;
}

static bool known_flow(const struct pm_slirp_filter *f, uint16_t client, uint16_t guest, bool v6,
		       int64_t now_ms)
{
	size_t i = flow_slot(client, guest, v6);
	return f->flows[i].client == client && f->flows[i].guest == guest && client != 0 &&
	       f->flows[i].v6 == v6 && now_ms - f->flows[i].seen_ms < FLOW_LIFE_MS;
}

/* The checksum at c after a 16-bit word it covers changed (RFC 1624). */
static void follow(uint8_t *c, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint32_t)(uint16_t)~get16(c) + (uint16_t)~was + is;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	c[0] = (uint8_t)(~sum >> 8);
	c[1] = (uint8_t)~sum;
}

/* A connection request gets FIN as well: libslirp answers such a thing with RST, and makes no socket. */
static void spoil_syn(uint8_t *tcp)
{
	uint16_t was = get16(tcp + 12);
	tcp[13] |= TCP_FIN;
	follow(tcp + 16, was, get16(tcp + 12));
}

static bool pass_tcp(struct packet *p)
{
	/* nobody needs TCP in fragments; one could hide the flags */
	if (p->fragment || p->len < 20)
		return false;
	if ((p->body[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		spoil_syn(p->body);
	return true;
}

static bool pass_udp(const struct pm_slirp_filter *f, const struct packet *p, int64_t now_ms)
{
	/* it belongs to a first fragment that passed, or will never be whole */
	if (p->later_fragment)
		return true;
	if (p->len < 8)
		return false;
	uint16_t guest, client;
	memcpy(&guest, p->body, 2);
	memcpy(&client, p->body + 2, 2);
	if (!p->v6 && client == htons(PORT_DHCP)) /* libslirp's own server */
		return true;
	return known_flow(f, client, guest, p->v6, now_ms);
}

static struct pm_slirp_flow flow_of(const struct packet *p)
{
	const size_t len = p->v6 ? 16 : 4, header = p->proto == IPPROTO_UDP ? 8 : 4;
	struct pm_slirp_flow x = {
		.src = pm_ip_from_bytes(p->src, len),
		.dst = pm_ip_from_bytes(p->dst, len),
		.proto = p->proto,
		.later_fragment = p->later_fragment,
	};
	if (p->later_fragment || p->len < header)
		return x;
	x.sport = get16(p->body);
	x.dport = get16(p->body + 2);
	x.payload = p->body + header;
	x.payload_len = p->len - header;
	return x;
}

/* A connection that may not begin is changed so that it is refused; all else that may not go is lost. */
static bool pass_egress(const struct pm_slirp_filter *f, struct packet *p, int64_t now_ms)
{
	const struct pm_slirp_flow x = flow_of(p);
	if (p->proto != IPPROTO_TCP)
		return pm_slirp_egress_allows(f->egress, &x, now_ms);
	bool begins = !p->fragment && p->len >= 20 && (p->body[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return begins && pm_slirp_egress_allows(f->egress, &x, now_ms) ? true : pass_tcp(p);
}

bool pm_slirp_filter_from_guest(struct pm_slirp_filter *f, uint8_t *frame, size_t len,
				int64_t now_ms)
{
	struct packet p;
	int r = dissect(frame, len, &p);
	if (r <= 0)
		return r == 0;
	if (names_host_itself(&p))
		return false;
	if (f->allow_host || !means_loopback(f, &p))
		return !f->egress || pass_egress(f, &p, now_ms);
	if (p.proto == IPPROTO_TCP)
		return pass_tcp(&p);
	if (p.proto == IPPROTO_UDP)
		return pass_udp(f, &p, now_ms);
	return true; /* ICMP, answered by libslirp itself */
}

static bool from_loopback(const struct packet *p)
{
	struct in6_addr a;
	if (!p->v6)
		return p->src[0] == 127;
	memcpy(&a, p->src, sizeof(a));
	return IN6_IS_ADDR_LOOPBACK(&a);
}

/* The gateway's address as source of a UDP packet. */
static void set_source(const struct pm_slirp_filter *f, struct packet *p)
{
	const uint8_t *gw = p->v6 ? f->gateway6.s6_addr : (const uint8_t *)&f->gateway;
	bool sum = !p->later_fragment && p->len >= 8 && get16(p->body + 6) != 0;
	for (size_t i = 0; i < (p->v6 ? 16u : 4u); i += 2) {
		if (!p->v6)
			follow(p->ip + 10, get16(p->src + i), get16(gw + i));
		if (sum)
			follow(p->body + 6, get16(p->src + i), get16(gw + i));
	}
	memcpy(p->src, gw, p->v6 ? 16 : 4);
}

const uint8_t *pm_slirp_filter_to_guest(struct pm_slirp_filter *f, const uint8_t *frame, size_t len,
					int64_t now_ms, uint8_t *copy)
{
	/* nothing is written through p before the frame is copied */
	struct packet p;
	if (dissect((uint8_t *)frame, len, &p) <= 0 || p.proto != IPPROTO_UDP)
		return frame;
	if (from_loopback(&p)) {
		memcpy(copy, frame, len);
		frame = copy;
		(void)dissect(copy, len, &p);
		set_source(f, &p);
	}
	if (f->egress && p.len >= 8) {
		const struct pm_slirp_flow x = flow_of(&p);
		pm_slirp_egress_learn(f->egress, &x, now_ms);
	}
	if (f->allow_host || p.later_fragment || p.len < 8 ||
	    (p.v6 ? memcmp(p.src, &f->gateway6, 8) != 0 : memcmp(p.src, &f->gateway, 4) != 0))
		return frame;
	uint16_t guest, client;
	memcpy(&client, p.body, 2);
	memcpy(&guest, p.body + 2, 2);
	size_t i = flow_slot(client, guest, p.v6);
	f->flows[i].client = client;
	f->flows[i].guest = guest;
	f->flows[i].v6 = p.v6;
	f->flows[i].seen_ms = now_ms;
	return frame;
}
