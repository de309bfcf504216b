#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/network/connect.h"

struct reload_opts {
	bool all, latest;
};

static const struct pm_opt reload_table[] = {
	{"all", 'a', PM_BOOL(struct reload_opts, all), "Reload the networks of all running containers"},
	{"latest", 'l', PM_BOOL(struct reload_opts, latest), "Act on the container created last"},
	{0},
};

static int reload_one(struct pm_engine *e, const char *name, bool all, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r < 0)
		return r;
	_cleanup_close_ int lock = pm_container_lock(e, c.row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c.row, &c.state);
	if (all && !pm_network_is_bridge(c.config.network))
		return 0;
	r = pm_network_reload(e, &c, err);
	if (r >= 0)
		puts(c.row.id);
	return r;
}

static int reload_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct reload_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	struct pm_ctr_choice choice = {.all = o->all, .latest = o->latest, .states = PM_IN_STATE(PM_STATUS_RUNNING)};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_choose(cli, &e, &choice, &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++)
		if (reload_one(&e, names.v[i], o->all, err) < 0)
			pm_cli_note(cli, err);
	return pm_cli_result(cli, 0);
}

const struct pm_command pm_cmd_network_reload = {
	.path = "network reload",
	.summary = "Reload the networks of containers",
	.synopsis = "[options] [CONTAINER...]",
	.text = "Writes the firewall rules of running containers' bridge networks anew. When the networks' helper\n"
		"was killed, the containers are connected again, with the addresses they had.",
	.examples = "%p --latest\n%p 3c13ef6dd843\n%p --all",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_RUNNING,
	.opts_size = sizeof(struct reload_opts),
	.tables = {{reload_table, 0}, {0}},
	.run = reload_run,
};
