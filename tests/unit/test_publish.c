#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "netns/publish.h"

/* What spec means, as text; the error's text when it is refused. */
static const char *parsed(const char *spec)
{
	static char out[2100];
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	if (pm_publish_parse(spec, &l, &err) < 0) {
		CHECK_INT(err.code, PM_E_USAGE);
		CHECK_INT(l.n, 0);
		snprintf(out, sizeof(out), "%s", err.text);
		return out;
	}
	CHECK_INT(l.n, 1);
	_cleanup_free_ char *text = pm_port_format(&l.v[0]);
	snprintf(out, sizeof(out), "%s", text);
	return out;
}

TEST(grammar)
{
	CHECK_STR(parsed("80"), "80/tcp");
	CHECK_STR(parsed("8080:80"), "8080:80/tcp");
	CHECK_STR(parsed("8080:80/UDP"), "8080:80/udp");
	CHECK_STR(parsed("127.0.0.1:8080:80"), "127.0.0.1:8080:80/tcp");
	CHECK_STR(parsed("127.0.0.1::80"), "127.0.0.1::80/tcp");
	CHECK_STR(parsed(":80"), "80/tcp");
	CHECK_STR(parsed("[::1]:8080:80"), "[::1]:8080:80/tcp");
	CHECK_STR(parsed("[0:0::1]::80/sctp"), "[::1]::80/sctp");
	CHECK_STR(parsed("8000-8010:9000-9010"), "8000-8010:9000-9010/tcp");
	CHECK_STR(parsed("9000-9010/udp"), "9000-9010/udp");
	CHECK_STR(parsed("1-65535:1-65535"), "1-65535:1-65535/tcp");
	CHECK_STR(parsed("0.0.0.0:80:80"), "0.0.0.0:80:80/tcp");
}

TEST(refused)
{
	static const struct {
		const char *spec, *why;
	} bad[] = {
		{"", "'' is no port number"},
		{"0:80", "port numbers are between 1 and 65535, not '0'"},
		{"65536", "port numbers are between 1 and 65535, not '65536'"},
		{"99999999999999999999", "not '99999999999999999999'"},
		{"80:", "'' is no port number"},
		{"80/tcp/udp", "the protocol can be given once"},
		{"80/icmp", "unknown protocol 'icmp'"},
		{"80/", "unknown protocol ''"},
		{"90-80", "the range 90-80 ends before it starts"},
		{"1-2-3", "'1-2-3' is no port or range"},
		{"8000-8001:80", "the host's range has 2 ports, the container's 1"},
		{"::80", "the host IP address is empty"},
		{"::1:80:80", "an IPv6 address stands in brackets"},
		{"[::1]:80", "an IP address needs a host port"},
		{"[::1", "an IPv6 address is written as"},
		{"[]:80:80", "'' is no IPv6 address"},
		{"[127.0.0.1]:80:80", "'127.0.0.1' is no IPv6 address"},
		{"[fe80::1%eth0]:80:80", "is no IP address"},
		{"localhost:80:80", "'localhost' is no IP address"},
		{"1.2.3:80:80", "is no IP address"},
		{" 80", "is no port number"},
		{"+80", "is no port number"},
		{"0x50", "between 1 and 65535, not '0x50'"},
		{"80 ", "is no port or range"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		const char *got = parsed(bad[i].spec);
		if (!strstr(got, bad[i].why))
			test_fail(__FILE__, __LINE__, "'%s' gives '%s'", bad[i].spec, got);
		CHECK(pm_startswith(got, "publish '"));
	}
}

static void resolve(struct pm_ports *l, int want, struct pm_err *err, const char *a, const char *b)
{
	pm_ports_free(l);
	CHECK_OK(pm_publish_parse(a, l, err), *err);
	CHECK_OK(pm_publish_parse(b, l, err), *err);
	int r = pm_publish_resolve(l, err);
	if (r != want)
		test_fail(__FILE__, __LINE__, "%s with %s gives %d: %s", a, b, r, err->text);
}

TEST(conflicts)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	resolve(&l, -PM_E_USAGE, &err, "8080:80", "8080:81");
	CHECK_STR(err.text, "the published ports '8080:80/tcp' and '8080:81/tcp' want the same "
			    "port of the host");
	resolve(&l, -PM_E_USAGE, &err, "127.0.0.1:8080:80", "8080:80");
	resolve(&l, -PM_E_USAGE, &err, "127.0.0.1:8080:80", "0.0.0.0:8080:80");
	resolve(&l, -PM_E_USAGE, &err, "8000-8010:80-90", "8005:80");
	resolve(&l, 0, &err, "8080:80", "8080:80/udp");
	CHECK_INT(l.n, 2);
	resolve(&l, 0, &err, "127.0.0.1:8080:80", "127.0.0.2:8080:81");
	CHECK_INT(l.n, 2);
	resolve(&l, 0, &err, "127.0.0.1:8080:80", "[::]:8080:80");
	CHECK_INT(l.n, 2);
}

TEST(merge)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	resolve(&l, 0, &err, "8080:80", "8080:80");
	CHECK_INT(l.n, 1);
	resolve(&l, 0, &err, "8081:81", "8080:80");
	CHECK_INT(l.n, 1);
	CHECK_INT(l.v[0].host, 8080);
	CHECK_INT(l.v[0].range, 2);
	resolve(&l, 0, &err, "8081:82", "8080:80");
	CHECK_INT(l.n, 2);
	resolve(&l, 0, &err, "8000-8010:80-90", "8005-8020:85-100");
	CHECK_INT(l.n, 1);
	CHECK_INT(l.v[0].range, 21);
	resolve(&l, 0, &err, "1-65534:1-65534", "65535:65535");
	CHECK_INT(l.n, 1);
	CHECK_INT(l.v[0].range, 65535);
}

TEST(chosen_port_is_free)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	resolve(&l, 0, &err, "127.0.0.1::80", "90-94");
	CHECK_INT(l.n, 2);
	for (size_t i = 0; i < l.n; i++) {
		CHECK(l.v[i].host >= 1024);
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(l.v[i].host)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
		close(fd);
	}
	/* an address that is not this machine's cannot be chosen on */
	pm_ports_free(&l);
	CHECK_OK(pm_publish_parse("192.0.2.1::80", &l, &err), err);
	CHECK_INT(pm_publish_resolve(&l, &err), -EADDRNOTAVAIL);
	CHECK(strstr(err.text, "192.0.2.1::80"));
}

TEST(expose)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_expose_parse("80/tcp", &l, &err), err);
	CHECK_OK(pm_expose_parse("7000-7010/udp", &l, &err), err);
	CHECK_INT(l.v[1].range, 11);
	CHECK_INT(l.v[1].proto, PM_PROTO_UDP);
	CHECK_INT(pm_expose_parse("8080:80", &l, &err), -PM_E_USAGE);
	CHECK_STR(err.text, "expose '8080:80': '8080:80' is no port or range of ports");
}
