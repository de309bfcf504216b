#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/image_common.h"
#include "cli/kube_common.h"
#include "cli/progress.h"
#include "engine/kube/wait.h"

struct play_opts {
	struct pm_strv annotation, configmap, ip, log_opt, mac_address, network, publish;
	const char *authfile, *cert_dir, *creds, *log_driver, *seccomp_profile_root, *userns, *propagation, *context_dir;
	bool build, down, force, no_hosts, no_pod_prefix, publish_all, quiet, replace, service_container, start, tls_verify, wait;
};

static const struct pm_opt play_table[] = {
	{"annotation", 0, PM_STRINGS(struct play_opts, annotation),
	 "Add annotations to pods (key=value)"},
	{"authfile", 0, PM_STRING(struct play_opts, authfile),
	 "Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
	 .complete = PM_COMPLETE_FILE},
	{"build", 0, PM_BOOL(struct play_opts, build),
	 "Build all images in a YAML (given Containerfiles exist), even if they are there; false builds none"},
	{"cert-dir", 0, PM_STRING(struct play_opts, cert_dir),
	 "Path of a directory containing TLS certificates and keys", .complete = PM_COMPLETE_DIR},
	{"configmap", 0, PM_LIST(struct play_opts, configmap),
	 "Path of a YAML file containing a Kubernetes configmap", .arg = "path",
	 .complete = PM_COMPLETE_FILE},
	{"context-dir", 0, PM_STRING(struct play_opts, context_dir),
	 "Path to top level of context directory, with a directory for each image", .complete = PM_COMPLETE_DIR},
	{"creds", 0, PM_STRING(struct play_opts, creds),
	 "Credentials (USERNAME:PASSWORD) to use for authenticating to a registry"},
	{"down", 0, PM_BOOL(struct play_opts, down), "Take the pods of the file down: as pm kube down",
	 .hidden = true},
	{"force", 0, PM_BOOL(struct play_opts, force), "With --down: remove volumes, too", .hidden = true},
	{"ip", 0, PM_LIST(struct play_opts, ip), "Static IP addresses to assign to the pods"},
	{"log-driver", 0, PM_STRING(struct play_opts, log_driver), "Logging driver for the containers in the pods",
	 .choices = "k8s-file|json-file|journald|none|passthrough"},
	{"log-opt", 0, PM_STRINGS(struct play_opts, log_opt), "Logging driver options"},
	{"mac-address", 0, PM_LIST(struct play_opts, mac_address), "Static MAC addresses to assign to the pods"},
	{"network", 0, PM_STRINGS(struct play_opts, network), "Connect pods to networks",
	 .complete = PM_COMPLETE_NETWORK},
	{"net", 0, PM_STRINGS(struct play_opts, network), "As --network", .hidden = true},
	{"no-hosts", 0, PM_BOOL(struct play_opts, no_hosts), "Do not create /etc/hosts within the pod's containers"},
	{"no-pod-prefix", 0, PM_BOOL(struct play_opts, no_pod_prefix),
	 "Do not prefix container names with the pod's name"},
	{"publish", 0, PM_STRINGS(struct play_opts, publish),
	 "Publish a container's port, or a range of ports, to the host"},
	{"publish-all", 0, PM_BOOL(struct play_opts, publish_all),
	 "Publish all ports of the containers, each at its own number"},
	{"quiet", 'q', PM_BOOL(struct play_opts, quiet), "Suppress output information when pulling images"},
	{"replace", 0, PM_BOOL(struct play_opts, replace),
	 "Delete and recreate the pods that the file defines"},
	{"seccomp-profile-root", 0, PM_STRING(struct play_opts, seccomp_profile_root),
	 "Directory path for seccomp profiles (default: /var/lib/kubelet/seccomp)", .complete = PM_COMPLETE_DIR},
	{"service-container", 0, PM_BOOL(struct play_opts, service_container),
	 "Starts a service container before all pods", .hidden = true},
	{"service-exit-code-propagation", 0, PM_CHOICE(struct play_opts, propagation),
	 "Exit-code propagation of the service container", .choices = "all|any|none", .hidden = true},
	{"start", 0, PM_BOOL(struct play_opts, start), "Start the pods after creating them", .def = "true"},
	{"tls-verify", 0, PM_BOOL(struct play_opts, tls_verify),
	 "Require HTTPS and verify certificates when contacting registries", .def = "true"},
	{"userns", 0, PM_STRING(struct play_opts, userns), "User namespace to use"},
	{"wait", 'w', PM_BOOL(struct play_opts, wait),
	 "Clean up all objects created when a SIGTERM is received or pods exit"},
	{0},
};

static void say(void *arg, const char *line)
{
	(void)arg;
	puts(line);
	fflush(stdout);
}

static int check_annotations(const struct pm_strv *l, struct pm_err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strchr(l->v[i], '=') || l->v[i][0] == '=')
			return pm_fail(err, PM_E_USAGE, "annotation \"%s\" must be in the form key=value",
				       l->v[i]);
	return 0;
}

