#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/container/specgen.h"

struct spec_opts {
	bool compact, name;
	const char *filename;
};

static const struct pm_opt spec_table[] = {
	{"compact", 'c', PM_BOOL(struct spec_opts, compact),
	 "Print the json in a compact format for consumption"},
	{"filename", 'f', PM_STRING(struct spec_opts, filename),
	 "Write output to the specified path", .complete = PM_COMPLETE_FILE},
	{"name", 'n', PM_BOOL(struct spec_opts, name), "Specify a new name for the generated spec",
	 .def = "true"},
	{0},
};

static int spec_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct spec_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_container_ struct pm_container c;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;

	pm_container_init(&c);
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_container_load(&e, cli->args[0], &c, err);
	if (r < 0)
		return pm_wrap(err, "could not find the container");
	_cleanup_free_ char *name = pm_asprintf("%s-clone", c.row.name);
	pm_json_write(pm_specgen(&c, o->name ? name : c.row.name, pool), o->compact ? 0 : 1, &out);
	pm_buf_add_char(&out, '\n');
	if (!o->filename) {
		fwrite(out.data, 1, out.len, stdout);
		return 0;
	}
	r = pm_fs_write_file(AT_FDCWD, o->filename, out.data, out.len, 0644, false, err);
	if (r >= 0)
		printf("%s\n", o->filename);
	return r;
}

const struct pm_command pm_cmd_generate_spec = {
	.path = "generate spec",
	.summary = "Generate Specgen JSON based on containers",
	.synopsis = "[options] CONTAINER",
	.text = "Prints the options of a container as the JSON of Podman's specification.",
	.examples = "%p ctrID",
	.min_args = 1,
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct spec_opts),
	.tables = {{spec_table, 0}, {0}},
	.run = spec_run,
};
