#include "tests/unit/test.h"

#include <stdlib.h>

#include "engine/network/create.h"

/* What `network create` makes of options, beside one network 10.89.0.0/24 "one" (podman1): the compact
 * JSON without id and time, or the error. */
static const char *made(struct pm_network_options o)
{
	static struct pm_buf out;
	struct pm_err err = PM_ERR_INIT;
	struct pm_engine e = {.conf_loaded = true};
	_cleanup_network_ struct pm_network n = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	static const char one[] =
		"{\"name\":\"one\",\"id\":\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"driver\":\"bridge\",\"network_interface\":\"podman1\","
		"\"subnets\":[{\"subnet\":\"10.89.0.0/24\",\"gateway\":\"10.89.0.1\"}]}";
	struct pm_network first = {0};
	CHECK_OK(pm_network_parse(one, strlen(one), &first, &err), err);
	const struct pm_network_list all = {&first, 1};

	pm_conf_init(&e.conf);
	pm_buf_free(&out);
	o.rootless = true;
	int r = pm_network_make(&e, &o, &all, &n, &err);
	pm_conf_free(&e.conf);
	pm_network_free(&first);
	if (r < 0)
		return err.text[0] ? pm_buf_add_str(&out, err.text), pm_buf_str(&out) : "?";
	struct pm_json *t = pm_network_to_json(&n, pool);
	pm_json_unset(t, "id");
	pm_json_unset(t, "created");
	pm_json_write(t, 0, &out);

	/* and it reads back as the same */
	_cleanup_buf_ struct pm_buf file = PM_BUF_INIT, again = PM_BUF_INIT;
	_cleanup_network_ struct pm_network back = {0};
	pm_json_write(pm_network_to_json(&n, pool), 5, &file);
	CHECK_OK(pm_network_parse(file.data, file.len, &back, &err), err);
	pm_json_write(pm_network_to_json(&back, pool), 5, &again);
	CHECK_STR(again.data, file.data);
	return pm_buf_str(&out);
}

/* Lists that live as long as the process, since options borrow. */
static struct pm_strv kept[256];
static size_t n_kept;

static struct pm_strv list(const char *a, const char *b)
{
	struct pm_strv l = PM_STRV_INIT;
	if (a)
		pm_strv_add(&l, a);
	if (b)
		pm_strv_add(&l, b);
	CHECK(n_kept < PM_ARRAY_SIZE(kept));
	kept[n_kept++] = l;
	return l;
}

#define REST "\"ipam_options\":{\"driver\":\"host-local\"}}"

TEST(chosen)
{
	CHECK_STR(made((struct pm_network_options){0}),
		  "{\"name\":\"podman2\",\"driver\":\"bridge\",\"network_interface\":\"podman2\","
		  "\"subnets\":[{\"subnet\":\"10.89.1.0/24\",\"gateway\":\"10.89.1.1\"}],"
		  "\"ipv6_enabled\":false,\"internal\":false,\"dns_enabled\":true," REST);
	const char *dual = made((struct pm_network_options){.name = "x", .ipv6 = true});
	CHECK(strstr(dual, "\"10.89.1.0/24\"") && strstr(dual, "\"subnet\":\"fd") &&
	      strstr(dual, "::/64\"") && strstr(dual, "\"ipv6_enabled\":true"));
}

