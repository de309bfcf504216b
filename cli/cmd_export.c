#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/export.h"
#include "engine/events/events.h"

struct export_opts {
	const char *output;
};

static const struct pm_opt export_table[] = {
	{"output", 'o', PM_STRING(struct export_opts, output),
	 "Write to a specified file (default: stdout, which must be redirected)",
	 .complete = PM_COMPLETE_FILE},
	{0},
};

/* To a name beside path, which is renamed when all is there: nobody sees half an archive. */
static int export_to(struct pm_engine *e, struct pm_container *c, const char *path,
		     struct pm_err *err)
{
	struct stat st;
	char random[17];
	bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	pm_random_hex(8, random);
	_cleanup_free_ char *part = special ? pm_strdup(path) : pm_asprintf("%s.%s", path, random);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, part,
					    O_WRONLY | (special ? 0 : O_CREAT | O_EXCL), 0666, err);
	if (fd < 0)
		return fd;
	int r = pm_container_export(e, c, fd, err);
	if (!special && r >= 0 && rename(part, path) < 0)
		r = pm_fail_sys(err, "rename '%s' to '%s'", part, path);
	if (!special && r < 0)
		unlink(part);
	return r;
}

static int export_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct export_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	if (o->output && strchr(o->output, ':'))
		return pm_fail(err, PM_E_USAGE, "invalid filename (should not contain ':') \"%s\"",
			       o->output);
	if (!o->output && isatty(1))
		return pm_fail(err, PM_E_USAGE,
			       "refusing to export to terminal. Use -o flag or redirect");
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	if (r >= 0)
		r = o->output ? export_to(&e, &c, o->output, err)
			      : pm_container_export(&e, &c, STDOUT_FILENO, err);
	if (r >= 0)
		pm_event_container(&e, &c, "export");
	return r < 0 ? r : 0;
}

const struct pm_command pm_cmd_export = {
	.path = "export|container export",
	.summary = "Export container's filesystem contents as a tar archive",
	.synopsis = "[options] CONTAINER",
	.text = "Exports the filesystem of a container and saves it as a tarball on the local machine. It "
		"may run meanwhile; its volumes are not part of it.",
	.examples = "%p ctrID > myCtr.tar\n%p --output=\"myCtr.tar\" ctrID",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct export_opts),
	.tables = {{export_table, 0}, {0}},
	.run = export_run,
};
