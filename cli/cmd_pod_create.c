#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options_parts.h"
#include "engine/container/limits.h"
#include "engine/pod/create.h"
#include "engine/pod/verbs.h"

struct create_opts {
	struct pm_ctr_opts ctr; /* of the infra container */
	const char *name, *exit_policy, *infra_command, *infra_image, *infra_name, *id_file, *share,
		*restart, *infra_pidfile;
	bool infra, replace, share_parent;
	struct pm_strv label, label_file;
};

static const struct pm_opt create_table[] = {
	{"exit-policy", 0, PM_CHOICE(struct create_opts, exit_policy),
	 "Behaviour when the last container exits", .def = "continue", .choices = "continue|stop"},
	{"infra", 0, PM_BOOL(struct create_opts, infra),
	 "Create an infra container associated with the pod to share namespaces with", .def = "true"},
	{"infra-command", 0, PM_STRING(struct create_opts, infra_command),
	 "The command to run on the infra container when the pod is started; needs --infra-image"},
	{"infra-conmon-pidfile", 0, PM_STRING(struct create_opts, infra_pidfile),
	 "Path to the file that will receive the PID of the infra container's monitor",
	 .complete = PM_COMPLETE_FILE},
	{"infra-image", 0, PM_STRING(struct create_opts, infra_image),
	 "Image to use for the infra container (default: none, pm-init in an empty root)",
	 .complete = PM_COMPLETE_IMAGE},
	{"infra-name", 0, PM_STRING(struct create_opts, infra_name),
	 "The name used as infra container name"},
	{"label", 'l', PM_STRINGS(struct create_opts, label), "Set metadata on pod", .arg = "key=value"},
	{"label-file", 0, PM_LIST(struct create_opts, label_file), "Read in a line delimited file of labels",
	 .complete = PM_COMPLETE_FILE},
	{"name", 'n', PM_STRING(struct create_opts, name), "Assign a name to the pod"},
	{"pod-id-file", 0, PM_STRING(struct create_opts, id_file), "Write the pod ID to the file",
	 .complete = PM_COMPLETE_FILE},
	{"replace", 0, PM_BOOL(struct create_opts, replace), "If a pod with the same name exists, replace it"},
	{"restart", 0, PM_STRING(struct create_opts, restart),
	 "Restart policy of the pod's containers that have none of their own",
	 .choices = "no|always|on-failure|unless-stopped"},
	{"share", 0, PM_STRING(struct create_opts, share),
	 "A comma delimited list of kernel namespaces the pod will share", .def = "ipc,net,uts",
	 .choices = "cgroup|ipc|net|pid|uts|none"},
	{"share-parent", 0, PM_BOOL(struct create_opts, share_parent),
	 "Set the pod's cgroup as the cgroup parent for all containers joining the pod", .def = "true"},
	{0},
};

/* Options that only an infra container can have. */
static int check(const struct pm_cli *cli, const struct create_opts *o, unsigned int share,
		 struct pm_err *err)
{
	static const char *const infra_only[] = {"infra-command", "infra-image",  "infra-name",
						 "infra-conmon-pidfile", "publish", "network",
						 "hostname"};
	for (size_t i = 0; !o->infra && i < PM_ARRAY_SIZE(infra_only); i++)
		if (pm_cli_given(cli, infra_only[i]))
			return pm_fail(err, PM_E_USAGE,
				       "cannot set %s options without an infra container", infra_only[i]);
	if (!o->infra && pm_cli_given(cli, "share") && share) {
		_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
		pm_pod_share_names(share, &names);
		_cleanup_free_ char *list = pm_strv_join(&names, ",");
		return pm_fail(err, PM_E_USAGE,
			       "cannot set share(%s) namespaces without an infra container", list);
	}
	if (o->infra_command && !o->infra_image)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "--infra-command needs --infra-image: pm's own infra container has an "
			       "empty root file system and nothing to run in it");
	if (cli->n_args && o->name)
		return pm_fail(err, PM_E_USAGE, "cannot specify --name and an argument at the same time");
	return 0;
}

