#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/inspect_remote.h"
#include "cli/network_list.h"
#include "engine/container/inspect.h"
#include "engine/image/pull.h"
#include "engine/image/resolve.h"
#include "engine/pod/list.h"
#include "engine/system/disk.h"
#include "engine/volume/volume.h"

struct inspect_opts {
	const char *format, *type;
	bool latest, size;
	struct pm_inspect_remote_opts remote;
};

/* What completion offers. */
#define CONTAINER_FIELDS \
	".AppArmorProfile|.Args|.BoundingCaps|.Config.|.Config.Annotations|.Config.AttachStderr|" \
	".Config.AttachStdin|.Config.AttachStdout|.Config.Cmd|.Config.CreateCommand|" \
	".Config.Domainname|.Config.Entrypoint|.Config.Env|.Config.Healthcheck|" \
	".Config.HealthcheckOnFailureAction|.Config.Hostname|.Config.Image|.Config.Labels|" \
	".Config.OnBuild|.Config.OpenStdin|.Config.Passwd|.Config.Secrets|.Config.StdinOnce|" \
	".Config.StopSignal|.Config.StopTimeout|.Config.Timeout|.Config.Tty|.Config.Umask|" \
	".Config.User|.Config.Volumes|.Config.WorkingDir|.Config.sdNotifyMode|.ConmonPidFile|" \
	".Created|.Dependencies|.Driver|.EffectiveCaps|.ExecIDs|.GraphDriver.|.GraphDriver.Data|" \
	".GraphDriver.Name|.HostConfig.|.HostConfig.AutoRemove|.HostConfig.Binds|" \
	".HostConfig.BlkioDeviceReadBps|.HostConfig.BlkioDeviceReadIOps|" \
	".HostConfig.BlkioDeviceWriteBps|.HostConfig.BlkioDeviceWriteIOps|.HostConfig.BlkioWeight|" \
	".HostConfig.BlkioWeightDevice|.HostConfig.CapAdd|.HostConfig.CapDrop|.HostConfig.Cgroup|" \
	".HostConfig.CgroupConf|.HostConfig.CgroupManager|.HostConfig.CgroupMode|" \
	".HostConfig.CgroupParent|.HostConfig.Cgroups|.HostConfig.ConsoleSize|" \
	".HostConfig.ContainerIDFile|.HostConfig.CpuCount|.HostConfig.CpuPercent|" \
	".HostConfig.CpuPeriod|.HostConfig.CpuQuota|.HostConfig.CpuRealtimePeriod|" \
	".HostConfig.CpuRealtimeRuntime|.HostConfig.CpuShares|.HostConfig.CpusetCpus|" \
	".HostConfig.CpusetMems|.HostConfig.Devices|.HostConfig.DiskQuota|.HostConfig.Dns|" \
	".HostConfig.DnsOptions|.HostConfig.DnsSearch|.HostConfig.ExtraHosts|.HostConfig.GroupAdd|" \
	".HostConfig.IDMappings|.HostConfig.IOMaximumBandwidth|.HostConfig.IOMaximumIOps|" \
	".HostConfig.IpcMode|.HostConfig.Isolation|.HostConfig.KernelMemory|.HostConfig.Links|" \
	".HostConfig.LogConfig.|.HostConfig.LogConfig.Path|.HostConfig.LogConfig.Size|" \
	".HostConfig.LogConfig.Tag|.HostConfig.LogConfig.Type|.HostConfig.Memory|" \
	".HostConfig.MemoryReservation|.HostConfig.MemorySwap|.HostConfig.MemorySwappiness|" \
	".HostConfig.NanoCpus|.HostConfig.NetworkMode|.HostConfig.OomKillDisable|" \
	".HostConfig.OomScoreAdj|.HostConfig.PidMode|.HostConfig.PidsLimit|" \
	".HostConfig.PortBindings|.HostConfig.Privileged|.HostConfig.PublishAllPorts|" \
	".HostConfig.ReadonlyRootfs|.HostConfig.RestartPolicy.|" \
	".HostConfig.RestartPolicy.MaximumRetryCount|.HostConfig.RestartPolicy.Name|" \
	".HostConfig.Runtime|.HostConfig.SecurityOpt|.HostConfig.ShmSize|.HostConfig.Tmpfs|" \
	".HostConfig.UTSMode|.HostConfig.Ulimits|.HostConfig.UsernsMode|.HostConfig.VolumeDriver|" \
	".HostConfig.VolumesFrom|.HostnamePath|.HostsPath|.ID|.Id|.Image|.ImageDigest|.ImageName|" \
	".IsInfra|.IsService|.MountLabel|.Mounts|.Name|.Namespace|.NetworkSettings.|" \
	".NetworkSettings.Bridge|.NetworkSettings.EndpointID|.NetworkSettings.Gateway|" \
	".NetworkSettings.GlobalIPv6Address|.NetworkSettings.GlobalIPv6PrefixLen|" \
	".NetworkSettings.HairpinMode|.NetworkSettings.IPAddress|.NetworkSettings.IPPrefixLen|" \
	".NetworkSettings.IPv6Gateway|.NetworkSettings.LinkLocalIPv6Address|" \
	".NetworkSettings.LinkLocalIPv6PrefixLen|.NetworkSettings.MacAddress|" \
	".NetworkSettings.Networks|.NetworkSettings.Ports|.NetworkSettings.SandboxID|" \
	".NetworkSettings.SandboxKey|.OCIConfigPath|.OCIRuntime|.Path|.PidFile|.Pod|.ProcessLabel|" \
	".ResolvConfPath|.RestartCount|.Rootfs|.State.|.State.CgroupPath|.State.CheckpointedAt|" \
	".State.ConmonPid|.State.Dead|.State.Error|.State.ExitCode|.State.FinishedAt|" \
	".State.Health.|.State.Health.FailingStreak|.State.Health.Log|.State.Health.Status|" \
	".State.OOMKilled|.State.OciVersion|.State.Paused|.State.Pid|.State.Restarting|" \
	".State.RestoredAt|.State.Running|.State.StartedAt|.State.Status|.StaticDir"
