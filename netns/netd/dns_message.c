#include "netns/netd/dns_message.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ADDRESSES_MAX 64

static void cleanup_pkt(ldns_pkt **p)
{
	ldns_pkt_free(*p);
}

/* The owner as text: lower case, without the last dot. false when it holds what no name of ours does. */
static bool owner_text(const ldns_rr *rr, char *ret, size_t size)
{
	char *s = ldns_rdf2str(ldns_rr_owner(rr));
	if (!s)
		return false;
	size_t len = strlen(s);
	if (len > 0 && s[len - 1] == '.')
		len--;
	bool fits = len < size;
	for (size_t i = 0; i < len && fits; i++)
		ret[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
	ret[fits ? len : 0] = '\0';
	free(s);
	return fits;
}

/* "4.3.2.1.in-addr.arpa", "....ip6.arpa": the address. */
static bool reverse_address(const char *name, struct pm_ip *ret)
{
	uint8_t b[16] = {0};
	unsigned int v[4];
	char tail[16];
	int end = 0;
	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arp%1[a]%n", &v[0], &v[1], &v[2], &v[3], tail, &end) ==
		    5 && !name[end]) {
		for (size_t i = 0; i < 4; i++) {
			if (v[i] > 255)
				return false;
			b[3 - i] = (uint8_t)v[i];
		}
		*ret = pm_ip_from_bytes(b, 4);
		return true;
	}
	if (strlen(name) != 72 || strcmp(name + 64, "ip6.arpa") != 0)
		return false;
	for (size_t i = 0; i < 32; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = memchr(digits, name[2 * i], 16);
		if (!d || name[2 * i + 1] != '.')
			return false;
		b[15 - i / 2] |= (uint8_t)((d - digits) << (i % 2 ? 4 : 0));
	}
	*ret = pm_ip_from_bytes(b, 16);
	return true;
}

static ldns_pkt *new_answer(const ldns_pkt *query, const ldns_rr *question, ldns_pkt_rcode rcode)
{
	ldns_pkt *a = ldns_pkt_new();
	if (!a)
		return NULL;
	ldns_pkt_set_id(a, ldns_pkt_id(query));
	ldns_pkt_set_qr(a, true);
	ldns_pkt_set_aa(a, true);
	ldns_pkt_set_rd(a, ldns_pkt_rd(query));
	ldns_pkt_set_ra(a, true);
	ldns_pkt_set_rcode(a, (uint8_t)rcode);
	if (ldns_pkt_edns_udp_size(query) > 0)
		ldns_pkt_set_edns_udp_size(a, PM_DNS_UDP_MAX);
	if (question)
		ldns_pkt_push_rr(a, LDNS_SECTION_QUESTION, ldns_rr_clone(question));
	return a;
}

static void push(ldns_pkt *a, const ldns_rr *question, ldns_rr_type type, ldns_rdf *data)
{
	ldns_rr *rr = ldns_rr_new();
	if (!rr || !data) {
		ldns_rr_free(rr);
		ldns_rdf_deep_free(data);
		return;
	}
	/* what is true now need not be in a second */
	ldns_rr_set_ttl(rr, 0);
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_owner(rr, ldns_rdf_clone(ldns_rr_owner(question)));
	ldns_rr_push_rdf(rr, data);
	ldns_pkt_push_rr(a, LDNS_SECTION_ANSWER, rr);
}

static void push_addresses(ldns_pkt *a, const ldns_rr *question, const struct pm_ip *ips, size_t n,
			   unsigned int turn)
{
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *bytes = pm_ip_bytes(&ips[(i + turn) % n], &len);
		push(a, question, ldns_rr_get_type(question),
		     ldns_rdf_new_frm_data(len == 4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, len, bytes));
	}
}

static bool to_wire(const ldns_pkt *a, uint8_t **ret, size_t *ret_len)
{
	return ldns_pkt2wire(ret, a, ret_len) == LDNS_STATUS_OK;
}

/* 0 UNKNOWN, else the answer is filled. */
static enum pm_zone_found fill(const struct pm_zone_view *v, const ldns_rr *question,
			       const char *name, unsigned int turn, ldns_pkt *a)
{
	ldns_rr_type type = ldns_rr_get_type(question);
	struct pm_ip ips[ADDRESSES_MAX], ip;
	size_t n;
	if (type == LDNS_RR_TYPE_PTR && reverse_address(name, &ip)) {
		const struct pm_strv *names = pm_zone_by_addr(v, &ip);
		for (size_t i = 0; names && i < names->n; i++)
			push(a, question, type, ldns_dname_new_frm_str(names->v[i]));
		return names ? PM_ZONE_FOUND : PM_ZONE_UNKNOWN;
	}
	enum pm_zone_found found = pm_zone_by_name(v, name, type == LDNS_RR_TYPE_AAAA ? AF_INET6 : AF_INET,
						   ips, ADDRESSES_MAX, &n);
	if (found == PM_ZONE_FOUND && (type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA))
		push_addresses(a, question, ips, n, turn);
	return found;
}

