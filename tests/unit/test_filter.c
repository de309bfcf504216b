#include "tests/unit/test.h"

#include <arpa/inet.h>

#include "netns/slirp/filter.h"

static struct pm_slirp_filter f;

static void setup(bool allow)
{
	memset(&f, 0, sizeof(f));
	f.allow_host = allow;
	inet_pton(AF_INET, "10.0.2.2", &f.gateway);
	inet_pton(AF_INET6, "fd00::2", &f.gateway6);
	inet_pton(AF_INET6, "fd00::3", &f.nameserver6);
}

static uint8_t frame[128], copy[128];

/* A frame src:sport -> dst:dport, proto 6 with flags or 17; its length. */
static size_t make(const char *src, const char *dst, int proto, uint16_t sport, uint16_t dport,
		   uint8_t flags)
{
	bool v6 = strchr(dst, ':');
	uint8_t *ip = frame + 14, *l4 = ip + (v6 ? 40 : 20);
	memset(frame, 0, sizeof(frame));
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	ip[0] = v6 ? 0x60 : 0x45;
	ip[v6 ? 6 : 9] = (uint8_t)proto;
	CHECK(inet_pton(v6 ? AF_INET6 : AF_INET, src, ip + (v6 ? 8 : 12)) == 1);
	CHECK(inet_pton(v6 ? AF_INET6 : AF_INET, dst, ip + (v6 ? 24 : 16)) == 1);
	l4[0] = (uint8_t)(sport >> 8);
	l4[1] = (uint8_t)sport;
	l4[2] = (uint8_t)(dport >> 8);
	l4[3] = (uint8_t)dport;
	if (proto == 6)
		l4[13] = flags;
	return (size_t)(l4 - frame) + (proto == 6 ? 20 : 8);
}

static bool guest_sends(const char *dst, int proto, uint16_t sport, uint16_t dport)
{
	size_t n = make(strchr(dst, ':') ? "fd00::100" : "10.0.2.100", dst, proto, sport, dport, 2);
	return pm_slirp_filter_from_guest(&f, frame, n, 1000);
}

TEST(the_host_itself_is_out_of_reach)
{
	for (int allow = 0; allow < 2; allow++) {
		setup(allow);
		static const char *const out[] = {"127.0.0.1", "127.255.255.254", "0.0.0.0", "::",
						  "::1", "::ffff:127.0.0.1", "::127.0.0.1"};
		for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
			CHECK(!guest_sends(out[i], 6, 5, 22));
			CHECK(!guest_sends(out[i], 17, 5, 22));
			CHECK(!guest_sends(out[i], 1, 0, 0));
		}
		static const char *const in[] = {"192.0.2.1", "10.0.2.3", "2001:db8::1", "fd00::3"};
		for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
			CHECK(guest_sends(in[i], 6, 5, 53));
			CHECK(guest_sends(in[i], 17, 5, 53));
		}
	}
}

/* Is the checksum that was right for the frame before still right after? */
static uint16_t sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

TEST(tcp_to_the_gateway_is_reset)
{
	setup(false);
	for (uint32_t seq = 0; seq < 70000; seq += 7) {
		size_t n = make("10.0.2.100", "10.0.2.2", 6, 4000, 22, 0xc2 /* SYN ECE CWR */);
		uint8_t *tcp = frame + 34;
		tcp[6] = (uint8_t)(seq >> 8);
		tcp[7] = (uint8_t)seq;
		uint16_t c = (uint16_t)~sum(tcp, 20);
		tcp[16] = (uint8_t)(c >> 8);
		tcp[17] = (uint8_t)c;
		CHECK_INT(sum(tcp, 20), 0xffff);
		CHECK(pm_slirp_filter_from_guest(&f, frame, n, 0));
		CHECK_INT(tcp[13], 0xc3);
		CHECK_INT(sum(tcp, 20), 0xffff);
	}
	/* of an open connection (a published port's) nothing is touched */
	size_t n = make("10.0.2.100", "10.0.2.2", 6, 80, 4000, 0x12 /* SYN ACK */);
	CHECK(pm_slirp_filter_from_guest(&f, frame, n, 0));
	CHECK_INT(frame[34 + 13], 0x12);
	/* of IPv6 every address of the network is the host */
	n = make("fd00::100", "fd00::99", 6, 4000, 22, 2);
	CHECK(pm_slirp_filter_from_guest(&f, frame, n, 0));
	CHECK_INT(frame[54 + 13], 3);
	n = make("fd00::100", "ff02::1", 6, 4000, 22, 2);
	CHECK(pm_slirp_filter_from_guest(&f, frame, n, 0));
	CHECK_INT(frame[54 + 13], 3);
	setup(true);
	n = make("10.0.2.100", "10.0.2.2", 6, 4000, 22, 2);
	CHECK(pm_slirp_filter_from_guest(&f, frame, n, 0));
	CHECK_INT(frame[34 + 13], 2);
}

