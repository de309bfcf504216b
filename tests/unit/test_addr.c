#include "tests/unit/test.h"

#include "netns/addr.h"

static const char *net_text(const char *text)
{
	static char out[PM_IPNET_TEXT + 100];
	struct pm_err err = PM_ERR_INIT;
	struct pm_ipnet n;
	if (pm_ipnet_parse(text, &n, &err) < 0)
		snprintf(out, sizeof(out), "%.100s", err.text);
	else
		pm_ipnet_format(&n, out);
	return out;
}

TEST(networks)
{
	CHECK_STR(net_text("10.1.2.3/24"), "10.1.2.0/24");
	CHECK_STR(net_text("10.1.2.3/32"), "10.1.2.3/32");
	CHECK_STR(net_text("0.0.0.0/0"), "0.0.0.0/0");
	CHECK_STR(net_text("fd00:1:2:3:4::5/49"), "fd00:1:2::/49");
	CHECK_STR(net_text("::1/128"), "::1/128");
	static const char *const bad[] = {"10.1.2.3", "10.1.2.3/33", "10.1.2.3/", "/24", "10.1.2.3/2x",
					  "10.1.2.3/-1", "::/129", "10.1.2/24", ""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(strstr(net_text(bad[i]), "invalid CIDR address"));
}

TEST(containment)
{
	struct pm_ipnet big, small, other;
	struct pm_ip ip;
	CHECK(pm_ipnet_parse("10.0.0.0/8", &big, NULL) >= 0);
	CHECK(pm_ipnet_parse("10.5.0.0/16", &small, NULL) >= 0);
	CHECK(pm_ipnet_parse("11.0.0.0/8", &other, NULL) >= 0);
	CHECK(pm_ipnet_overlaps(&big, &small) && pm_ipnet_overlaps(&small, &big));
	CHECK(!pm_ipnet_overlaps(&big, &other));
	CHECK(pm_ip_parse("10.255.255.255", &ip, NULL) >= 0);
	CHECK(pm_ipnet_contains(&big, &ip) && !pm_ipnet_contains(&small, &ip));
	/* the other family is never inside, whatever its bytes */
	CHECK(pm_ip_parse("::10.5.0.1", &ip, NULL) >= 0);
	CHECK(!pm_ipnet_contains(&big, &ip));
}

TEST(counting)
{
	char text[PM_IP_TEXT];
	struct pm_ipnet n;
	struct pm_ip ip;
	CHECK(pm_ip_parse("10.0.0.255", &ip, NULL) >= 0);
	CHECK(pm_ip_next(&ip));
	CHECK_STR(pm_ip_format(&ip, text), "10.0.1.0");
	CHECK(pm_ip_parse("255.255.255.255", &ip, NULL) >= 0);
	CHECK(!pm_ip_next(&ip));
	CHECK(pm_ip_parse("fd00::ffff:ffff", &ip, NULL) >= 0);
	CHECK(pm_ip_next(&ip));
	CHECK_STR(pm_ip_format(&ip, text), "fd00::1:0:0");
	CHECK(pm_ipnet_parse("10.89.255.0/24", &n, NULL) >= 0);
	ip = pm_ipnet_last(&n);
	CHECK_STR(pm_ip_format(&ip, text), "10.89.255.255");
	CHECK(pm_ipnet_next(&n));
	CHECK_STR(pm_ip_format(&n.ip, text), "10.90.0.0");
}

TEST(macs)
{
	uint8_t mac[6];
	char text[PM_MAC_TEXT];
	CHECK(pm_mac_parse("02:42:AC:11:00:02", mac, NULL) >= 0);
	CHECK_STR(pm_mac_format(mac, text), "02:42:ac:11:00:02");
	CHECK(pm_mac_parse("02-42-ac-11-00-02", mac, NULL) >= 0);
	CHECK(pm_mac_parse("01:42:ac:11:00:02", mac, NULL) < 0);
	CHECK(pm_mac_parse("02:42:ac:11:00", mac, NULL) < 0);
	CHECK(pm_mac_parse("02:42:ac:11:00:02:03", mac, NULL) < 0);
	CHECK(pm_mac_parse("0:42:ac:11:00:02", mac, NULL) < 0);
	pm_mac_random(mac);
	CHECK_INT(mac[0] & 3, 2);
}