static size_t print_pod(const struct pm_kube_report_pod *pod)
{
	printf("Pod:\n%s\n", pod->id);
	printf("Container%s:\n", pod->containers.n > 1 ? "s" : "");
	for (size_t i = 0; i < pod->containers.n; i++)
		puts(pod->containers.v[i]);
	fflush(stdout);
	for (size_t i = 0; i < pod->errors.n; i++)
		fprintf(stderr, "%s\n", pod->errors.v[i]);
	putchar('\n');
	return pod->errors.n;
}

static int print_report(const struct pm_kube_report *report, struct pm_err *err)
{
	size_t failed = 0;
	if (report->volumes.n)
		puts("Volumes:");
	for (size_t i = 0; i < report->volumes.n; i++)
		puts(report->volumes.v[i]);
	for (size_t i = 0; i < report->n_pods; i++)
		failed += print_pod(&report->pods[i]);
	return failed ? pm_fail(err, PM_E_STATE, "failed to start %zu containers", failed) : 0;
}

static int wait_and_clean(struct pm_engine *e, const struct play_opts *o, const struct pm_kube_set *set,
			  const struct pm_kube_report *report, struct pm_err *err)
{
	fflush(stdout);
	int r = pm_kube_wait(e, report, err);
	if (r < 0)
		return r;
	puts("Cleaning up containers, pods, and volumes...");
	return pm_kube_cli_down_set(e, set, o->force, err);
}

static int play(struct pm_cli *cli, struct pm_engine *e, const struct play_opts *o,
		const struct pm_kube_set *set, struct pm_err *err)
{
	_cleanup_kube_report_ struct pm_kube_report report = {0};
	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, o->quiet);
	_cleanup_free_ char *authfile = pm_pull_authfile(cli, o->authfile);
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	struct pm_pull_options po = {
		.authfile = authfile,
		.creds = o->creds,
		.cert_dir = o->cert_dir,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
	};
	pm_pull_ask(&po);
	pm_strv_add_all(&argv, cli->argv);
	const struct pm_kube_options ko = {
		.networks = &o->network,
		.ips = &o->ip,
		.macs = &o->mac_address,
		.publish = &o->publish,
		.annotations = &o->annotation,
		.log_opts = &o->log_opt,
		.create_command = &argv,
		.log_driver = o->log_driver,
		.userns = o->userns,
		.seccomp_root = o->seccomp_profile_root,
		.publish_all = o->publish_all,
		.no_hosts = o->no_hosts,
		.no_pod_prefix = o->no_pod_prefix,
		.replace = o->replace,
		.start = o->start,
		.service = o->service_container,
		.service_exit = o->propagation && strcmp(o->propagation, "none") != 0 ? o->propagation : NULL,
		.pull = &po,
		.progress = pm_progress_events(bars),
		.build = !pm_cli_given(cli, "build") ? PM_KUBE_BUILD_MISSING
			 : o->build		     ? PM_KUBE_BUILD_ALWAYS
						     : PM_KUBE_BUILD_NEVER,
		.context_dir = o->context_dir,
		.say = o->quiet ? NULL : say,
	};
	int r = pm_kube_play(e, set, &ko, &report, err);
	pm_progress_clear(bars);
	if (r >= 0)
		r = print_report(&report, err);
	return r >= 0 && o->wait ? wait_and_clean(e, o, set, &report, err) : r;
}

static int play_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct play_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_kube_set_ struct pm_kube_set set = {0};
	int r = check_annotations(&o->annotation, err);
	if (r >= 0)
		r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	if (o->down)
		return pm_kube_cli_down(&e, cli->args, o->force, err);
	if (o->force && !o->wait)
		return pm_fail(err, PM_E_USAGE, "--force may be specified only with --down and --wait");
	if (o->context_dir && !o->build)
		return pm_fail(err, PM_E_USAGE, "--build must be specified when using --context-dir option");
	if (o->wait && !o->start)
		return pm_fail(err, PM_E_USAGE, "--wait and --start=false contradict");
	for (int i = 0; r >= 0 && i < cli->n_args; i++)
		r = pm_kube_set_read(&set, cli->args[i], true, err);
	size_t own = set.n;
	for (size_t i = 0; r >= 0 && i < o->configmap.n; i++)
		r = pm_kube_set_read(&set, o->configmap.v[i], true, err);
	for (size_t i = own; r >= 0 && i < set.n; i++)
		if (strcmp(set.v[i].kind, "ConfigMap") != 0)
			r = pm_fail(err, PM_E_USAGE, "--configmap: %s %s is not a ConfigMap", set.v[i].kind,
				    set.v[i].name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set.warnings.n; i++)
		pm_warn("%s", set.warnings.v[i]);
	return play(cli, &e, o, &set, err);
}

const struct pm_command pm_cmd_kube_play = {
	.path = "kube play|play kube",
	.summary = "Play a pod or volume based on Kubernetes YAML",
	.synopsis = "[options] KUBEFILE|- [KUBEFILE...]",
	.text = "Reads in a structured file of Kubernetes YAML and creates pods, containers, volumes and "
		"secrets based on it. docs/kubernetes.md lists every field, and what is done with it.",
	.examples = "%p nginx.yml\n%p --creds user:password --seccomp-profile-root /custom/path apache.yml\n"
		    "cat nginx.yml | %p -",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct play_opts),
	.tables = {{play_table, 0}, {0}},
	.run = play_run,
};
