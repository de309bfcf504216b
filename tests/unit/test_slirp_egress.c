/* Egress rules of the user-mode network: what passes, what names come to. */
#include <arpa/inet.h>
#include <string.h>

#include "netns/slirp/dns_answer.h"
#include "netns/slirp/egress.h"
#include "tests/unit/test.h"

static struct pm_ip ip(const char *text)
{
	struct pm_ip a = {0};
	CHECK(pm_ip_parse(text, &a, NULL) >= 0);
	return a;
}

static struct pm_slirp_egress *make(const char *rules)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	const struct pm_ip v4 = ip("10.0.2.3"), v6 = ip("fd00::3");
	struct pm_slirp_egress *e = NULL;
	pm_strv_split(&l, rules, ' ');
	CHECK(pm_slirp_egress_new(&l, &v4, &v6, &e, NULL) >= 0);
	return e;
}

static bool sends(struct pm_slirp_egress *e, uint8_t proto, const char *dst, uint16_t port)
{
	const struct pm_slirp_flow f = {.src = ip(strchr(dst, ':') ? "fd00::100" : "10.0.2.100"), .dst = ip(dst),
					.proto = proto, .sport = 5555, .dport = port};
	return pm_slirp_egress_allows(e, &f, 1000);
}

TEST(slirp_egress_rules)
{
	static const struct {
		const char *rules;
		uint8_t proto;
		const char *dst;
		uint16_t port;
		bool want;
	} t[] = {
		{"none", IPPROTO_TCP, "192.0.2.1", 80, false},
		{"none", IPPROTO_UDP, "10.0.2.3", 53, true},
		{"none", IPPROTO_TCP, "10.0.2.3", 53, true},
		{"none", IPPROTO_TCP, "10.0.2.3", 80, false},
		{"none", IPPROTO_UDP, "fd00::3", 53, true},
		{"none", IPPROTO_UDP, "255.255.255.255", 67, true},
		{"none", IPPROTO_UDP, "255.255.255.255", 68, false},
		{"none", IPPROTO_ICMPV6, "ff02::1:ff00:2", 0, true},
		{"none", IPPROTO_ICMPV6, "fe80::2", 0, true},
		{"none", IPPROTO_TCP, "fe80::2", 80, false},
		{"none", IPPROTO_ICMP, "192.0.2.1", 0, false},
		{"192.0.2.0/24", IPPROTO_TCP, "192.0.2.1", 80, true},
		{"192.0.2.0/24", IPPROTO_ICMP, "192.0.2.1", 0, true},
		{"192.0.2.0/24", IPPROTO_TCP, "192.0.3.1", 80, false},
		{"192.0.2.1:80,8000-8009", IPPROTO_TCP, "192.0.2.1", 8009, true},
		{"192.0.2.1:80,8000-8009", IPPROTO_UDP, "192.0.2.1", 80, true},
		{"192.0.2.1:80,8000-8009", IPPROTO_TCP, "192.0.2.1", 8010, false},
		{"192.0.2.1:80", IPPROTO_ICMP, "192.0.2.1", 0, false},
		{"192.0.2.1 2001:db8::/32", IPPROTO_TCP, "2001:db8::7", 443, true},
		{"0.0.0.0/0", IPPROTO_TCP, "8.8.8.8", 443, true},
		{"0.0.0.0/0", IPPROTO_TCP, "169.254.169.254", 80, false},
		{"0.0.0.0/0 169.254.169.254:80", IPPROTO_TCP, "169.254.169.254", 80, true},
		{"::/0", IPPROTO_TCP, "fd00:ec2::254", 80, false},
		{"example.org", IPPROTO_TCP, "192.0.2.1", 80, false},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_slirp_egress *e = make(t[i].rules);
		if (sends(e, t[i].proto, t[i].dst, t[i].port) != t[i].want)
			test_fail(__FILE__, __LINE__, "%s: %s port %u", t[i].rules, t[i].dst, t[i].port);
		pm_slirp_egress_free(e);
	}
}

