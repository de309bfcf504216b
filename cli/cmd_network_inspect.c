#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/network_list.h"
#include "engine/network/inspect.h"

struct inspect_opts {
	const char *format;
};

static const struct pm_opt inspect_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Pretty-print network to JSON or using a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Created|.DNSEnabled|.Driver|.ID|.IPAMOptions|.IPv6Enabled|.Internal|.Labels|.Name|.NetworkInterface|.Options|.Subnets"},
	{0},
};

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv failures = PM_STRV_INIT;
	struct pm_json *found = pm_json_array(pool);
	bool json = !o->format || pm_format_is_json(o->format);

	int r = pm_cli_engine(cli, &e, err);
	for (int i = 0; i < cli->n_args && r >= 0; i++) {
		_cleanup_network_ struct pm_network n = {0};
		if (pm_network_find(&e, cli->args[i], &n, err) < 0) {
			pm_strv_addf(&failures, "inspecting object: network %s: %s", cli->args[i],
				     err->text);
			pm_err_clear(err);
			continue;
		}
		struct pm_json *containers = NULL;
		r = pm_network_containers(&e, &n, !json, pool, &containers, err);
		struct pm_json *tree = json ? pm_network_to_json(&n, pool) : pm_network_tree(&n, true, pool);
		pm_json_set(pool, tree, json ? "containers" : "Containers", containers);
		pm_json_add(pool, found, tree);
	}
	if (r < 0)
		return r;
	struct pm_format f = {
		.name = "network inspect",
		.format = json ? "json" : o->format,
		.json_indent = 5,
		.each = true,
		.terminal = isatty(1),
		.opts = {.type = "types.Network"},
	};
	r = pm_format_list(&f, found, &out, err);
	fputs(pm_buf_str(&out), stdout);
	/* what was found comes first, then what was not */
	for (size_t i = 0; i < failures.n && r >= 0; i++) {
		pm_fail(err, PM_E_NOSUCH, "%s", failures.v[i]);
		pm_cli_note(cli, err);
	}
	return r < 0 ? r : pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_network_inspect = {
	.path = "network inspect",
	.summary = "Display network configuration",
	.synopsis = "[options] NETWORK [NETWORK...]",
	.text = "Displays the configuration of one or more networks.",
	.examples = "%p podman\n%p -f '{{range .Subnets}}{{.Subnet}}{{end}}' podman",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NETWORK_NAME,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};
