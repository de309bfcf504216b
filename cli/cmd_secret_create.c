#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "engine/secret/secret.h"

struct create_opts {
	const char *driver;
	struct pm_strv driver_opts, label;
	bool env, replace;
};

static const struct pm_opt create_table[] = {
	{"driver", 'd', PM_STRING(struct create_opts, driver), "Specify secret driver: file, pass or shell",
	 .def = "file", .choices = "file|pass|shell"},
	{"driver-opts", 0, PM_LIST(struct create_opts, driver_opts), "Specify driver specific options",
	 .arg = "key=value"},
	{"env", 0, PM_BOOL(struct create_opts, env), "Read secret data from environment variable"},
	{"label", 'l', PM_STRINGS(struct create_opts, label), "Specify labels on the secret",
	 .arg = "key=value"},
	{"replace", 0, PM_BOOL(struct create_opts, replace),
	 "If a secret with the same name exists, replace it"},
	{0},
};

static int read_data(const char *from, bool env, struct pm_buf *out, struct pm_err *err)
{
	if (env) {
		const char *value = getenv(from);
		if (!value)
			return pm_fail(err, PM_E_NOSUCH, "cannot create store secret data: environment "
							 "variable %s is not set", from);
		pm_buf_add_str(out, value);
		return 0;
	}
	_cleanup_close_ int file = -1;
	bool given = strcmp(from, "-") == 0;
	if (given && isatty(STDIN_FILENO))
		return pm_fail(err, PM_E_USAGE, "if `-` is used, data must be passed into stdin");
	if (!given) {
		file = pm_fs_open(AT_FDCWD, from, O_RDONLY, 0, err);
		if (file < 0)
			return file;
	}
	int r = pm_fs_read_fd(given ? STDIN_FILENO : file, PM_SECRET_MAX, out, err);
	if (r == -EFBIG)
		return pm_fail(err, PM_E_USAGE,
			       "secret data must be larger than 0 and less than 512000 bytes");
	return r;
}

static int create_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct create_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_secret_ struct pm_buf data = PM_BUF_INIT;
	char id[PM_SECRET_ID_LEN + 1];
	struct pm_secret_create_options co = {
		.name = cli->args[0],
		.driver = o->driver,
		.labels = &o->label,
		.driver_options = &o->driver_opts,
		.replace = o->replace,
	};
	int r = pm_cli_engine(cli, &e, err);
	if (r >= 0)
		r = read_data(cli->args[1], o->env, &data, err);
	if (r >= 0)
		r = pm_secret_create(&e, &co, &data, id, err);
	if (r < 0)
		return r;
	puts(id);
	return 0;
}

const struct pm_command pm_cmd_secret_create = {
	.path = "secret create",
	.summary = "Create a new secret",
	.synopsis = "[options] NAME FILE|-",
	.text = "Creates a secret of the content of a file, of standard input (-), or with --env of an environment "
		"variable. A secret is data that a container needs and that should not be in an image: up to 500 "
		"kB.\n\n"
		"Driver file keeps it in a file that only the user can read; its option path names another "
		"directory. Driver pass encrypts it with gpg: options root (the password store), key and "
		"gpghomedir. Driver shell runs commands of yours: options list, lookup, store and delete, with "
		"SECRET_ID in the environment and the data on standard input or output.",
	.examples = "%p mysecret /path/to/secret\nprintf \"secretdata\" | %p mysecret -\n"
		    "%p --env mysecret PASSWORD",
	.min_args = 2,
	.max_args = 2,
	.flags = PM_CMD_STORE,
	.complete = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct create_opts),
	.tables = {{create_table, 0}, {0}},
	.run = create_run,
};
