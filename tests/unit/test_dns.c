#include "tests/unit/test.h"

#include <stdlib.h>

#include "netns/netd/dns_message.h"
#include "netns/netd/dns_upstream.h"
#include "netns/netd/dns_watch.h"

static struct pm_ip ip_of(const char *text)
{
	struct pm_ip ip = {0};
	CHECK(pm_ip_parse(text, &ip, NULL) >= 0);
	return ip;
}

static void host(struct pm_zone *z, const char *net, const char *id, const char *name, const char *a,
		 const char *b)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ip ips[2] = {ip_of(a)};
	pm_strv_split(&names, name, ' ');
	if (b)
		ips[1] = ip_of(b);
	pm_zone_set_host(pm_zone_net(z, net, true), id, &names, ips, b ? 2 : 1);
}

/* a: web (dual), db; b (internal): db and hidden; c: lonely */
static void make_zone(struct pm_zone *z)
{
	host(z, "a", "1", "Web www", "10.1.0.2", "fd01::2");
	host(z, "a", "2", "db", "10.1.0.3", NULL);
	host(z, "b", "2", "db", "10.2.0.3", NULL);
	host(z, "b", "3", "hidden", "10.2.0.4", NULL);
	host(z, "c", "4", "lonely", "10.3.0.2", NULL);
	pm_zone_net(z, "b", true)->internal = true;
}

