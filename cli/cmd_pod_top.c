#include <string.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/pod_common.h"
#include "cli/table.h"
#include "engine/container/top.h"

struct top_opts {
	bool latest;
};

static const struct pm_opt top_table[] = {
	{"latest", 'l', PM_BOOL(struct top_opts, latest), "Act on the pod created last"},
	{0},
};

/* All running containers' processes under one line of headings. */
static int collect(struct pm_engine *e, const struct pm_pod *p, const struct pm_strv *args,
		   struct pm_buf *out, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_members; i++) {
		_cleanup_buf_ struct pm_buf one = PM_BUF_INIT;
		if (!pm_ctr_is_up(&p->members[i].state))
			continue;
		int r = pm_container_top(e, &p->members[i], args, &one, err);
		if (r < 0)
			return r;
		const char *text = pm_buf_str(&one);
		const char *line = out->len ? strchr(text, '\n') : NULL;
		pm_buf_add_str(out, line ? line + 1 : text);
	}
	return 0;
}

static int top_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct top_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_pod_ struct pm_pod p = {0};
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	char latest[65];

	if (!o->latest && cli->n_args < 1)
		return pm_fail(err, PM_E_USAGE, "you must provide the name or id of a running pod");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest)
		r = pm_pod_latest(&e, latest, err);
	if (r >= 0) {
		r = pm_pod_load(&e, o->latest ? latest : cli->args[0], &p, err);
		if (r < 0)
			return pm_wrap(err, "unable to look up requested container");
	}
	const struct pm_strv args = {.v = cli->args + !o->latest, .n = (size_t)(cli->n_args - !o->latest)};
	if (r >= 0)
		r = collect(&e, &p, &args, &out, err);
	if (r >= 0 && !out.len)
		r = pm_fail(err, PM_E_STATE, "pod top can only be used on pods with at least one running container");
	if (r < 0)
		return r;
	pm_table_print(&out);
	return 0;
}

const struct pm_command pm_cmd_pod_top = {
	.path = "pod top",
	.summary = "Display the running processes of containers in a pod",
	.synopsis = "[options] POD [FORMAT-DESCRIPTORS|ARGS...]",
	.text = "Display the running processes of containers in a pod, with the format descriptors of pm top.",
	.examples = "%p podID\n%p --latest\n%p podID pid seccomp args %C",
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct top_opts),
	.tables = {{top_table, 0}, {0}},
	.run = top_run,
};
