#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/connect.h"

struct connect_opts {
	struct pm_strv alias;
	const char *ip, *ip6, *mac_address;
};

static const struct pm_opt connect_table[] = {
	{"alias", 0, PM_LIST(struct connect_opts, alias), "Network scoped alias for the container"},
	{"ip", 0, PM_STRING(struct connect_opts, ip), "Static IPv4 address for this container network",
	 .arg = "ip"},
	{"ip6", 0, PM_STRING(struct connect_opts, ip6), "Static IPv6 address for this container network",
	 .arg = "ip"},
	{"mac-address", 0, PM_STRING(struct connect_opts, mac_address),
	 "Static MAC address for this container network"},
	{0},
};

/* The options as --network takes them: NAME:ip=...,alias=... */
static char *place_text(const char *network, const struct connect_opts *o)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	if (o->ip)
		pm_strv_addf(&l, "ip=%s", o->ip);
	if (o->ip6)
		pm_strv_addf(&l, "ip6=%s", o->ip6);
	if (o->mac_address)
		pm_strv_addf(&l, "mac=%s", o->mac_address);
	for (size_t i = 0; i < o->alias.n; i++)
		pm_strv_addf(&l, "alias=%s", o->alias.v[i]);
	if (!l.n)
		return pm_strdup(network);
	_cleanup_free_ char *options = pm_strv_join(&l, ",");
	return pm_asprintf("%s:%s", network, options);
}

static int connect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_place_ struct pm_place p = {0};
	_cleanup_free_ char *text = place_text(cli->args[0], opts);
	int r = pm_place_parse(text, &p, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : pm_network_connect(&e, cli->args[1], &p, err);
}

const struct pm_command pm_cmd_network_connect = {
	.path = "network connect",
	.summary = "Add a container to a network",
	.synopsis = "[options] NETWORK CONTAINER",
	.text = "Connects a container to one more bridge network, also while it runs.",
	.examples = "%p web secondary\n%p --alias www --ip 10.89.1.13 web secondary",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.complete_next = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct connect_opts),
	.tables = {{connect_table, 0}, {0}},
	.run = connect_run,
};