TEST(udp_to_the_gateway_only_as_an_answer)
{
	setup(false);
	static const char *const gw[] = {"10.0.2.2", "fd00::2"}, *const guest[] = {"10.0.2.100",
										 "fd00::100"};
	for (int i = 0; i < 2; i++) {
		CHECK(!guest_sends(gw[i], 17, 53, 40000));
		size_t n = make(gw[i], guest[i], 17, 40000, 53, 0);
		CHECK(pm_slirp_filter_to_guest(&f, frame, n, 1000, copy) == frame);
		CHECK(guest_sends(gw[i], 17, 53, 40000));
		CHECK(!guest_sends(gw[i], 17, 54, 40000));
		CHECK(!guest_sends(gw[i], 17, 53, 40001));
		/* and not for ever */
		n = make(guest[i], gw[i], 17, 53, 40000, 0);
		CHECK(!pm_slirp_filter_from_guest(&f, frame, n, 1000000));
	}
	/* another's datagram opens nothing */
	size_t n = make("192.0.2.1", "10.0.2.100", 17, 5000, 53, 0);
	CHECK(pm_slirp_filter_to_guest(&f, frame, n, 1000, copy) == frame);
	CHECK(!guest_sends("10.0.2.2", 17, 53, 5000));
	CHECK(!guest_sends("255.255.255.255", 17, 53, 5000));
	CHECK(!guest_sends("ff02::1", 17, 53, 5000));
	CHECK(guest_sends("255.255.255.255", 17, 68, 67)); /* DHCP */
}

/* The checksum of the UDP packet in b with its addresses; all ones when right. */
static uint16_t udp_sum(const uint8_t *b, size_t n, bool v6)
{
	uint8_t pseudo[64] = {0};
	size_t addresses = v6 ? 32 : 8, at = v6 ? 54 : 34, len = n - at;
	memcpy(pseudo, b + (v6 ? 22 : 26), addresses);
	pseudo[addresses + 1] = 17;
	pseudo[addresses + 3] = (uint8_t)len;
	memcpy(pseudo + addresses + 4, b + at, len);
	return sum(pseudo, addresses + 4 + len);
}

TEST(a_loopback_client_is_the_gateway)
{
	static const char *const lo[] = {"127.0.0.1", "::1"}, *const gw[] = {"10.0.2.2", "fd00::2"},
			  *const guest[] = {"10.0.2.100", "fd00::100"};
	for (int i = 0; i < 2; i++) {
		setup(false);
		size_t n = make(lo[i], guest[i], 17, 40000, 53, 0), at = i ? 54 : 34;
		uint16_t c = (uint16_t)~udp_sum(frame, n, i);
		frame[at + 6] = (uint8_t)(c >> 8);
		frame[at + 7] = (uint8_t)c;
		if (!i) {
			c = (uint16_t)~sum(frame + 14, 20);
			frame[24] = (uint8_t)(c >> 8);
			frame[25] = (uint8_t)c;
		}
		CHECK(pm_slirp_filter_to_guest(&f, frame, n, 1000, copy) == copy);
		CHECK_INT(udp_sum(copy, n, i), 0xffff);
		if (!i)
			CHECK_INT(sum(copy + 14, 20), 0xffff);
		char text[INET6_ADDRSTRLEN];
		inet_ntop(i ? AF_INET6 : AF_INET, copy + (i ? 22 : 26), text, sizeof(text));
		CHECK_STR(text, gw[i]);
		CHECK(guest_sends(gw[i], 17, 53, 40000));
	}
}

TEST(fragments_hide_nothing)
{
	setup(false);
	size_t n = make("10.0.2.100", "10.0.2.2", 6, 4000, 22, 2);
	frame[14 + 6] = 0x20; /* more fragments */
	CHECK(!pm_slirp_filter_from_guest(&f, frame, n, 0));
	frame[14 + 6] = 0;
	frame[14 + 7] = 1; /* offset 8: where the flags are */
	CHECK(!pm_slirp_filter_from_guest(&f, frame, n, 0));
	n = make("10.0.2.100", "10.0.2.2", 17, 53, 40000, 0);
	frame[14 + 6] = 0x20;
	CHECK(!pm_slirp_filter_from_guest(&f, frame, n, 0));
	for (size_t cut = 0; cut < 42; cut++) /* cut short anywhere */
		CHECK(!pm_slirp_filter_from_guest(&f, frame, cut, 0));
}
