#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/create.h"

struct create_opts {
	const char *driver, *interface_name, *ipam_driver;
	bool disable_dns, internal, ipv6, ignore;
	struct pm_strv subnet, gateway, ip_range, route, label, opt, dns, egress;
};

#define O struct create_opts
static const struct pm_opt create_table[] = {
	{"disable-dns", 0, PM_BOOL(O, disable_dns), "Disable the network's name server"},
	{"dns", 0, PM_LIST(O, dns), "Name servers that the network's own forwards to", .arg = "ip"},
	{"driver", 'd', PM_STRING(O, driver), "Driver to manage the network", .def = "bridge",
	 .choices = "bridge|macvlan|ipvlan"},
	{"egress", 0, PM_STRINGS(O, egress),
	 "Let containers connect only to this: none, CIDR[:PORTS], NAME[:PORTS]", .arg = "rule"},
	{"gateway", 0, PM_LIST(O, gateway), "IPv4 or IPv6 gateway for the subnet", .arg = "ip"},
	{"ignore", 0, PM_BOOL(O, ignore), "Do not fail if the network exists"},
	{"interface-name", 0, PM_STRING(O, interface_name),
	 "Name of the bridge, or of the parent device of macvlan and ipvlan"},
	{"internal", 0, PM_BOOL(O, internal), "Restrict external access from this network"},
	{"ip-range", 0, PM_STRINGS(O, ip_range), "Allocate container IP from range"},
	{"ipam-driver", 0, PM_STRING(O, ipam_driver), "IP Address Management Driver",
	 .choices = "host-local|none|dhcp"},
	{"ipv6", 0, PM_BOOL(O, ipv6), "Enable IPv6 networking"},
	{"label", 0, PM_STRINGS(O, label), "Set metadata on a network"},
	{"opt", 'o', PM_STRINGS(O, opt), "Set driver specific options",
	 .choices = "mtu=|vlan=|isolate=|antispoof=|metric=|no_default_route=|mode=|parent="},
	{"route", 0, PM_STRINGS(O, route), "Static route: DESTINATION,GATEWAY[,METRIC]"},
	{"subnet", 0, PM_STRINGS(O, subnet), "Subnets in CIDR format"},
	{0},
};
#undef O

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct create_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_free_ char *name = NULL;
	/* lists stay the parser's */
	const struct pm_network_options no = {
		.name = cli->n_args ? cli->args[0] : NULL,
		.driver = o->driver,
		.interface_name = o->interface_name,
		.ipam_driver = o->ipam_driver,
		.subnets = o->subnet,
		.gateways = o->gateway,
		.ranges = o->ip_range,
		.routes = o->route,
		.labels = o->label,
		.options = o->opt,
		.dns = o->dns,
		.egress = o->egress,
		.ipv6 = o->ipv6,
		.internal = o->internal,
		.disable_dns = o->disable_dns,
		.ignore = o->ignore,
		.rootless = pm_userns_needed(),
	};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_network_create(&e, &no, &name, err);
	if (r >= 0)
		puts(name);
	return r;
}

const struct pm_command pm_cmd_network_create = {
	.path = "network create",
	.summary = "Create a network",
	.synopsis = "[options] [NETWORK]",
	.text = "Creates a network for containers and pods. Without options it gets a free subnet and a name.",
	.examples = "%p podman1\n%p --subnet 192.168.33.0/24 --gateway 192.168.33.3 newnet\n"
		    "%p --ipv6 --internal backend\n%p --egress registry.example.org:443 builders",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct create_opts),
	.tables = {{create_table, 0}, {0}},
	.run = create_run,
};
