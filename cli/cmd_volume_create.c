#include <stdio.h>

#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/volume/volume.h"

struct create_opts {
	const char *driver;
	struct pm_strv label, opt;
	bool ignore;
};

static const struct pm_opt create_table[] = {
	{"driver", 'd', PM_STRING(struct create_opts, driver), "Specify volume driver name: local or image",
	 .def = "local", .choices = "local|image"},
	{"ignore", 0, PM_BOOL(struct create_opts, ignore), "Do not fail when the volume exists already"},
	{"label", 'l', PM_STRINGS(struct create_opts, label), "Set metadata for a volume",
	 .arg = "key=value"},
	{"opt", 'o', PM_STRINGS(struct create_opts, opt), "Set driver specific options",
	 .choices = "type=|device=|o=|copy|nocopy|image="},
	{0},
};

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct create_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_free_ char *name = NULL;
	struct pm_volume_create_options co = {
		.name = cli->n_args ? cli->args[0] : NULL,
		.driver = o->driver,
		.labels = &o->label,
		.options = &o->opt,
		.ignore = o->ignore,
	};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = pm_volume_create(&e, &co, &name, err);
	if (r < 0)
		return r;
	puts(name);
	return 0;
}

const struct pm_command pm_cmd_volume_create = {
	.path = "volume create",
	.summary = "Create a new volume",
	.synopsis = "[options] [NAME]",
	.text = "Creates an empty volume and prepares it to be used by containers. Without a name a random "
		"one is made.\n\n"
		"Driver local takes the options type, device and o, as mount(8) does: a volume with them is "
		"mounted where it is used, and goes with the last container that uses it. o also takes uid= "
		"and gid= (of the volume's directory) and size= (of a tmpfs). An unprivileged user can mount "
		"tmpfs, overlay, and directories (o=bind).\n"
		"Driver image makes the volume of an image, given by image=; what is changed in it is kept "
		"in the volume.",
	.examples = "%p myvol\n%p --label foo=bar myvol\n"
		    "%p --opt type=tmpfs --opt device=tmpfs --opt o=nodev,noexec,size=10m myvol\n"
		    "%p --opt o=bind --opt device=/srv/data data\n"
		    "%p --driver image --opt image=fedora:latest fedoraVol",
	.max_args = 1,
	.flags = PM_CMD_STORE,
	.opts_size = sizeof(struct create_opts),
	.tables = {{create_table, 0}, {0}},
	.run = create_run,
};
