#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/format.h"
#include "cli/version.h"

struct version_opts {
	const char *format;
};

static const struct pm_opt version_table[] = {
	{"format", 'f', PM_STRING(struct version_opts, format),
	 "Change the output format to JSON or a Go template", .complete = PM_COMPLETE_FORMAT,
	 .choices = ".Client.|.Client.APIVersion|.Client.Built|.Client.BuiltTime|.Client.GitCommit|"
		    ".Client.Os|.Client.OsArch|.Client.Version"},
	{0},
};

const char *pm_host_arch(void)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"},   {"aarch64", "arm64"},   {"i686", "386"},
		{"i386", "386"},       {"armv7l", "arm"},      {"armv6l", "arm"},
		{"ppc64le", "ppc64le"}, {"s390x", "s390x"},    {"riscv64", "riscv64"},
		{"loongarch64", "loong64"},
	};
	static struct utsname u;
	if (uname(&u) < 0)
		return "unknown";
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		if (strcmp(u.machine, names[i][0]) == 0)
			return names[i][1];
	}
	return u.machine;
}

struct pm_json *pm_version_tree(struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_object(pool);
	_cleanup_free_ char *os_arch = pm_asprintf("linux/%s", pm_host_arch());
	pm_json_set_str(pool, v, "APIVersion", PM_VERSION);
	pm_json_set_str(pool, v, "Version", PM_VERSION);
	pm_json_set_str(pool, v, "GoVersion", ""); /* there for scripts that print all fields */
	pm_json_set_str(pool, v, "Compiler", "gcc " __VERSION__);
	pm_json_set_str(pool, v, "GitCommit", "");
	pm_json_set_str(pool, v, "BuiltTime", "Thu Jan  1 00:00:00 1970");
	pm_json_set_int(pool, v, "Built", 0); /* builds are reproducible: no time is kept */
	pm_json_set_str(pool, v, "OsArch", os_arch);
	pm_json_set_str(pool, v, "Os", "linux");
	return v;
}

/* As Podman: fields of Client and Server, or, when the template has none of these, of the client itself. */
static int version_format(const char *format, struct pm_json_pool *pool, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	struct pm_json *client = pm_version_tree(pool), *both = pm_json_object(pool);
	struct pm_format f = {
		.name = "version",
		.format = format,
		.terminal = isatty(1),
		.opts = {.type = "*define.Version"},
	};
	pm_json_set(pool, both, "Client", client);
	if (pm_format_is_json(format)) {
		pm_json_write(both, 0, &out);
		puts(pm_buf_str(&out));
		return 0;
	}
	if (strstr(format, ".Server"))
		pm_json_set(pool, both, "Server", client);
	int r = pm_format_one(&f, both, &out, err);
	if (r < 0) {
		pm_buf_cut(&out, 0);
		r = pm_format_one(&f, client, &out, err);
	}
	if (r >= 0)
		fputs(pm_buf_str(&out), stdout);
	return r;
}

static int version_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct version_opts *o = opts;
	(void)cli;
	if (o->format && *o->format) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		return version_format(o->format, pool, err);
	}
	printf("Client:       pm\n"
	       "Version:      " PM_VERSION "\n"
	       "API Version:  " PM_VERSION "\n"
	       "Compiler:     gcc " __VERSION__ "\n"
	       "OS/Arch:      linux/%s\n",
	       pm_host_arch());
	return 0;
}

const struct pm_command pm_cmd_version = {
	.path = "version",
	.summary = "Display the pm version information",
	.synopsis = "[options]",
	.text = "Display the version of pm. Podman's client, server and API versions are all this one.",
	.examples = "%p\n%p --format '{{.Client.Version}}'",
	.opts_size = sizeof(struct version_opts),
	.tables = {{version_table, 0}, {0}},
	.run = version_run,
};
