#include "tests/unit/test.h"

#include "netns/egress.h"

/* The rule as "TARGET PORTS", or the error. */
static const char *parsed(const char *text)
{
	static char out[2100];
	char net[PM_IPNET_TEXT];
	struct pm_egress_rule r;
	struct pm_err err = PM_ERR_INIT;
	if (pm_egress_parse(text, &r, &err) < 0) {
		CHECK_INT(err.code, PM_E_USAGE);
		snprintf(out, sizeof(out), "%s", err.text);
		return out;
	}
	size_t n = 0;
	if (r.kind == PM_EGRESS_NONE)
		n += (size_t)snprintf(out, sizeof(out), "none");
	else if (r.kind == PM_EGRESS_NET)
		n += (size_t)snprintf(out, sizeof(out), "%s", pm_ipnet_format(&r.net, net));
	else
		n += (size_t)snprintf(out, sizeof(out), "%s%s", r.subdomains ? "*." : "", r.name);
	for (size_t i = 0; i < r.n_ports; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, " %u-%u", r.ports[i].first,
				      r.ports[i].last);
	return out;
}

TEST(grammar)
{
	CHECK_STR(parsed("none"), "none");
	CHECK_STR(parsed("10.0.0.0/8"), "10.0.0.0/8");
	CHECK_STR(parsed("10.1.2.3/8:443"), "10.0.0.0/8 443-443");
	CHECK_STR(parsed("192.0.2.7:80,8000-8010"), "192.0.2.7/32 80-80 8000-8010");
	CHECK_STR(parsed("2001:db8::/32"), "2001:db8::/32");
	CHECK_STR(parsed("2001:db8::1"), "2001:db8::1/128");
	CHECK_STR(parsed("[2001:db8::/32]:443"), "2001:db8::/32 443-443");
	CHECK_STR(parsed("[::1]"), "::1/128");
	CHECK_STR(parsed("Registry.Example.ORG.:443"), "registry.example.org 443-443");
	CHECK_STR(parsed("*.example.org"), "*.example.org");
	CHECK_STR(parsed("localhost"), "localhost");
}

TEST(refused)
{
	static const char *const bad[] = {
		"", ":443", "10.0.0.0/33", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:90-80", "10.0.0.1:",
		"10.0.0.1:80,", "a b", "http://example.org", "*.", "-x.org", "[::1]443", "[::1",
		"example.org:80:90x", "10.0.0.1:1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(strncmp(parsed(bad[i]), "--egress", 8) == 0);
}