/* A query's bytes for name and type. */
static size_t query(const char *name, unsigned int type, uint8_t *out)
{
	static const uint8_t head[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	size_t n = sizeof(head);
	memcpy(out, head, n);
	while (*name) {
		size_t len = strcspn(name, ".");
		out[n++] = (uint8_t)len;
		memcpy(out + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	out[n++] = 0;
	out[n++] = 0;
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

/* "ANSWERS:RCODE first address", "forward", "drop" for a question by network from an address. */
static const char *asked(const struct pm_zone *z, const char *net, const char *from, const char *name,
			 unsigned int type)
{
	static char out[300];
	uint8_t q[600], *reply = NULL;
	size_t len = query(name, type, q), reply_len = 0;
	struct pm_dns_question question;
	struct pm_ip client = ip_of(from), ips[8];
	uint32_t ttl;
	struct pm_zone_view v = pm_zone_view(z, pm_zone_net((struct pm_zone *)z, net, false), &client);
	switch (pm_dns_handle(&v, q, len, true, 0, &question, &reply, &reply_len)) {
	case PM_DNS_DROP:
		return "drop";
	case PM_DNS_FORWARD:
		CHECK_INT(question.len, len - PM_DNS_HEADER);
		return "forward";
	case PM_DNS_ANSWER:
		break;
	}
	CHECK(reply[0] == 0x12 && reply[1] == 0x34 && (reply[2] & 0x80));
	char text[PM_IP_TEXT] = "";
	size_t n = pm_dns_addresses(reply, reply_len, ips, 8, &ttl);
	if (n)
		CHECK_INT(ttl, 0);
	snprintf(out, sizeof(out), "%d:%d %s", reply[7], reply[3] & 15, n ? pm_ip_format(&ips[0], text) : "");
	free(reply);
	return out;
}

enum { A = 1, PTR = 12, MX = 15, AAAA = 28 };

TEST(answers)
{
	struct pm_zone z = {0};
	make_zone(&z);
	CHECK_STR(asked(&z, "a", "10.1.0.3", "web", A), "1:0 10.1.0.2");
	CHECK_STR(asked(&z, "a", "10.1.0.3", "WEB", A), "1:0 10.1.0.2");
	CHECK_STR(asked(&z, "a", "10.1.0.3", "www.dns.podman", A), "1:0 10.1.0.2");
	CHECK_STR(asked(&z, "a", "10.1.0.3", "web", AAAA), "1:0 fd01::2");
	/* it is there, but has no such address or record: no error */
	CHECK_STR(asked(&z, "a", "10.1.0.2", "db", AAAA), "0:0 ");
	CHECK_STR(asked(&z, "a", "10.1.0.2", "db", MX), "0:0 ");
	CHECK_STR(asked(&z, "a", "10.1.0.3", "2.0.1.10.in-addr.arpa", PTR), "2:0 ");
	CHECK_STR(asked(&z, "a", "10.1.0.3",
			"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.d.f.ip6.arpa", PTR),
		  "2:0 ");
	pm_zone_free(&z);
}

TEST(who_sees_what)
{
	struct pm_zone z = {0};
	make_zone(&z);
	/* of both networks that db is on, and by either's server */
	CHECK_STR(asked(&z, "a", "10.1.0.3", "hidden", A), "1:0 10.2.0.4");
	CHECK_STR(asked(&z, "b", "10.2.0.3", "web", A), "1:0 10.1.0.2");
	CHECK_STR(asked(&z, "a", "10.1.0.2", "hidden", A), "forward");
	CHECK_STR(asked(&z, "a", "10.1.0.2", "lonely.dns.podman", A), "0:3 ");
	CHECK_STR(asked(&z, "a", "10.1.0.2", "4.0.2.10.in-addr.arpa", PTR), "forward");
	/* internal alone: nothing goes out */
	CHECK_STR(asked(&z, "b", "10.2.0.4", "example.org", A), "0:3 ");
	CHECK_STR(asked(&z, "b", "10.2.0.3", "example.org", A), "forward");
	pm_zone_drop_host(pm_zone_net(&z, "a", false), "1");
	CHECK_STR(asked(&z, "a", "10.1.0.3", "web", A), "forward");
	pm_zone_free(&z);
}

TEST(malformed)
{
	struct pm_zone z = {0};
	struct pm_dns_question question;
	uint8_t q[600], *reply;
	size_t reply_len;
	make_zone(&z);
	struct pm_ip client = ip_of("10.1.0.3");
	struct pm_zone_view v = pm_zone_view(&z, pm_zone_net(&z, "a", false), &client);
	size_t len = query("web", A, q);
	for (size_t cut = 0; cut < len; cut++) /* every prefix */
		if (pm_dns_handle(&v, q, cut, true, 0, &question, &reply, &reply_len) == PM_DNS_ANSWER)
			free(reply);
	q[2] |= 0x80; /* an answer */
	CHECK_INT(pm_dns_handle(&v, q, len, true, 0, &question, &reply, &reply_len), PM_DNS_DROP);
	pm_zone_free(&z);
}

TEST(replies_of_resolvers)
{
	struct pm_dns_question question = {.len = 0};
	uint8_t q[600], r[600];
	size_t len = query("example.org", A, q);
	question.len = len - PM_DNS_HEADER;
	query("EXAMPLE.org", A, r);
	r[2] |= 0x80;
	CHECK(pm_dns_matches(q, &question, 0x1234, r, len));
	CHECK(!pm_dns_matches(q, &question, 0x1235, r, len));
	CHECK(!pm_dns_matches(q, &question, 0x1234, r, len - 1));
	r[13] = 'f';
	CHECK(!pm_dns_matches(q, &question, 0x1234, r, len));
}

TEST(resolv_conf)
{
	struct pm_upstream u = {0};
	pm_upstream_parse(&u, "# nameserver 9.9.9.9\nnameserver 127.0.0.53\nsearch x\n"
			      "nameserver\tfd00::53\r\nnameserver nonsense\nnameserver fe80::1%1\n");
	CHECK_INT(u.n, 3);
	pm_upstream_parse(&u, "");
	CHECK_INT(u.n, 1);
}

TEST(watched_names)
{
	CHECK(pm_watch_name("example.org", "example.org"));
	CHECK(!pm_watch_name("example.org", "www.example.org"));
	CHECK(pm_watch_name("*.example.org", "www.example.org"));
	CHECK(pm_watch_name("*.example.org", "a.b.example.org"));
	CHECK(!pm_watch_name("*.example.org", "example.org"));
	CHECK(!pm_watch_name("*.example.org", "badexample.org"));
}
