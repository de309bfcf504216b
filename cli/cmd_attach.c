#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/attach.h"

struct attach_opts {
	bool latest, no_stdin, sig_proxy;
	const char *detach_keys;
};

static const struct pm_opt attach_table[] = {
	{"detach-keys", 0, PM_STRING(struct attach_opts, detach_keys),
	 "Keys that detach from the container: [a-Z] or ctrl-<value>, separated by commas"},
	{"latest", 'l', PM_BOOL(struct attach_opts, latest), "Act on the container created last"},
	{"no-stdin", 0, PM_BOOL(struct attach_opts, no_stdin), "Do not attach STDIN"},
	{"sig-proxy", 0, PM_BOOL(struct attach_opts, sig_proxy),
	 "Proxy received signals to the process", .def = "true"},
	{0},
};

static int attach_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct attach_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	char latest[65];

	pm_container_init(&c);
	if (cli->n_args != !o->latest)
		return pm_fail(err, PM_E_USAGE, "attach requires the name or id of one running container "
						"or the latest flag");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest)
		r = pm_container_latest(&e, latest, err);
	if (r >= 0)
		r = pm_container_load(&e, o->latest ? latest : cli->args[0], &c, err);
	return r < 0 ? r
		     : pm_ctr_attach(&e, &c, !o->no_stdin, o->detach_keys, o->sig_proxy, err);
}

const struct pm_command pm_cmd_attach = {
	.path = "attach|container attach",
	.summary = "Attach to a running container",
	.synopsis = "[options] CONTAINER",
	.text = "The attach command allows you to attach to a running container using the container's ID or "
		"name, either to view its ongoing output or to control it interactively.",
	.examples = "%p ctrID\n%p 1234\n%p --no-stdin foobar",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct attach_opts),
	.tables = {{attach_table, 0}, {0}},
	.run = attach_run,
};
