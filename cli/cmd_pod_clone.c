#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options_parts.h"
#include "cli/pod_common.h"
#include "engine/pod/clone.h"

struct clone_opts {
	struct pm_ctr_opts ctr; /* of the infra container, over what the original has */
	bool destroy, start;
	const char *name, *infra_command, *infra_name, *infra_pidfile;
	struct pm_strv label, label_file;
};

static const struct pm_opt clone_table[] = {
	{"destroy", 0, PM_BOOL(struct clone_opts, destroy),
	 "Destroy the original pod, which must not run, once the clone is made"},
	{"infra-command", 0, PM_STRING(struct clone_opts, infra_command),
	 "The command to run on the infra container, where the pod has an infra image"},
	{"infra-conmon-pidfile", 0, PM_STRING(struct clone_opts, infra_pidfile),
	 "Path to the file that will receive the PID of the infra container's monitor",
	 .complete = PM_COMPLETE_FILE},
	{"infra-name", 0, PM_STRING(struct clone_opts, infra_name),
	 "The name used as infra container name"},
	{"label", 'l', PM_STRINGS(struct clone_opts, label),
	 "Set metadata on the new pod, instead of the original's", .arg = "key=value"},
	{"label-file", 0, PM_LIST(struct clone_opts, label_file),
	 "Read in a line delimited file of labels", .complete = PM_COMPLETE_FILE},
	{"name", 'n', PM_STRING(struct clone_opts, name), "Name the new pod"},
	{"start", 0, PM_BOOL(struct clone_opts, start), "Start the new pod"},
	{0},
};

/* What the user said of the new pod, and nothing that containers.conf says. */
static int given_config(struct pm_cli *cli, struct pm_engine *e, struct clone_opts *o,
			struct pm_ctr_config *k, struct pm_err *err)
{
	static char *const no_args[] = {NULL};
	int r = pm_ctr_opts_defaults(&o->ctr, false, err);
	if (r < 0)
		return r;
	o->ctr.name = o->infra_name;
	o->ctr.conmon_pidfile = o->infra_pidfile;
	o->ctr.entrypoint = o->infra_command;
	r = pm_ctr_options_apply(cli, e, &o->ctr, "", no_args, k, err);
	if (!o->ctr.userns)
		free(pm_steal(&k->userns));
	if (!o->ctr.cgroup_conf.n)
		pm_strv_free(&k->cgroup_conf);
	return r;
}

/* The infra container of pod, which the options are for. */
static int check_infra(const struct pm_cli *cli, const struct pm_pod *pod, struct pm_err *err)
{
	static const char *const infra_only[] = {"hostname", "infra-command", "infra-conmon-pidfile",
						 "infra-name"};
	const struct pm_container *infra = pm_pod_infra(pod);
	for (size_t i = 0; !infra && i < PM_ARRAY_SIZE(infra_only); i++)
		if (pm_cli_given(cli, infra_only[i]))
			return pm_fail(err, PM_E_USAGE,
				       "cannot set %s options without an infra container", infra_only[i]);
	if (pm_cli_given(cli, "infra-command") && !infra->config.image_id)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "--infra-command needs a pod with an --infra-image: the infra container of %s "
			       "has an empty root file system and nothing to run in it", pod->row.name);
	return 0;
}

static int clone_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct clone_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_pod_ struct pm_pod from = {0}, to = {0};
	_cleanup_strv_ struct pm_strv labels = PM_STRV_INIT;
	_cleanup_ctr_config_ struct pm_ctr_config given;
	struct pm_pod_clone pc = {.name = o->name, .given = &given};

	pm_ctr_config_init(&given);
	if (o->name && cli->n_args > 1)
		return pm_fail(err, PM_E_USAGE, "the name is given twice: by --name and as an argument");
	if (cli->n_args > 1)
		pc.name = cli->args[1];
	int r = pm_ctr_parse_labels(&o->label, &o->label_file, &labels, err);
	if (labels.n)
		pc.labels = &labels;
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_pod_load(&e, cli->args[0], &from, err);
	if (r >= 0)
		r = check_infra(cli, &from, err);
	if (r >= 0)
		r = given_config(cli, &e, o, &given, err);
	if (r >= 0)
		r = pm_pod_clone(&e, &from, &pc, &to, err);
	if (r < 0)
		return r;
	/* made already, whatever follows */
	printf("%s\n", to.row.id);
	const struct pm_pod_notes notes = pm_pod_cli_notes(cli);
	if (o->destroy)
		r = pm_pod_remove(&e, from.row.id, false, -1, &notes, err);
	if (r >= 0 && o->start)
		r = pm_pod_start(&e, to.row.id, &notes, err);
	return r;
}

const struct pm_command pm_cmd_pod_clone = {
	.path = "pod clone",
	.summary = "Clone an existing pod",
	.synopsis = "[options] POD [NAME]",
	.text = "Creates a copy of a pod and of its containers, with files and anonymous volumes of their own.",
	.examples = "%p pod_name new_name\n%p --start --cpus 2 pod_name",
	.min_args = 1,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct clone_opts),
	.tables = {{pm_ctr_pod_table, offsetof(struct clone_opts, ctr)},
		   {pm_ctr_pod_limits_table, offsetof(struct clone_opts, ctr)},
		   {clone_table, 0},
		   {0}},
	.run = clone_run,
};
