#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/remove.h"
#include "engine/container/start.h"

struct start_opts {
	bool all, latest, attach, interactive, sig_proxy;
	const char *detach_keys;
	struct pm_strv filter;
};

static const struct pm_opt start_table[] = {
	{"all", 0, PM_BOOL(struct start_opts, all), "Start all containers that do not run"},
	{"attach", 'a', PM_BOOL(struct start_opts, attach), "Attach the container's STDOUT and STDERR"},
	{"detach-keys", 0, PM_STRING(struct start_opts, detach_keys),
	 "Keys that detach from the container: [a-Z] or ctrl-<value>, separated by commas"},
	{"filter", 'f', PM_LIST(struct start_opts, filter), "Choose containers by conditions"},
	{"interactive", 'i', PM_BOOL(struct start_opts, interactive),
	 "Keep STDIN open even if not attached"},
	{"latest", 'l', PM_BOOL(struct start_opts, latest), "Act on the container created last"},
	{"sig-proxy", 0, PM_BOOL(struct start_opts, sig_proxy),
	 "Proxy received signals to the process (default true if attaching)"},
	{0},
};

struct start_arg {
	struct pm_cli *cli;
	const struct start_opts *o;
	int status;
};

static int start_one(struct pm_engine *e, const char *name, void *arg, struct pm_err *err)
{
	struct start_arg *a = arg;
	const struct start_opts *o = a->o;
	_cleanup_container_ struct pm_container c;
	_cleanup_start_ struct pm_start s = PM_START_INIT;

	pm_container_init(&c);
	int r = pm_container_load(e, name, &c, err);
	if (r >= 0)
		r = pm_container_start(e, &c, o->attach, &s, err);
	if (r < 0)
		return pm_wrap(err, "unable to start container \"%s\"", name);
	bool detached = false;
	bool proxy = pm_cli_given(a->cli, "sig-proxy") ? o->sig_proxy : true;
	if (!o->attach) {
		if (r == 0) /* Podman says nothing of one that runs already */
			printf("%s\n", name);
		return 0;
	}
	if (r > 0) {
		/* it runs already: be another client of it */
		r = pm_ctr_attach(e, &c, o->interactive, o->detach_keys, proxy, err);
		a->status = r < 0 ? 0 : r;
		return r < 0 ? r : 0;
	}
	r = pm_ctr_foreground(e, &c, &s.monitor, c.config.terminal,
			      o->interactive && c.config.stdin_open, o->detach_keys, proxy, &detached,
			      err);
	if (r < 0)
		return r;
	a->status = r;
	if (detached)
		return 0;
	pm_monitor_wait_exit(&s.monitor, &r, NULL, NULL);
	if (c.row.rm)
		pm_monitor_wait_gone(&s.monitor);
	return pm_ctr_after_end(e, &c, c.row.rm, NULL, err);
}

static int start_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct start_opts *o = opts;
	struct pm_ctr_choice choice = {.all = o->all,
				       .latest = o->latest,
				       .filters = &o->filter,
				       .states = PM_IN_STATE(PM_STATUS_CREATED) |
						 PM_IN_STATE(PM_STATUS_STARTING) |
						 PM_IN_STATE(PM_STATUS_INITIALIZED) |
						 PM_IN_STATE(PM_STATUS_EXITED)};

	if (o->attach && cli->n_args > 1)
		return pm_fail(err, PM_E_USAGE, "you cannot start and attach multiple containers at once");
	struct start_arg a = {.cli = cli, .o = o};
	int r = pm_ctr_verb(cli, &choice, start_one, &a, err);
	return r ? r : a.status;
}

const struct pm_command pm_cmd_start = {
	.path = "start|container start",
	.summary = "Start one or more containers",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Starts one or more containers.  The container name or ID can be used.",
	.examples = "%p --latest\n%p 860a4b231279 5421ab43b45\n%p --interactive --attach imageID",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_STOPPED,
	.opts_size = sizeof(struct start_opts),
	.tables = {{start_table, 0}, {0}},
	.run = start_run,
};
