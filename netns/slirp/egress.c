#include "netns/slirp/egress.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "netns/egress.h"
#include "netns/slirp/dns_answer.h"

#define FLOWS 8192
#define FLOW_LIFE_MS (240 * 1000) /* as libslirp keeps a UDP socket without traffic */
#define QUESTIONS 64
#define QUESTION_LIFE_MS (30 * 1000)
#define OPEN_MAX 4096
#define PORT_DNS 53
#define PORT_DHCP 67

/* DNS answers may live for a second; connections begin a little later, and last. */
#define TTL_MIN_MS (60 * 1000)
#define TTL_MAX_MS (86400 * 1000LL)

struct pm_slirp_egress {
	struct pm_egress_rule *rules;
	size_t n_rules;
	struct pm_ip name_servers[2];
	/* Who has sent UDP to the container, by hash; an old one gives way. */
	struct {
		struct pm_ip peer;
		uint16_t port, own;
		int64_t seen_ms;
	} *flows;
	struct {
		uint16_t port, id;
		int64_t until_ms; /* 0: none */
	} questions[QUESTIONS];
	size_t next_question;
	struct {
		size_t rule;
		struct pm_ip ip;
		int64_t until_ms;
	} *open;
	size_t n_open, next_open;
};

int pm_slirp_egress_new(const struct pm_strv *rules, const struct pm_ip *name_server4,
			const struct pm_ip *name_server6, struct pm_slirp_egress **ret,
			struct pm_err *err)
{
	struct pm_slirp_egress *e = PM_NEW(struct pm_slirp_egress);
	e->rules = pm_calloc(rules->n, sizeof(*e->rules));
	e->name_servers[0] = *name_server4;
	e->name_servers[1] = *name_server6;
	for (; e->n_rules < rules->n; e->n_rules++) {
		int r = pm_egress_parse(rules->v[e->n_rules], &e->rules[e->n_rules], err);
		if (r < 0) {
			pm_slirp_egress_free(e);
			return r;
		}
	}
	e->flows = pm_calloc(FLOWS, sizeof(*e->flows));
	e->open = pm_calloc(OPEN_MAX, sizeof(*e->open));
	*ret = e;
	return 0;
}

void pm_slirp_egress_free(struct pm_slirp_egress *e)
{
	free(e->rules);
	free(e->flows);
	free(e->open);
	free(e);
}

/* --- who may be answered --------------------------------------------------------------------- */

static size_t flow_slot(const struct pm_ip *peer, uint16_t port, uint16_t own)
{
	uint32_t h = 2166136261u;
	size_t len;
	const uint8_t *b = pm_ip_bytes(peer, &len);
	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 16777619u;
	h = (h ^ port) * 16777619u;
	h = (h ^ own) * 16777619u;
	return (h ^ h >> 16) % FLOWS;
}

static bool answers(const struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	size_t i = flow_slot(&f->dst, f->dport, f->sport);
	return pm_ip_equal(&e->flows[i].peer, &f->dst) && e->flows[i].port == f->dport &&
	       e->flows[i].own == f->sport && now_ms - e->flows[i].seen_ms < FLOW_LIFE_MS;
}

/* --- names ----------------------------------------------------------------------------------- */

static bool is_name_server(const struct pm_slirp_egress *e, const struct pm_ip *ip)
{
	return pm_ip_equal(&e->name_servers[0], ip) || pm_ip_equal(&e->name_servers[1], ip);
}

static void note_question(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	if (f->payload_len < 2)
		return;
	size_t i = e->next_question++ % QUESTIONS;
	e->questions[i].port = f->sport;
	e->questions[i].id = (uint16_t)(f->payload[0] << 8 | f->payload[1]);
	e->questions[i].until_ms = now_ms + QUESTION_LIFE_MS;
}

static bool was_asked(const struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	for (size_t i = 0; f->payload_len >= 2 && i < QUESTIONS; i++)
		if (e->questions[i].until_ms > now_ms && e->questions[i].port == f->dport &&
		    e->questions[i].id == (uint16_t)(f->payload[0] << 8 | f->payload[1]))
			return true;
	return false;
}

/* A place: the address's own, one that is over, or the oldest's. */
static void open_address(struct pm_slirp_egress *e, size_t rule, const struct pm_ip *ip, int64_t until_ms,
			 int64_t now_ms)
{
	size_t at = SIZE_MAX;
	for (size_t i = 0; i < e->n_open; i++) {
		if (e->open[i].rule == rule && pm_ip_equal(&e->open[i].ip, ip)) {
			at = i;
			break;
		}
		if (at == SIZE_MAX && e->open[i].until_ms <= now_ms)
			at = i;
	}
	if (at == SIZE_MAX)
		at = e->n_open < OPEN_MAX ? e->n_open++ : e->next_open++ % OPEN_MAX;
	e->open[at].rule = rule;
	e->open[at].ip = *ip;
	e->open[at].until_ms = until_ms;
}

