#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/format.h"
#include "cli/version.h"
#include "cli/yaml.h"

/* Containers run on this host itself: scripts that ask about virtual machines hear that there is none. */

#define DEFAULT_MACHINE "podman-machine-default"

static int no_machine(const char *name, struct pm_err *err)
{
	return pm_fail(err, PM_E_NOSUCH, "%s: VM does not exist", name);
}

/* --- list -------------------------------------------------------------------------------------------- */

struct list_opts {
	const char *format;
	bool noheading, quiet;
};

static const struct pm_opt list_table[] = {
	{"format", 0, PM_STRING(struct list_opts, format), "Format machine output using JSON or a Go template",
	 .complete = PM_COMPLETE_FORMAT,
	 .choices = ".CPUs|.Created|.Default|.DiskSize|.LastUp|.Memory|.Name|.Running|.VMType"},
	{"noheading", 'n', PM_BOOL(struct list_opts, noheading), "Do not print headers"},
	{"quiet", 'q', PM_BOOL(struct list_opts, quiet), "Show only machine names"},
	{0},
};

static int list_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct list_opts *o = opts;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	static const char *const headings[] = {"LastUp", "LAST UP", "VMType", "VM TYPE", "CPUs", "CPUS",
					       "DiskSize", "DISK SIZE", NULL};
	const struct pm_format f = {
		.name = "list",
		.format = o->quiet ? "{{.Name}}" : o->format,
		.table_default = "table {{.Name}}\t{{.VMType}}\t{{.Created}}\t{{.LastUp}}\t{{.CPUs}}\t{{.Memory}}\t"
				 "{{.DiskSize}}",
		.headings = headings,
		.no_heading = o->noheading,
		.terminal = isatty(1),
		.opts = {.type = "machine.ListReporter"},
	};
	(void)cli;
	int r = pm_format_list(&f, pm_json_array(pool), &out, err);
	fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_machine_list = {
	.path = "machine list,ls",
	.summary = "List machines",
	.synopsis = "[options]",
	.text = "Lists virtual machines: none, since containers run on this host itself.",
	.examples = "%p\n%p --format json",
	.max_args = 0,
	.opts_size = sizeof(struct list_opts),
	.tables = {{list_table, 0}, {0}},
	.run = list_run,
};

/* --- info -------------------------------------------------------------------------------------------- */

struct format_opts {
	const char *format;
};

static const struct pm_opt info_table[] = {
	{"format", 'f', PM_STRING(struct format_opts, format), "Change the output format to JSON or a Go template"},
	{0},
};

static int info_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct format_opts *o = opts;
	static const char *const empty[] = {"CurrentMachine", "DefaultMachine", "EventsDir", "MachineConfigDir",
					    "MachineImageDir", "MachineState"};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *info = pm_json_object(pool);
	struct pm_json *host = pm_json_set(pool, info, "Host", pm_json_object(pool));
	(void)cli;
	pm_json_set_str(pool, host, "Arch", pm_host_arch());
	for (size_t i = 0; i < PM_ARRAY_SIZE(empty); i++)
		pm_json_set_str(pool, host, empty[i], "");
	pm_json_set_int(pool, host, "NumberOfMachines", 0);
	pm_json_set_str(pool, host, "OS", "linux");
	pm_json_set_str(pool, host, "VMType", "");
	pm_json_set(pool, info, "Version", pm_version_tree(pool));
	int r = 0;
	if (!o->format || !*o->format) {
		pm_yaml_write(info, &out);
		pm_buf_add_char(&out, '\n');
	} else {
		const struct pm_format f = {.name = "info",
					    .format = o->format,
					    .terminal = isatty(1),
					    .json_indent = 2,
					    .opts = {.type = "*machine.Info"}};
		r = pm_format_one(&f, info, &out, err);
	}
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

const struct pm_command pm_cmd_machine_info = {
	.path = "machine info",
	.summary = "Display machine host info",
	.synopsis = "[options]",
	.text = "Displays what this host has of virtual machines: none.",
	.examples = "%p\n%p --format '{{.Host.NumberOfMachines}}'",
	.max_args = 0,
	.opts_size = sizeof(struct format_opts),
	.tables = {{info_table, 0}, {0}},
	.run = info_run,
};

