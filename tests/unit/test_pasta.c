/* The command line of pasta. */
#include <string.h>

#include "engine/network/pasta.h"
#include "tests/unit/test.h"

static void split(struct pm_strv *to, const char *text)
{
	if (*text)
		pm_strv_split(to, text, ',');
}

/* args joined by blanks, or the error. */
static void check(const char *options, const char *publish, const char *want, const char *servers)
{
	_cleanup_strv_ struct pm_strv none = PM_STRV_INIT, given = PM_STRV_INIT;
	_cleanup_ports_ struct pm_ports ports = PM_PORTS_INIT;
	_cleanup_pasta_ struct pm_pasta p = {0};
	struct pm_err err = PM_ERR_INIT;
	split(&given, options);
	if (*publish)
		CHECK(pm_publish_parse(publish, &ports, &err) >= 0);
	int r = pm_pasta_plan(&none, &given, &ports, &p, &err);
	_cleanup_free_ char *args = pm_strv_join(&p.args, " ");
	_cleanup_free_ char *dns = pm_strv_join(&p.name_servers, " ");
	if (r < 0) {
		CHECK(strstr(err.text, want));
		return;
	}
	CHECK_STR(args, want);
	CHECK_STR(dns, servers);
}

#define CLOSED "-t none -u none -T none -U none"
#define REST " --no-map-gw --dns-forward 169.254.1.1"

TEST(pasta_options)
{
	static const struct {
		const char *options, *publish, *want, *servers;
	} t[] = {
		{"", "", "--config-net " CLOSED REST, "169.254.1.1"},
		{"-I,lan", "", "--config-net -I lan " CLOSED REST, "169.254.1.1"},
		{"--map-gw", "", "--config-net " CLOSED " --dns-forward 169.254.1.1", "169.254.1.1"},
		{"--no-map-gw", "", "--config-net --no-map-gw " CLOSED " --dns-forward 169.254.1.1",
		 "169.254.1.1"},
		{"-t,8080:80", "", "--config-net -t 8080:80 -u none -T none -U none" REST, "169.254.1.1"},
		{"-t8080", "", "--config-net -t8080 -u none -T none -U none" REST, "169.254.1.1"},
		{"--tcp-ports=8080", "", "--config-net --tcp-ports=8080 -u none -T none -U none" REST,
		 "169.254.1.1"},
		{"--dns-forward,10.0.0.53", "", "--config-net --dns-forward 10.0.0.53 " CLOSED " --no-map-gw",
		 "10.0.0.53"},
		{"--dns-forward=10.0.0.53", "", "--config-net --dns-forward=10.0.0.53 " CLOSED " --no-map-gw",
		 "10.0.0.53"},
		{"", "127.0.0.1:8080:80", "--config-net -t 127.0.0.1/8080:80 -u none -T none -U none" REST,
		 "169.254.1.1"},
		{"", "[::1]:8080-8081:80-81/udp",
		 "--config-net -u ::1/8080-8081:80-81 -t none -T none -U none" REST, "169.254.1.1"},
		{"", "8080:80/sctp", "not sctp", ""},
		{"8080", "", "is no option", ""},
		{"-P,/tmp/x", "", "option -P is not for containers", ""},
		{"-P/tmp/x", "", "option -P is not for containers", ""},
		{"--userns=/proc/1/ns/user", "", "option --userns is not for containers", ""},
		{"--foreground", "", "option --foreground is not for containers", ""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++)
		check(t[i].options, t[i].publish, t[i].want, t[i].servers);
}

TEST(pasta_host_address)
{
	_cleanup_strv_ struct pm_strv none = PM_STRV_INIT, given = PM_STRV_INIT;
	const struct pm_ports ports = PM_PORTS_INIT;
	_cleanup_pasta_ struct pm_pasta a = {0}, b = {0};
	CHECK(pm_pasta_plan(&none, &none, &ports, &a, NULL) >= 0);
	CHECK_STR(a.guest_addr, "169.254.1.2");
	CHECK(!a.host_addr);
	split(&given, "--map-guest-addr,10.0.0.9");
	CHECK(pm_pasta_plan(&none, &given, &ports, &b, NULL) >= 0);
	CHECK(!b.guest_addr);
	CHECK_STR(b.host_addr, "10.0.0.9");
}