/* id 0x1234, the question NAME IN A, one address. */
static size_t answer(uint8_t *m, const char *name, const char *address, uint32_t ttl)
{
	static const uint8_t header[12] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1};
	size_t n = sizeof(header);
	const struct pm_ip a = ip(address);
	size_t len;
	const uint8_t *bytes = pm_ip_bytes(&a, &len);
	memcpy(m, header, n);
	while (*name) {
		size_t label = strcspn(name, ".");
		m[n++] = (uint8_t)label;
		memcpy(m + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	m[n++] = 0;
	const uint8_t type = len == 4 ? 1 : 28;
	const uint8_t rest[] = {0,	     type, 0, 1, 0xc0, 12, 0, type, 0, 1, (uint8_t)(ttl >> 24),
				(uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl, 0, (uint8_t)len};
	memcpy(m + n, rest, sizeof(rest));
	n += sizeof(rest);
	memcpy(m + n, bytes, len);
	return n + len;
}

static void hears(struct pm_slirp_egress *e, const char *from, uint16_t sport, uint16_t dport, const char *name,
		  const char *address)
{
	uint8_t m[512];
	struct pm_slirp_flow f = {.src = ip(from), .dst = ip("10.0.2.100"), .proto = IPPROTO_UDP, .sport = sport,
				  .dport = dport, .payload = m};
	f.payload_len = answer(m, name, address, 5);
	pm_slirp_egress_learn(e, &f, 1000);
}

static void asks(struct pm_slirp_egress *e, uint16_t sport)
{
	static const uint8_t q[] = {0x12, 0x34, 1, 0};
	const struct pm_slirp_flow f = {.src = ip("10.0.2.100"), .dst = ip("10.0.2.3"), .proto = IPPROTO_UDP,
					.sport = sport, .dport = 53, .payload = q, .payload_len = sizeof(q)};
	CHECK(pm_slirp_egress_allows(e, &f, 1000));
}

TEST(slirp_egress_names)
{
	struct pm_slirp_egress *e = make("example.org:443 *.example.net");
	/* nobody has asked; not from the name server; not that question's port */
	hears(e, "10.0.2.3", 53, 4000, "example.org", "192.0.2.1");
	asks(e, 4000);
	hears(e, "192.0.2.9", 53, 4000, "example.org", "192.0.2.1");
	hears(e, "10.0.2.3", 53, 4001, "example.org", "192.0.2.1");
	CHECK(!sends(e, IPPROTO_TCP, "192.0.2.1", 443));
	hears(e, "10.0.2.3", 53, 4000, "Example.ORG", "192.0.2.1");
	CHECK(sends(e, IPPROTO_TCP, "192.0.2.1", 443));
	CHECK(!sends(e, IPPROTO_TCP, "192.0.2.1", 80));
	CHECK(!sends(e, IPPROTO_TCP, "192.0.2.2", 443));
	hears(e, "10.0.2.3", 53, 4000, "www.example.net", "2001:db8::1");
	CHECK(sends(e, IPPROTO_UDP, "2001:db8::1", 7));
	hears(e, "10.0.2.3", 53, 4000, "example.net", "192.0.2.3");
	hears(e, "10.0.2.3", 53, 4000, "badexample.net", "192.0.2.3");
	hears(e, "10.0.2.3", 53, 4000, "example.org.evil.test", "192.0.2.3");
	CHECK(!sends(e, IPPROTO_TCP, "192.0.2.3", 443));
	/* a name does not open the metadata service */
	hears(e, "10.0.2.3", 53, 4000, "a.example.net", "169.254.169.254");
	CHECK(!sends(e, IPPROTO_TCP, "169.254.169.254", 80));
	/* for a minute at least, not for ever */
	struct pm_slirp_flow f = {.src = ip("10.0.2.100"), .dst = ip("192.0.2.1"), .proto = IPPROTO_TCP,
				  .dport = 443};
	CHECK(pm_slirp_egress_allows(e, &f, 60000));
	CHECK(!pm_slirp_egress_allows(e, &f, 62000));
	pm_slirp_egress_free(e);
}

TEST(slirp_egress_answers_to_clients)
{
	struct pm_slirp_egress *e = make("none");
	const struct pm_slirp_flow in = {.src = ip("192.0.2.9"), .dst = ip("10.0.2.100"), .proto = IPPROTO_UDP,
					 .sport = 700, .dport = 5555};
	CHECK(!sends(e, IPPROTO_UDP, "192.0.2.9", 700));
	pm_slirp_egress_learn(e, &in, 1000);
	CHECK(sends(e, IPPROTO_UDP, "192.0.2.9", 700));
	CHECK(!sends(e, IPPROTO_UDP, "192.0.2.9", 701));
	CHECK(!sends(e, IPPROTO_TCP, "192.0.2.9", 700));
	pm_slirp_egress_free(e);
}

TEST(slirp_dns_answer_malformed)
{
	uint8_t m[512];
	struct pm_dns_answer a;
	size_t n = answer(m, "example.org", "192.0.2.1", 7);
	CHECK(pm_dns_answer_parse(m, n, &a));
	CHECK_STR(a.name, "example.org");
	CHECK_INT(a.n_ips, 1);
	CHECK_INT(a.ttl, 7);
	for (size_t cut = 0; cut < n; cut++)
		CHECK(!pm_dns_answer_parse(m, cut, &a));
	m[2] = 1; /* a question */
	CHECK(!pm_dns_answer_parse(m, n, &a));
	m[2] = 0x81;
	m[3] = 3; /* no such name */
	CHECK(!pm_dns_answer_parse(m, n, &a));
	m[3] = 0;
	m[13] = '.'; /* a label with a dot */
	CHECK(!pm_dns_answer_parse(m, n, &a));
}
