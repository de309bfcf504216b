#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/table.h"
#include "engine/container/top.h"

struct top_opts {
	bool latest, list_descriptors;
};

static const struct pm_opt top_table[] = {
	{"latest", 'l', PM_BOOL(struct top_opts, latest), "Act on the container created last"},
	{"list-descriptors", 0, PM_BOOL(struct top_opts, list_descriptors),
	 "List the format descriptors", .hidden = true},
	{0},
};

static int top_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct top_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	char latest[65];

	pm_container_init(&c);
	if (o->list_descriptors) {
		for (size_t i = 0; pm_top_name(i); i++)
			printf("%s\n", pm_top_name(i));
		return 0;
	}
	if (!o->latest && cli->n_args < 1)
		return pm_fail(err, PM_E_USAGE,
			       "you must provide the name or id of a running container");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest)
		r = pm_container_latest(&e, latest, err);
	if (r >= 0) {
		r = pm_container_load(&e, o->latest ? latest : cli->args[0], &c, err);
		if (r < 0)
			return pm_wrap(err, "unable to look up requested container");
	}
	const struct pm_strv args = {.v = cli->args + !o->latest,
				     .n = (size_t)(cli->n_args - !o->latest)};
	if (r >= 0)
		r = pm_container_top(&e, &c, &args, &out, err);
	if (r < 0)
		return r;
	pm_table_print(&out);
	return 0;
}

const struct pm_command pm_cmd_top = {
	.path = "top|container top",
	.summary = "Display the running processes of a container",
	.synopsis = "[options] CONTAINER [FORMAT-DESCRIPTORS|ARGS...]",
	.text = "Display the running processes of a container.\n\n"
		"Format descriptors are args, capamb, capbnd, capeff, capinh, capprm, comm, etime, "
		"group, groups,\n"
		"hgroup, hgroups, hpid, huser, label, nice, pcpu, pgid, pid, ppid, rgroup, rss, "
		"ruser, seccomp,\n"
		"state, stime, time, tty, user and vsz; also ps's codes (%C) and its arguments "
		"-ef, aux and -o LIST.",
	.examples =
		"%p ctrID\n%p --latest\n%p ctrID pid seccomp args %C\n%p ctrID -eo user,pid,comm",
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_RUNNING,
	.complete_next = PM_COMPLETE_NOTHING,
	.opts_size = sizeof(struct top_opts),
	.tables = {{top_table, 0}, {0}},
	.run = top_run,
};
