#include "tests/unit/test.h"

#include "netns/netd/rules.h"

/* What pm tells pm-netd arrives as it was. */
TEST(config_goes_and_comes)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_netd_config_ struct pm_netd_config c = {0}, back = {0};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, w2 = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf a = PM_BUF_INIT, b = PM_BUF_INIT;
	memset(c.id, 'a', 64);
	pm_strv_add(&c.egress, "none");
	for (int i = 0; i < 2; i++) {
		struct pm_netd_net *n = pm_netd_config_add(&c);
		snprintf(n->name, sizeof(n->name), "net%d", i);
		snprintf(n->bridge, sizeof(n->bridge), "podman%d", i);
		snprintf(n->device, sizeof(n->device), "eth%d", i);
		n->mac[0] = 2;
		n->mtu = 1400;
		n->metric = 7;
		n->dns = n->ipv6 = n->internal = n->any_source = true;
		n->isolate = PM_NETD_ISOLATE_STRICT;
		n->n_subnets = 1;
		CHECK(pm_ipnet_parse("10.1.0.0/24", &n->subnets[0].net, NULL) >= 0);
		CHECK(pm_ip_parse("10.1.0.1", &n->subnets[0].gateway, NULL) >= 0);
		CHECK(pm_ip_parse("10.1.0.9", &n->subnets[0].address, NULL) >= 0);
		n->n_routes = 1;
		CHECK(pm_ipnet_parse("192.0.2.0/24", &n->routes[0].dest, NULL) >= 0);
		CHECK(pm_ip_parse("10.1.0.5", &n->routes[0].gateway, NULL) >= 0);
		pm_strv_add(&n->names, "web");
		pm_strv_add(&n->names, "www");
		pm_strv_add(&n->egress, "10.0.0.0/8:443");
	}
	pm_netd_config_encode(&c, &w);
	CHECK_OK(pm_netd_config_decode(&w, &back, &err), err);
	pm_netd_config_encode(&back, &w2);
	pm_wire_encode(&w, &a);
	pm_wire_encode(&w2, &b);
	CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	CHECK_INT(back.nets[1].isolate, PM_NETD_ISOLATE_STRICT);
	CHECK_INT(back.nets[0].names.n, 2);
	CHECK(back.nets[1].any_source);
}