/* --- of one machine ---------------------------------------------------------------------------------- */

static int of_one(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	(void)opts;
	return no_machine(cli->n_args ? cli->args[0] : DEFAULT_MACHINE, err);
}

static int inspect_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	puts("[]");
	return of_one(cli, opts, err);
}

static const struct pm_opt inspect_table[] = {
	{"format", 0, PM_STRING(struct format_opts, format), "Format machine output using JSON or a Go template"},
	{0},
};

const struct pm_command pm_cmd_machine_inspect = {
	.path = "machine inspect",
	.summary = "Inspect an existing machine",
	.synopsis = "[options] [MACHINE...]",
	.text = "There is no machine to inspect: this fails.",
	.examples = "%p default",
	.max_args = -1,
	.opts_size = sizeof(struct format_opts),
	.tables = {{inspect_table, 0}, {0}},
	.run = inspect_run,
};

struct rm_opts {
	bool force, save_ignition, save_image, save_keys;
};

static const struct pm_opt rm_table[] = {
	{"force", 'f', PM_BOOL(struct rm_opts, force), "Stop and do not prompt before rming"},
	{"save-ignition", 0, PM_BOOL(struct rm_opts, save_ignition), "Do not delete ignition file"},
	{"save-image", 0, PM_BOOL(struct rm_opts, save_image), "Do not delete the image file"},
	{"save-keys", 0, PM_BOOL(struct rm_opts, save_keys), "Do not delete SSH keys"},
	{0},
};

const struct pm_command pm_cmd_machine_rm = {
	.path = "machine rm",
	.summary = "Remove an existing machine",
	.synopsis = "[options] [MACHINE]",
	.text = "There is no machine to remove: this fails.",
	.examples = "%p default",
	.max_args = 1,
	.opts_size = sizeof(struct rm_opts),
	.tables = {{rm_table, 0}, {0}},
	.run = of_one,
};

struct set_opts {
	uint64_t cpus, disk_size, memory;
	bool rootful;
};

static const struct pm_opt set_table[] = {
	{"cpus", 0, PM_UINT(struct set_opts, cpus), "Number of CPUs"},
	{"disk-size", 0, PM_UINT(struct set_opts, disk_size), "Disk size in GB"},
	{"memory", 'm', PM_UINT(struct set_opts, memory), "Memory in MB"},
	{"rootful", 0, PM_BOOL(struct set_opts, rootful), "Whether this machine should prefer rootful execution"},
	{0},
};

const struct pm_command pm_cmd_machine_set = {
	.path = "machine set",
	.summary = "Set a virtual machine setting",
	.synopsis = "[options] [MACHINE]",
	.text = "There is no machine to change: this fails.",
	.examples = "%p --cpus 4 default",
	.max_args = 1,
	.opts_size = sizeof(struct set_opts),
	.tables = {{set_table, 0}, {0}},
	.run = of_one,
};

struct ssh_opts {
	const char *username;
};

static const struct pm_opt ssh_table[] = {
	{"username", 0, PM_STRING(struct ssh_opts, username), "Username to use when ssh-ing into the VM"},
	{0},
};

const struct pm_command pm_cmd_machine_ssh = {
	.path = "machine ssh",
	.summary = "SSH into an existing machine",
	.synopsis = "[options] [MACHINE] [COMMAND [ARG...]]",
	.text = "There is no machine to enter: this fails.",
	.examples = "%p default",
	.max_args = -1,
	.opts_size = sizeof(struct ssh_opts),
	.tables = {{ssh_table, 0}, {0}},
	.run = of_one,
};

const struct pm_command pm_cmd_machine_start = {
	.path = "machine start",
	.summary = "Start an existing machine",
	.synopsis = "[MACHINE]",
	.text = "There is no machine to start: this fails.",
	.examples = "%p default",
	.max_args = 1,
	.run = of_one,
};

const struct pm_command pm_cmd_machine_stop = {
	.path = "machine stop",
	.summary = "Stop an existing machine",
	.synopsis = "[MACHINE]",
	.text = "There is no machine to stop: this fails.",
	.examples = "%p default",
	.max_args = 1,
	.run = of_one,
};