/* Cut what does not fit into a datagram: then the client comes by TCP. */
static bool fit(ldns_pkt *a, const ldns_pkt *query, bool udp, uint8_t **ret, size_t *ret_len)
{
	size_t max = ldns_pkt_edns_udp_size(query) > 512 ? ldns_pkt_edns_udp_size(query) : 512;
	if (max > PM_DNS_UDP_MAX)
		max = PM_DNS_UDP_MAX;
	if (!to_wire(a, ret, ret_len))
		return false;
	if (!udp || *ret_len <= max)
		return true;
	free(*ret);
	ldns_pkt_set_tc(a, true);
	ldns_rr_list *l = ldns_pkt_answer(a);
	ldns_pkt_set_answer(a, ldns_rr_list_new());
	ldns_rr_list_deep_free(l);
	ldns_pkt_set_section_count(a, LDNS_SECTION_ANSWER, 0);
	return to_wire(a, ret, ret_len);
}

enum pm_dns_verdict pm_dns_handle(const struct pm_zone_view *v, const uint8_t *query, size_t len,
				  bool udp, unsigned int turn, struct pm_dns_question *q,
				  uint8_t **ret, size_t *ret_len)
{
	_cleanup_(cleanup_pkt) ldns_pkt *p = NULL, *a = NULL;
	/* an answer to an answer could go round for ever */
	if (len < PM_DNS_HEADER || (query[2] & 0x80))
		return PM_DNS_DROP;
	if (ldns_wire2pkt(&p, query, len) != LDNS_STATUS_OK)
		return PM_DNS_DROP;
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(p), 0);
	ldns_pkt_rcode refuse = LDNS_RCODE_NOERROR;
	if (ldns_pkt_get_opcode(p) != LDNS_PACKET_QUERY)
		refuse = LDNS_RCODE_NOTIMPL;
	else if (ldns_pkt_qdcount(p) != 1 || !question || !owner_text(question, q->name, sizeof(q->name)))
		refuse = LDNS_RCODE_FORMERR;
	a = new_answer(p, refuse == LDNS_RCODE_NOERROR ? question : NULL, refuse);
	if (!a)
		return PM_DNS_DROP;
	if (refuse != LDNS_RCODE_NOERROR)
		return to_wire(a, ret, ret_len) ? PM_DNS_ANSWER : PM_DNS_DROP;

	q->len = ldns_rdf_size(ldns_rr_owner(question)) + 4;
	enum pm_zone_found found = ldns_rr_get_class(question) == LDNS_RR_CLASS_IN
					   ? fill(v, question, q->name, turn, a)
					   : PM_ZONE_UNKNOWN;
	if (found == PM_ZONE_UNKNOWN && pm_zone_may_forward(v) && PM_DNS_HEADER + q->len <= len)
		return PM_DNS_FORWARD;
	if (found != PM_ZONE_FOUND)
		ldns_pkt_set_rcode(a, LDNS_RCODE_NXDOMAIN);
	return fit(a, p, udp, ret, ret_len) ? PM_DNS_ANSWER : PM_DNS_DROP;
}

bool pm_dns_failure(const uint8_t *query, size_t len, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(cleanup_pkt) ldns_pkt *p = NULL, *a = NULL;
	if (ldns_wire2pkt(&p, query, len) != LDNS_STATUS_OK)
		return false;
	a = new_answer(p, ldns_rr_list_rr(ldns_pkt_question(p), 0), LDNS_RCODE_SERVFAIL);
	if (!a)
		return false;
	ldns_pkt_set_aa(a, false);
	return to_wire(a, ret, ret_len);
}

bool pm_dns_matches(const uint8_t *query, const struct pm_dns_question *q, uint16_t id,
		    const uint8_t *reply, size_t len)
{
	if (len < PM_DNS_HEADER + q->len || reply[0] != id >> 8 || reply[1] != (id & 0xff) ||
	    !(reply[2] & 0x80))
		return false;
	for (size_t i = PM_DNS_HEADER; i < PM_DNS_HEADER + q->len; i++) {
		uint8_t a = query[i], b = reply[i];
		a = a >= 'A' && a <= 'Z' ? (uint8_t)(a + 32) : a;
		b = b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b;
		if (a != b)
			return false;
	}
	return true;
}

size_t pm_dns_addresses(const uint8_t *reply, size_t len, struct pm_ip *ret, size_t max,
			uint32_t *ret_ttl)
{
	_cleanup_(cleanup_pkt) ldns_pkt *p = NULL;
	size_t n = 0;
	*ret_ttl = UINT32_MAX;
	if (ldns_wire2pkt(&p, reply, len) != LDNS_STATUS_OK)
		return 0;
	const ldns_rr_list *answers = ldns_pkt_answer(p);
	for (size_t i = 0; i < ldns_rr_list_rr_count(answers) && n < max; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answers, i);
		ldns_rr_type type = ldns_rr_get_type(rr);
		const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
		if ((type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA) || !rdf)
			continue;
		struct pm_ip ip = pm_ip_from_bytes(ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		if (!ip.family)
			continue;
		ret[n++] = ip;
		if (ldns_rr_ttl(rr) < *ret_ttl)
			*ret_ttl = ldns_rr_ttl(rr);
	}
	return n;
}
