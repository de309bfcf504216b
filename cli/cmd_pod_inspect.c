#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/format.h"
#include "cli/pod_common.h"
#include "engine/pod/list.h"

struct inspect_opts {
	const char *format;
	bool latest;
};

static const struct pm_opt inspect_table[] = {
	{"format", 'f', PM_STRING(struct inspect_opts, format),
	 "Format the output to a Go template or json", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".CgroupParent|.CgroupPath|.Containers|.CreateCgroup|.CreateCommand|.CreateInfra|"
		    ".Created|.ExitPolicy|.Hostname|.ID|.Id|.InfraConfig.|.InfraConfig.HostNetwork|"
		    ".InfraConfig.PortBindings|.InfraContainerID|.Labels|.Name|.NumContainers|"
		    ".RestartPolicy|.SharedNamespaces|.State"},
	{"latest", 'l', PM_BOOL(struct inspect_opts, latest), "Act on the pod created last"},
	{0},
};

static int inspect_one(struct pm_engine *e, const char *name, struct pm_json_pool *pool,
		       struct pm_json *list, struct pm_err *err)
{
	_cleanup_pod_ struct pm_pod p = {0};
	int r = pm_pod_load(e, name, &p, err);
	if (r >= 0)
		pm_json_add(pool, list, pm_pod_inspect_tree(pool, &p));
	return r;
}

static int print(const struct inspect_opts *o, struct pm_json_pool *pool, struct pm_json *list,
		 struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (!o->format || pm_format_is_json(o->format)) {
		/* one pod is an object, as Podman's; several are an array */
		pm_json_write(pm_json_len(list) == 1 ? pm_json_at(list, 0) : list, 5, &out);
		puts(pm_buf_str(&out));
		return 0;
	}
	for (size_t i = 0; i < pm_json_len(list); i++) {
		struct pm_json *v = pm_json_at(list, i);
		pm_json_set_str(pool, v, "ID", pm_json_get_str(v, "Id"));
	}
	static const char *const aliases[] = {
		"CPUPeriod", "cpu_period", "CPUQuota", "cpu_quota", "CPUShares", "cpu_shares", "CPUSetCPUs", "cpuset_cpus",
		"CPUSetMems", "cpuset_mems", "MemoryLimit", "memory_limit", "MemorySwap", "memory_swap",
		"BlkioWeight", "blkio_weight", "BlkioWeightDevice", "blkio_weight_device",
		"BlkioDeviceReadBps", "device_read_bps", "BlkioDeviceWriteBps", "device_write_bps",
		"Mounts", "mounts", "Devices", "devices", "SecurityOpts", "security_opt", "VolumesFrom", "volumes_from", NULL};
	struct pm_format f = {.name = "inspect",
			      .format = o->format,
			      .each = true,
			      .no_heading = true,
			      .terminal = isatty(1),
			      .opts = {.type = "*define.InspectPodData", .aliases = aliases}};
	int r = pm_format_list(&f, list, &out, err);
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct inspect_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *list = pm_json_array(pool);
	struct pm_pod_choice ch = {.latest = o->latest};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_pod_choose(cli, &e, &ch, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = inspect_one(&e, names.v[i], pool, list, err);
	if (r == -PM_E_NOSUCH && !o->format)
		puts("[]"); /* what reads JSON gets some */
	return r < 0 ? r : print(o, pool, list, err);
}

const struct pm_command pm_cmd_pod_inspect = {
	.path = "pod inspect",
	.summary = "Displays a pod configuration",
	.synopsis = "[options] POD [POD...]",
	.text = "Display the configuration for a pod by name or id\n\n"
		"By default the result is JSON: an object for one pod, an array for several.",
	.examples = "%p podID\n%p --format '{{.State}}' mypod",
	.max_args = -1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_POD,
	.opts_size = sizeof(struct inspect_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};
