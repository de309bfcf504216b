#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/kube_common.h"
#include "engine/kube/play.h"

struct down_opts {
	bool force;
};

static const struct pm_opt down_table[] = {
	{"force", 0, PM_BOOL(struct down_opts, force), "Remove volumes"},
	{0},
};

static void print(const char *title, const struct pm_strv *l)
{
	puts(title);
	for (size_t i = 0; i < l->n; i++)
		puts(l->v[i]);
}

int pm_kube_cli_down_set(struct pm_engine *e, const struct pm_kube_set *set, bool volumes,
			 struct pm_err *err)
{
	_cleanup_kube_gone_ struct pm_kube_gone gone = {0};
	int r = pm_kube_down(e, set, volumes, &gone, err);
	print("Pods stopped:", &gone.stopped);
	print("Pods removed:", &gone.removed);
	print("Secrets removed:", &gone.secrets);
	print("Volumes removed:", &gone.volumes);
	return r;
}

int pm_kube_cli_down(struct pm_engine *e, char *const *files, bool volumes, struct pm_err *err)
{
	_cleanup_kube_set_ struct pm_kube_set set = {0};
	int r = 0;
	for (; r >= 0 && *files; files++)
		r = pm_kube_set_read(&set, *files, false, err);
	return r < 0 ? r : pm_kube_cli_down_set(e, &set, volumes, err);
}

static int down_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct down_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	int r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : pm_kube_cli_down(&e, cli->args, o->force, err);
}

const struct pm_command pm_cmd_kube_down = {
	.path = "kube down",
	.summary = "Remove pods based on Kubernetes YAML",
	.synopsis = "[options] KUBEFILE|- [KUBEFILE...]",
	.text = "Reads in a structured file of Kubernetes YAML and removes the pods and secrets that it "
		"describes, and with --force the volumes of its claims. What is not there is left out.",
	.examples = "%p nginx.yml\ncat nginx.yml | %p -",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct down_opts),
	.tables = {{down_table, 0}, {0}},
	.run = down_run,
};