#define IMAGE_FIELDS \
	".Annotations|.Architecture|.Author|.Comment|.Config.|.Config.Cmd|.Config.Entrypoint|" \
	".Config.Env|.Config.ExposedPorts|.Config.Labels|.Config.StopSignal|.Config.User|" \
	".Config.Volumes|.Config.WorkingDir|.Created|.Digest|.GraphDriver.|.GraphDriver.Data|" \
	".GraphDriver.Name|.Healthcheck|.History|.ID|.Id|.Labels|.ManifestType|.NamesHistory|.Os|" \
	".Parent|.RepoDigests|.RepoTags|.RootFS.|.RootFS.Layers|.RootFS.Type|.Size|.User|.Version|" \
	".VirtualSize"

static const struct pm_opt image_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Format the output to a Go template or json", .def = "json", .complete = PM_COMPLETE_FORMAT,
	 .choices = IMAGE_FIELDS},
	{0},
};

static const struct pm_opt container_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Format the output to a Go template or json", .def = "json", .complete = PM_COMPLETE_FORMAT,
	 .choices = CONTAINER_FIELDS},
	{"latest", 'l', PM_BOOL(struct inspect_opts, latest), "Act on the container created last"},
	{"size", 's', PM_BOOL(struct inspect_opts, size), "Display total file size"},
	{0},
};

static const struct pm_opt inspect_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Format the output to a Go template or json", .def = "json", .complete = PM_COMPLETE_FORMAT,
	 .choices = CONTAINER_FIELDS},
	{"latest", 'l', PM_BOOL(struct inspect_opts, latest), "Act on the container created last, with --type pod on the pod"},
	{"size", 's', PM_BOOL(struct inspect_opts, size), "Display total file size"},
	{"type", 't', PM_STRING(struct inspect_opts, type), "Specify inspect-object type",
	 .def = "all", .choices = "all|container|image|network|pod|volume"},
	{0},
};

