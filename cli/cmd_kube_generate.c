#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/version.h"
#include "cli/yaml.h"
#include "engine/kube/generate.h"

struct generate_opts {
	const char *filename, *type;
	int64_t replicas;
	bool service, podman_only;
};

static const struct pm_opt generate_table[] = {
	{"filename", 'f', PM_STRING(struct generate_opts, filename), "Write output to the specified path",
	 .complete = PM_COMPLETE_FILE},
	{"podman-only", 0, PM_BOOL(struct generate_opts, podman_only),
	 "Add podman-only reserved annotations to the generated YAML file (Cannot be used by Kubernetes)"},
	{"replicas", 'r', PM_INT(struct generate_opts, replicas), "Set the replicas number for Deployment kind",
	 .def = "1"},
	{"service", 's', PM_BOOL(struct generate_opts, service), "Generate YAML for a Kubernetes service object"},
	{"type", 't', PM_CHOICE(struct generate_opts, type), "Generate YAML for the given Kubernetes kind",
	 .def = "pod", .choices = "pod|deployment|daemonset|job"},
	{0},
};

static int write_out(const struct generate_opts *o, const struct pm_buf *text, struct pm_err *err)
{
	if (!o->filename) {
		fputs(pm_buf_str(text), stdout);
		return 0;
	}
	if (access(o->filename, F_OK) == 0)
		return pm_fail(err, PM_E_EXISTS, "cannot write to %s: file exists", o->filename);
	return pm_fs_write_file(AT_FDCWD, o->filename, text->data, text->len, 0644, false, err);
}

static int generate_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct generate_opts *o = opts;
	const struct pm_kube_generate_options go = {.type = o->type,
						    .replicas = o->replicas,
						    .service = o->service,
						    .podman_only = o->podman_only};
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv warnings = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *documents;
	if (o->replicas < 1 || (pm_cli_given(cli, "replicas") && strcmp(o->type, "deployment") != 0))
		return pm_fail(err, PM_E_USAGE, "--replicas must be at least 1, and goes with --type deployment");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_kube_generate(&e, cli->args, &go, pool, &documents, &warnings, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < warnings.n; i++)
		pm_warn("%s", warnings.v[i]);
	pm_buf_printf(&text, "# Save the output of this file and use kubectl create -f to import it into "
			     "Kubernetes, or\n# pm kube play to make it here.\n#\n# Created with pm-%s\n", PM_VERSION);
	for (size_t i = 0; i < documents->len; i++) {
		if (i)
			pm_buf_add_str(&text, "---\n");
		pm_yaml_write(documents->items[i], &text);
	}
	return write_out(o, &text, err);
}

const struct pm_command pm_cmd_kube_generate = {
	.path = "kube generate|generate kube",
	.summary = "Generate Kubernetes YAML from containers, pods or volumes",
	.synopsis = "[options] {CONTAINER...|POD...|VOLUME...}",
	.text = "Generates Kubernetes YAML of pods, containers (one pod of all of them) and volumes. What Kubernetes "
		"has no field for is told by a warning.",
	.examples = "%p ctrID\n%p podID\n%p --service podID\n%p volumeName\n%p --type deployment --replicas 3 podID",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct generate_opts),
	.tables = {{generate_table, 0}, {0}},
	.run = generate_run,
};