static void learn_names(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	struct pm_dns_answer a;
	if (!was_asked(e, f, now_ms) || !pm_dns_answer_parse(f->payload, f->payload_len, &a))
		return;
	int64_t ttl = (int64_t)a.ttl * 1000;
	ttl = ttl < TTL_MIN_MS ? TTL_MIN_MS : ttl > TTL_MAX_MS ? TTL_MAX_MS : ttl;
	for (size_t i = 0; i < e->n_rules; i++) {
		if (e->rules[i].kind != PM_EGRESS_DNS || !pm_egress_matches_name(&e->rules[i], a.name))
			continue;
		for (size_t k = 0; k < a.n_ips; k++)
			/* a name that says the metadata service's address does not open it */
			if (!pm_egress_is_metadata(&a.ips[k]))
				open_address(e, i, &a.ips[k], now_ms + ttl, now_ms);
	}
}

void pm_slirp_egress_learn(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	if (f->later_fragment)
		return;
	if (is_name_server(e, &f->src) && f->sport == PORT_DNS) {
		learn_names(e, f, now_ms);
		return;
	}
	size_t i = flow_slot(&f->src, f->sport, f->dport);
	e->flows[i].peer = f->src;
	e->flows[i].port = f->sport;
	e->flows[i].own = f->dport;
	e->flows[i].seen_ms = now_ms;
}

/* --- rules ----------------------------------------------------------------------------------- */

static bool port_matches(const struct pm_egress_rule *r, const struct pm_slirp_flow *f)
{
	if (!r->n_ports)
		return true;
	if (f->later_fragment || (f->proto != IPPROTO_TCP && f->proto != IPPROTO_UDP))
		return false;
	for (size_t i = 0; i < r->n_ports; i++)
		if (f->dport >= r->ports[i].first && f->dport <= r->ports[i].last)
			return true;
	return false;
}

static bool is_open(const struct pm_slirp_egress *e, size_t rule, const struct pm_ip *ip, int64_t now_ms)
{
	for (size_t i = 0; i < e->n_open; i++)
		if (e->open[i].rule == rule && e->open[i].until_ms > now_ms &&
		    pm_ip_equal(&e->open[i].ip, ip))
			return true;
	return false;
}

static bool ruled(const struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	const bool metadata = pm_egress_is_metadata(&f->dst);
	for (size_t i = 0; i < e->n_rules; i++) {
		const struct pm_egress_rule *r = &e->rules[i];
		if (!port_matches(r, f))
			continue;
		if (r->kind == PM_EGRESS_NET && pm_ipnet_contains(&r->net, &f->dst) &&
		    (!metadata || pm_egress_names_metadata(r)))
			return true;
		if (r->kind == PM_EGRESS_DNS && is_open(e, i, &f->dst, now_ms))
			return true;
	}
	return false;
}

static bool is_broadcast(const struct pm_ip *ip)
{
	static const uint8_t all[4] = {255, 255, 255, 255};
	size_t len;
	const uint8_t *b = pm_ip_bytes(ip, &len);
	return ip->family == AF_INET && memcmp(b, all, sizeof(all)) == 0;
}

/* Neighbours, routers: libslirp itself answers. */
static bool is_link(const struct pm_slirp_flow *f)
{
	return f->proto == IPPROTO_ICMPV6 && f->dst.family == AF_INET6 &&
	       (f->dst.b[0] == 0xff || (f->dst.b[0] == 0xfe && (f->dst.b[1] & 0xc0) == 0x80));
}

bool pm_slirp_egress_allows(struct pm_slirp_egress *e, const struct pm_slirp_flow *f, int64_t now_ms)
{
	const bool udp = f->proto == IPPROTO_UDP;
	if (is_name_server(e, &f->dst)) {
		if (udp && !f->later_fragment)
			note_question(e, f, now_ms);
		return f->later_fragment || f->dport == PORT_DNS || (!udp && f->proto != IPPROTO_TCP);
	}
	if (is_link(f) || (udp && f->dport == PORT_DHCP && is_broadcast(&f->dst)))
		return true;
	if (udp && !f->later_fragment && answers(e, f, now_ms))
		return true;
	/* the rest of a datagram whose beginning did not pass will never be whole */
	if (udp && f->later_fragment)
		return true;
	return ruled(e, f, now_ms);
}