TEST(malformed_config)
{
	static const struct {
		const char *name, *value;
	} bad[] = {
		{"bridge", "../x"}, {"device", "a b"}, {"host_device", "veth*"}, {"any_source", "x"}, {"device", "\"; flush ruleset"}, {"mac", "01:00:00:00:00:00"},
		{"mtu", "65536"}, {"vlan", "4095"}, {"isolate", "3"}, {"driver", "9"}, {"nonsense", "1"},
		{"subnet", "10.1.0.0/24 10.2.0.1 -"}, {"subnet", "10.1.0.0/24"}, {"subnet", "10.1.0.0/24 - 10.2.0.1"},
		{"route", "10.1.0.0/24 fd00::1 0"}, {"net", ""},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		_cleanup_netd_config_ struct pm_netd_config c = {0};
		pm_wire_add(&w, "id", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		pm_wire_add(&w, "net", "n");
		pm_wire_add(&w, "device", "eth0");
		pm_wire_add(&w, bad[i].name, bad[i].value);
		CHECK_INT(pm_netd_config_decode(&w, &c, NULL), -PM_E_FORMAT);
	}
}

static struct pm_netd_net net(const char *bridge, const char *subnet, enum pm_netd_isolate isolate)
{
	struct pm_netd_net n = {.isolate = isolate, .n_subnets = 1};
	snprintf(n.bridge, sizeof(n.bridge), "%s", bridge);
	CHECK(pm_ipnet_parse(subnet, &n.subnets[0].net, NULL) >= 0);
	return n;
}

TEST(rules_of_isolation)
{
	const struct pm_netd_net a = net("a", "10.1.0.0/24", PM_NETD_ISOLATE_YES),
				 b = net("b", "10.2.0.0/24", PM_NETD_ISOLATE_YES),
				 c = net("c", "fd01::/64", PM_NETD_ISOLATE_NO);
	const struct pm_netd_net *nets[] = {&a, &b, &c};
	const struct pm_rules r = {.table = "t", .nets = nets, .n_nets = 3};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_rules_text(&r, &out);
	CHECK(strstr(out.data, "iifname \"a\" oifname \"b\" drop") &&
	      strstr(out.data, "iifname \"b\" oifname \"a\" drop"));
	CHECK(!strstr(out.data, "oifname \"c\" drop") && !strstr(out.data, "iifname \"c\""));
	CHECK(strstr(out.data, "ip saddr 10.1.0.0/24 ip daddr != { 10.1.0.0/24, 10.2.0.0/24 } masquerade"));
	CHECK(strstr(out.data, "ip6 saddr fd01::/64 ip6 daddr != { fd01::/64 } masquerade"));
}

TEST(rules_of_egress)
{
	const struct pm_netd_net a = net("a", "10.1.0.0/24", PM_NETD_ISOLATE_NO);
	struct pm_netd_net place = a;
	CHECK(pm_ip_parse("10.1.0.9", &place.subnets[0].address, NULL) >= 0);
	struct pm_egress_rule rules[3];
	CHECK(pm_egress_parse("0.0.0.0/0:443", &rules[0], NULL) >= 0);
	CHECK(pm_egress_parse("169.254.169.254:80", &rules[1], NULL) >= 0);
	CHECK(pm_egress_parse("example.org", &rules[2], NULL) >= 0);
	const struct pm_netd_net *nets[] = {&a};
	const struct pm_rules_scope s = {.bridge = "a", .from = &place, .rules = rules, .n_rules = 3, .number = 4};
	const struct pm_rules r = {.table = "t", .nets = nets, .n_nets = 1, .scopes = &s, .n_scopes = 1};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_rules_text(&r, &out);
	const char *named = strstr(out.data, "ip daddr 169.254.169.254/32");
	const char *closed = strstr(out.data, "ip daddr 169.254.0.0/16 reject");
	const char *wide = strstr(out.data, "ip daddr 0.0.0.0/0");
	const char *rest = strstr(out.data, "\t\treject with");
	/* named opens it, a wide rule does not; what is left is rejected */
	CHECK(named && closed && wide && rest && named < closed && closed < wide && wide < rest);
	CHECK(strstr(out.data, "set e4_2_4 { type ipv4_addr;") && strstr(out.data, "ip daddr @e4_2_4 return"));
	CHECK(strstr(out.data, "iifname \"a\" ip saddr 10.1.0.9 jump e4"));
}

TEST(rules_against_spoofing)
{
	struct pm_netd_net a = net("a", "10.1.0.0/24", PM_NETD_ISOLATE_NO);
	const struct pm_guard_port port = {.device = "veth1", .net = &a};
	const struct pm_netd_net *nets[] = {&a};
	const struct pm_rules r = {.table = "t", .nets = nets, .n_nets = 1, .ports = &port, .n_ports = 1};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, gone = PM_BUF_INIT;
	CHECK(pm_ip_parse("10.1.0.9", &a.subnets[0].address, NULL) >= 0);
	a.n_subnets = 2;
	CHECK(pm_ip_parse("fd01::9", &a.subnets[1].address, NULL) >= 0);
	CHECK(pm_mac_parse("02:00:00:00:00:07", a.mac, NULL) >= 0);
	pm_rules_text(&r, &out);
	CHECK(!strstr(out.data, "chain route"));
	pm_guard_port("t", &port, true, &out);
	CHECK(strstr(out.data, "add element bridge t addr4 { \"veth1\" . 02:00:00:00:00:07 . 10.1.0.9 }\n"));
	/* its own and the one that the kernel makes of the MAC address */
	CHECK(strstr(out.data, "addr6 { \"veth1\" . 02:00:00:00:00:07 . fd01::9, "
			       "\"veth1\" . 02:00:00:00:00:07 . fe80::ff:fe00:7 }\n"));
	CHECK(strstr(out.data, "targets { \"veth1\" . 0xfd010000000000000000000000000009, "
			       "\"veth1\" . 0xfe80000000000000000000fffe000007 }\n"));
	/* what comes with a port goes with it */
	pm_guard_port("t", &port, false, &gone);
	const char *line = strstr(out.data, "add element bridge");
	for (const char *g = gone.data; g && *g; g = strchr(g, '\n') + 1) {
		CHECK(line && strncmp(g, "delete", 6) == 0 && strncmp(g + 6, line + 3, strcspn(g, "\n") - 6) == 0);
		line = line ? strchr(line, '\n') + 1 : NULL;
	}
	CHECK(line && strncmp(line, "add element", 11) != 0);
	/* with egress rules */
	const uint8_t bridge[6] = {2, 0, 0, 0, 0, 1};
	const struct pm_guard_port twice[] = {{"veth1", &a, bridge}, {"veth2", &a, bridge}};
	_cleanup_buf_ struct pm_buf routed = PM_BUF_INIT;
	pm_guard_routes("t", twice, 2, &routed);
	const char *map = strstr(routed.data, "bridges { 02:00:00:00:00:07 : 02:00:00:00:00:01 }\n");
	CHECK(map && !strstr(map + 1, "bridges {"));
	a.any_source = true;
	CHECK(!pm_guard_wanted(&a));
}