struct inspect {
	struct pm_engine *e;
	const struct inspect_opts *o;
	struct pm_json_pool *pool;
	struct pm_json *found; /* array */
	struct pm_json *v;     /* what was looked at last, */
	bool partly;           /* and found by a part of its id or name */
};

static void tell(struct inspect *in, const char *asked, const char *name, const char *id,
		  struct pm_json *v)
{
	in->partly = !pm_streq(asked, name) && !pm_streq(asked, id);
	in->v = v;
}

static int inspect_container(struct inspect *in, const char *name, struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	struct pm_json *v;
	int64_t rw = -1, root = -1;
	pm_container_init(&c);
	int r = pm_container_load(in->e, name, &c, err);
	if (r >= 0 && in->o->size) {
		_cleanup_image_row_ struct pm_image_row row = {0};
		_cleanup_strv_ struct pm_strv path = PM_STRV_INIT;
		pm_strv_addf(&path, "containers/%s/upper", c.row.id);
		r = pm_disk_sizes(in->e, &path, &rw, err);
		root = rw;
		if (r >= 0 && c.row.image_id && pm_image_by_id(in->e->store, c.row.image_id, 0, &row, NULL) >= 0)
			root += row.size;
	}
	if (r >= 0)
		r = pm_inspect_container(in->e, &c, rw, root, in->pool, &v, err);
	if (r >= 0)
		tell(in, name, c.row.name, c.row.id, v);
	return r;
}

static int inspect_image(struct inspect *in, const char *name, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_json *v;
	char id[65];
	int r = pm_image_resolve(in->e->store, name, id, NULL, err);
	if (r >= 0)
		r = pm_image_by_id(in->e->store, id, PM_IMAGE_CONFIG | PM_IMAGE_MANIFEST, &row, err);
	if (r >= 0)
		r = pm_inspect_image(in->e->store, &row, in->pool, &v, err);
	/* a name, which has many forms, or an id */
	if (r >= 0)
		tell(in, name, pm_startswith(id, name) ? NULL : name, id, v);
	return r;
}

static int inspect_volume(struct inspect *in, const char *name, struct pm_err *err)
{
	_cleanup_volume_row_ struct pm_volume_row row = {0};
	struct pm_json *v;
	int r = pm_volume_find(in->e->store, name, &row, err);
	if (r >= 0)
		r = pm_volume_tree(in->e, &row, in->pool, &v, err);
	if (r >= 0)
		tell(in, name, row.name, NULL, v);
	return r;
}

static int inspect_network(struct inspect *in, const char *name, struct pm_err *err)
{
	_cleanup_network_ struct pm_network n = {0};
	bool json = !*in->o->format || pm_format_is_json(in->o->format);
	int r = pm_network_find(in->e, name, &n, err);
	if (r >= 0)
		tell(in, name, n.name, n.id,
		      json ? pm_network_to_json(&n, in->pool) : pm_network_tree(&n, true, in->pool));
	return r;
}

static int inspect_pod(struct inspect *in, const char *name, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	int r = pm_pod_load(in->e, name, &p, err);
	if (r >= 0)
		tell(in, name, p.row.name, p.row.id, pm_pod_inspect_tree(in->pool, &p));
	return r;
}

/* In the order in which a name is looked up, Podman's. */
static const struct kind {
	const char *type;
	int (*inspect)(struct inspect *in, const char *name, struct pm_err *err);
} kinds[] = {
	{"container", inspect_container}, {"image", inspect_image}, {"volume", inspect_volume},
	{"network", inspect_network},	  {"pod", inspect_pod},
};

static bool known_type(const char *type)
{
	bool known = strcmp(type, "all") == 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++)
		known |= strcmp(type, kinds[i].type) == 0;
	return known;
}