/* The infra container: what the user said of the pod as a whole. */
static int infra(struct pm_cli *cli, struct pm_engine *e, struct create_opts *o,
		 struct pm_pod_config *config, struct pm_ctr_config *k, char image_id[65],
		 struct pm_err *err)
{
	static char *const no_args[] = {NULL};
	o->ctr.name = o->infra_name;
	o->ctr.conmon_pidfile = o->infra_pidfile;
	o->ctr.entrypoint = o->infra_command; /* a word, or a JSON array of words */
	int r = pm_ctr_options_apply(cli, e, &o->ctr, "", no_args, k, err);
	if (r >= 0 && o->infra_image)
		r = pm_ctr_options_image(cli, e, &o->ctr, o->infra_image, k, image_id, err);
	if (r >= 0)
		config->hostname = pm_strdup_null(k->hostname);
	return r;
}

/* Limits are the whole pod's: they go from k to config. */
static int limits(const struct create_opts *o, struct pm_ctr_config *k,
		  struct pm_pod_config *config, struct pm_err *err)
{
	if (!o->ctr.cgroup_conf.n) /* containers.conf's is for each container */
		pm_strv_free(&k->cgroup_conf);
	config->limits = pm_limits_take(k);
	if (config->limits && !config->share_parent)
		return pm_fail(err, PM_E_USAGE, "limits are those of the pod's control group: they need "
						"--share-parent");
	return 0;
}

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct create_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_pod_ struct pm_pod pod = {0};
	_cleanup_(pm_pod_config_free) struct pm_pod_config config = {
		.infra = o->infra,
		.share_parent = o->share_parent,
		.stop_with_last = pm_streq(o->exit_policy, "stop"),
		.restart_policy = pm_strdup_null(o->restart),
		.cgroup_parent = pm_strdup_null(o->ctr.cgroup_parent),
	};
	_cleanup_(pm_ctr_config_free) struct pm_ctr_config k;
	char image_id[65];

	pm_ctr_config_init(&k);
	pm_strv_add_all(&config.create_command, cli->argv);
	int r = pm_pod_share_parse(o->share, &config.share, err);
	if (r >= 0)
		r = check(cli, o, config.share, err);
	if (!o->infra)
		config.share = 0;
	_cleanup_strv_ struct pm_strv labels = PM_STRV_INIT;
	if (r >= 0)
		r = pm_ctr_parse_labels(&o->label, &o->label_file, &labels, err);
	if (r >= 0 && o->id_file)
		r = pm_ctr_check_cidfile(o->id_file, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_ctr_opts_defaults(&o->ctr, false, err);
	if (r >= 0)
		r = o->infra ? infra(cli, &e, o, &config, &k, image_id, err)
			     : pm_ctr_apply_limits(cli, &o->ctr, &k, err);
	if (r >= 0)
		r = limits(o, &k, &config, err);
	if (r < 0)
		return r;

	struct pm_pod_create pc = {.name = cli->n_args ? cli->args[0] : o->name,
				   .replace = o->replace,
				   .labels = &labels,
				   .config = &config,
				   .infra = o->infra ? &k : NULL,
				   .infra_image_id = o->infra && o->infra_image ? image_id : NULL};
	r = pm_pod_create(&e, &pc, &pod, err);
	if (r >= 0 && o->id_file) {
		r = pm_ctr_write_cidfile(o->id_file, pod.row.id, err);
		if (r < 0)
			pm_pod_remove(&e, pod.row.id, true, 0, NULL, NULL);
	}
	if (r < 0)
		return r;
	printf("%s\n", pod.row.id);
	return 0;
}

const struct pm_command pm_cmd_pod_create = {
	.path = "pod create",
	.summary = "Create a new empty pod",
	.synopsis = "[options] [NAME]",
	.text = "After creating the pod, the pod ID is printed to stdout.\n\n"
		"You can then start it at any time with the  pm pod start <pod_id> command. The pod will "
		"be created with the initial state 'created'.",
	.examples = "%p\n%p --label foo=bar mypod\n%p -p 8080:80 --share net,ipc web",
	.min_args = 0,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct create_opts),
	.tables = {{pm_ctr_pod_table, offsetof(struct create_opts, ctr)},
		   {pm_ctr_pod_network_table, offsetof(struct create_opts, ctr)},
		   {pm_ctr_pod_limits_table, offsetof(struct create_opts, ctr)},
		   {create_table, 0},
		   {0}},
	.run = create_run,
};