TEST(given)
{
	CHECK_STR(made((struct pm_network_options){
			  .name = "x",
			  .subnets = list("10.5.0.9/24", "fd01::/64"),
			  .gateways = list("10.5.0.254", NULL),
			  .ranges = list("10.5.0.128/25", NULL),
			  .routes = list("192.0.2.0/24,10.5.0.3,7", NULL),
			  .labels = list("a=b", "c"),
			  .options = list("mtu=1400", "isolate=true"),
			  .dns = list("9.9.9.9", NULL),
			  .egress = list("example.org:443", NULL),
			  .interface_name = "br-x",
			  .internal = true,
		  }),
		  "{\"name\":\"x\",\"driver\":\"bridge\",\"network_interface\":\"br-x\",\"subnets\":["
		  "{\"subnet\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.254\",\"lease_range\":"
		  "{\"start_ip\":\"10.5.0.129\",\"end_ip\":\"10.5.0.255\"}},"
		  "{\"subnet\":\"fd01::/64\",\"gateway\":\"fd01::1\"}],"
		  "\"routes\":[{\"destination\":\"192.0.2.0/24\",\"gateway\":\"10.5.0.3\",\"metric\":7}],"
		  "\"ipv6_enabled\":true,\"internal\":true,\"dns_enabled\":true,"
		  "\"network_dns_servers\":[\"9.9.9.9\"],\"labels\":{\"a\":\"b\",\"c\":\"\"},"
		  "\"options\":{\"mtu\":\"1400\",\"isolate\":\"true\"},"
		  "\"egress\":[\"example.org:443\"]," REST);
}

TEST(refused)
{
	static const struct {
		struct pm_network_options o;
		const char *a, *b, *why; /* a: subnet, or option with o.name NULL; b: gateway */
	} bad[] = {
		{{.name = "x"}, "10.89.0.128/25", NULL, "is already used on the host or by another config"},
		{{.name = "x"}, "10.0.2.0/25", NULL, "overlaps 10.0.2.0/24"},
		{{.name = "x"}, "10.5.0.0", NULL, "invalid CIDR address: 10.5.0.0"},
		{{.name = "x"}, "10.5.0.0/24", "1.2.3.4", "gateway 1.2.3.4 not in subnet 10.5.0.0/24"},
		{{.name = "x"}, NULL, "1.2.3.4", "cannot set gateway or range without subnet"},
		{{.name = "x", .driver = "macvlan"}, "10.5.0.0/24", NULL, "driver macvlan needs root"},
		{{.name = "x", .driver = "foo"}, NULL, NULL, "unsupported driver foo"},
		{{.name = "x", .ipam_driver = "dhcp"}, NULL, NULL, "dhcp is not supported"},
		{{.name = "x", .interface_name = "podman1"}, NULL, NULL, "podman1 already in use"},
		{{.name = "x", .interface_name = "far-too-long-name"}, NULL, NULL, "no name of a network"},
		{{.name = NULL}, "foo=bar", NULL, "unsupported bridge network option foo"},
		{{.name = NULL}, "mtu=x", NULL, "mtu \"x\" is no number"},
		{{.name = NULL}, "vlan=9999", NULL, "vlan ID 9999 must be between 0 and 4094"},
		{{.name = NULL}, "isolate=maybe", NULL, "must be true or false"},
		{{.name = NULL}, "vrf=red", NULL, "vrf is not supported"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pm_network_options o = bad[i].o;
		if (o.name)
			o.subnets = list(bad[i].a, NULL);
		else
			o.options = list(bad[i].a, NULL);
		o.gateways = list(bad[i].b, NULL);
		const char *text = made(o);
		if (!strstr(text, bad[i].why))
			test_fail(__FILE__, __LINE__, "%s: '%s'", bad[i].why, text);
	}
}

TEST(hostile_files)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"name\":\"x\",\"driver\":\"bridge\",\"id\":\"short\"}",
		"{\"name\":\"x\",\"driver\":\"bridge\",\"id\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"network_interface\":\"../x\"}",
		"{\"name\":\"x\",\"driver\":\"bridge\",\"id\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"subnets\":[{\"subnet\":\"10.1.0.0/24\",\"gateway\":\"10.2.0.1\"}]}",
		"{\"name\":\"x\",\"driver\":\"bridge\",\"id\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"labels\":[1]}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pm_network n = {0};
		struct pm_err err = PM_ERR_INIT;
		CHECK_INT(pm_network_parse(bad[i], strlen(bad[i]), &n, &err), -PM_E_FORMAT);
		CHECK(!n.name);
	}
}