static int inspect_name(struct inspect *in, const char *type, const char *name, struct pm_err *err)
{
	bool all = strcmp(type, "all") == 0;
	struct pm_json *v = NULL;
	int r = -PM_E_NOSUCH;
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++) {
		struct pm_err why = PM_ERR_INIT;
		if (!all && strcmp(type, kinds[i].type) != 0)
			continue;
		int found = kinds[i].inspect(in, name, &why);
		/* once there is one by a part of its id only a whole name counts */
		if (v && (found < 0 || in->partly))
			continue;
		r = found;
		if (r >= 0)
			v = in->v;
		else if (err)
			*err = why;
		if (r != -PM_E_NOSUCH && (r < 0 || !in->partly))
			break;
	}
	if (r >= 0)
		pm_json_add(in->pool, in->found, v);
	if (r == -PM_E_NOSUCH && all)
		pm_fail(err, PM_E_NOSUCH, "no such object: \"%s\"", name);
	else if (r == -PM_E_NOSUCH && strcmp(type, "image") != 0)
		pm_fail(err, PM_E_NOSUCH, "no such %s %s", type, name);
	return r < 0 ? pm_wrap(err, "inspecting object") : 0;
}

static int print_found(const struct inspect *in, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	/* what is a map or a time in Podman's types; the rest are structs and strings */
	static const char *const maps[] = {"Labels", "Annotations", "Ports", "Networks", "PortBindings",
					   "ExposedPorts", "Volumes", "Sysctls", "Tmpfs", "Data",
					   "Options", NULL};
	static const char *const times[] = {"Created", "StartedAt", "FinishedAt", "CheckpointedAt",
					    "RestoredAt", NULL};
	static const char *const lists[] = {"Cmd", "CreateCommand", "EffectiveCaps", "BoundingCaps", "Log",
					    "Entrypoint", "Env", "Secrets", "History", NULL};
	pm_template_hint(in->found, &(struct pm_template_types){maps, lists, times});
	struct pm_format f = {
		.name = "inspect",
		.format = in->o->format,
		.json_indent = 5,
		.each = true,
		.terminal = isatty(1),
		.opts = {.type = "interface {}", .fold_case = true},
	};
	if (!*in->o->format)
		f.format = "json";
	int r = pm_format_list(&f, in->found, &out, err);
	if (r < 0)
		return pm_wrap(err, "inspecting object: printing inspect output");
	fputs(pm_buf_str(&out), stdout);
	return 0;
}

/* Images named with a transport are looked at where they are. */
static int inspect_elsewhere(struct pm_cli *cli, const struct inspect_opts *o, struct pm_err *err)
{
	for (int i = 0; i < cli->n_args; i++) {
		int r = pm_transport_of(cli->args[i])
				? pm_inspect_remote(cli, &o->remote, cli->args[i], o->format, err)
				: pm_fail(err, PM_E_USAGE, "%s: stored objects and images elsewhere "
							   "cannot be inspected together",
					  cli->args[i]);
		if (r < 0 && cli->n_args == 1)
			return r;
		if (r < 0)
			pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

static int inspect_all(struct pm_cli *cli, const struct inspect_opts *o, const char *type,
		       struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct inspect in = {.e = &e, .o = o, .pool = pool, .found = pm_json_array(pool)};
	_cleanup_strv_ struct pm_strv failures = PM_STRV_INIT;
	char latest[65];

	for (int i = 0; strcmp(type, "container") != 0 && i < cli->n_args; i++) {
		if (pm_transport_of(cli->args[i]))
			return inspect_elsewhere(cli, o, err);
	}
	if (strcmp(type, "container") != 0 && pm_inspect_remote_unused(cli, err) < 0)
		return -err->code;
	if (o->latest && cli->n_args)
		return pm_fail(err, PM_E_USAGE, "--latest and arguments cannot be used together");
	if (o->latest && strcmp(type, "all") != 0 && strcmp(type, "container") != 0 &&
	    strcmp(type, "pod") != 0)
		return pm_fail(err, PM_E_USAGE, "--latest is for containers and pods, not for type %s",
			       type);
	if (!o->latest && !cli->n_args)
		return pm_fail(err, PM_E_USAGE, "no names or ids specified");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0 && o->latest) {
		bool pod = strcmp(type, "pod") == 0;
		r = pod ? pm_pod_latest(&e, latest, err) : pm_container_latest(&e, latest, err);
		if (r >= 0)
			r = inspect_name(&in, pod ? "pod" : "container", latest, err);
	}
	if (r < 0)
		return r;
	for (int i = 0; i < cli->n_args; i++) {
		if (inspect_name(&in, type, cli->args[i], err) < 0) {
			pm_strv_add(&failures, err->text);
			pm_err_clear(err);
		}
	}
	r = print_found(&in, err);
	if (r < 0)
		return r;
	/* what was found comes first, then what was not */
	for (size_t i = 0; i < failures.n; i++) {
		pm_fail(err, PM_E_NOSUCH, "%s", failures.v[i]);
		pm_cli_note(cli, err);
	}
	return pm_cli_result(cli, 0);
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	if (!known_type(o->type))
		return pm_fail(err, PM_E_USAGE,
			       "invalid type \"%s\": must be \"image\", \"container\", \"network\", "
			       "\"pod\", \"volume\" or \"all\"", o->type);
	return inspect_all(cli, o, o->type, err);
}

static int inspect_container_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return inspect_all(cli, opts, "container", err);
}

static int inspect_image_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	return inspect_all(cli, opts, "image", err);
}

const struct pm_command pm_cmd_inspect = {
	.path = "inspect",
	.summary = "Display the configuration of object denoted by ID",
	.synopsis = "[options] {CONTAINER|IMAGE|NETWORK|POD|VOLUME} [...]",
	.text = "Displays the low-level information on an object identified by name or ID.\n"
		"For more inspection options, see:\n\n"
		"    pm container inspect\n"
		"    pm image inspect\n"
		"    pm network inspect\n"
		"    pm pod inspect\n"
		"    pm volume inspect",
	.examples = "%p fedora\n%p --type image fedora\n%p CtrID ImgID\n"
		    "%p --format \"imageId: {{.Id}} size: {{.Size}}\" fedora",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_NAME,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0},
		   {pm_inspect_remote_table, offsetof(struct inspect_opts, remote)},
		   {pm_remote_table, offsetof(struct inspect_opts, remote.remote)},
		   {0}},
	.run = inspect_run,
};

const struct pm_command pm_cmd_container_inspect = {
	.path = "container inspect",
	.summary = "Display the configuration of a container",
	.synopsis = "[options] CONTAINER [CONTAINER...]",
	.text = "Displays the low-level information on a container identified by name or ID.",
	.examples = "%p myCtr\n%p -l --format '{{.Id}} {{.Config.Labels}}'",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{container_table, 0}, {0}},
	.run = inspect_container_run,
};

const struct pm_command pm_cmd_image_inspect = {
	.path = "image inspect",
	.summary = "Display the configuration of an image",
	.synopsis = "[options] IMAGE [IMAGE...]",
	.text = "Displays the low-level information of an image identified by name or ID.\n"
		"An image named with a transport (docker://HOST/PATH:TAG, oci:PATH, ...) is looked at "
		"where it is, without pulling it, and shown as Skopeo's inspect shows it.",
	.examples = "%p alpine\n%p --format \"imageId: {{.Id}} size: {{.Size}}\" alpine",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_IMAGE,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{image_table, 0},
		   {pm_inspect_remote_table, offsetof(struct inspect_opts, remote)},
		   {pm_remote_table, offsetof(struct inspect_opts, remote.remote)},
		   {0}},
	.run = inspect_image_run,
};
