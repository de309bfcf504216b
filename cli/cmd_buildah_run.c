#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/ctr_options.h"

struct run_opts {
	bool add_history, terminal;
	const char *network, *user, *workingdir;
	struct pm_strv env, mount, volume;
};

static const struct pm_opt run_table[] = {
	{"add-history", 0, PM_BOOL(struct run_opts, add_history),
	 "Add an entry for this operation to the image's history. BUILDAH_HISTORY=true does the "
	 "same"},
	{"env", 'e', PM_STRINGS(struct run_opts, env),
	 "Set an environment variable for this command", .complete = PM_COMPLETE_ENV},
	{"hostname", 0, PM_REFUSED, "set it by \"buildah config --hostname\" for the image"},
	{"isolation", 0, PM_REFUSED, "commands run in containers by the OCI runtime always"},
	{"mount", 0, PM_STRINGS(struct run_opts, mount),
	 "Attach a filesystem mount to the container"},
	{"network", 0, PM_STRING(struct run_opts, network),
	 "Network of the command: none, host, or a private one", .choices = "none|host|private"},
	{"no-pivot", 0, PM_REFUSED, "the runtime pivots always"},
	{"terminal", 't', PM_BOOL(struct run_opts, terminal),
	 "Allocate a pseudo-TTY in the container"},
	{"tty", 0, PM_BOOL(struct run_opts, terminal), "The same", .hidden = true},
	{"user", 0, PM_STRING(struct run_opts, user), "Run the command as USER[:GROUP]"},
	{"volume", 'v', PM_STRINGS(struct run_opts, volume),
	 "Bind mount a host location into the container while running the command",
	 .complete = PM_COMPLETE_MOUNT},
	{"workingdir", 0, PM_STRING(struct run_opts, workingdir),
	 "Run the command in this directory"},
	{0},
};

/* What the image says, then --env; a name alone has this process's value. */
static int make_env(struct pm_worker *w, const struct run_opts *o, struct pm_strv *ret,
		    struct pm_err *err)
{
	static const char path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct pm_json *env = pm_json_get(pm_worker_config(w), "Env");
	int r = env ? pm_json_to_strv(env, ret, err) : 0;
	if (r >= 0 && !pm_env_get(ret, "PATH"))
		pm_env_set(ret, "PATH", path);
	for (size_t i = 0; r >= 0 && i < o->env.n; i++) {
		_cleanup_free_ char *name = pm_strndup(o->env.v[i], strcspn(o->env.v[i], "="));
		const char *value =
			o->env.v[i][strlen(name)] ? o->env.v[i] + strlen(name) + 1 : getenv(name);
		if (!*name)
			return pm_fail(err, PM_E_USAGE, "--env %s: the variable has no name",
				       o->env.v[i]);
		if (value)
			pm_env_set(ret, name, value);
	}
	return r;
}

static int network(const char *word, const char **ret, struct pm_err *err)
{
	static const char *const known[] = {"none", "host", "private", NULL};
	if (word && !pm_str_in(word, known))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "--network %s: it must be none, host or private", word);
	*ret = pm_streq(word, "private") ? NULL : word;
	return 0;
}

static int mounts(const struct run_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < o->volume.n; i++)
		r = pm_ctr_parse_volume(o->volume.v[i], c, err);
	for (size_t i = 0; r >= 0 && i < o->mount.n; i++)
		r = pm_ctr_parse_mount(o->mount.v[i], c, err);
	return r;
}

static void note_history(struct pm_worker *w, const struct pm_strv *argv)
{
	_cleanup_free_ char *words = pm_strv_join(argv, " "),
			    *line = pm_asprintf("/bin/sh -c %s", words);
	pm_worker_history(w, line, pm_time_now());
}

static int run_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	const struct run_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_worker_ struct pm_worker w = PM_WORKER_INIT;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT, argv = PM_STRV_INIT;
	struct pm_ctr_config c;
	struct pm_worker_run run = {.argv = &argv, .env = &env, .with_stdin = true};
	int code = 0;
	pm_strv_add_all(&argv,
			cli->args + 1 + (cli->n_args > 1 && strcmp(cli->args[1], "--") == 0));
	if (!argv.n)
		return pm_fail(err, PM_E_USAGE, "command must be specified");
	pm_ctr_config_init(&c);
	int r = network(o->network, &run.network, err);
	if (r >= 0)
		r = mounts(o, &c, err);
	if (r >= 0)
		r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	if (r >= 0)
		r = make_env(&w, o, &env, err);
	if (r >= 0) {
		const struct pm_json *config = pm_worker_config(&w);
		run.user = o->user ? o->user : pm_json_get_str(config, "User");
		run.workdir = o->workingdir ? o->workingdir : pm_json_get_str(config, "WorkingDir");
		run.mounts = c.mounts;
		run.n_mounts = c.n_mounts;
		run.terminal = pm_cli_given(cli, "terminal") || pm_cli_given(cli, "tty")
				       ? o->terminal
				       : isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
		r = pm_worker_run(&w, &run, &code, err);
	}
	if (r >= 0 && code == 0 && pm_buildah_history(cli, o->add_history)) {
		note_history(&w, &argv);
		r = pm_worker_save(&w, err);
	}
	pm_ctr_config_free(&c);
	return r < 0 ? r : code;
}

const struct pm_command pm_cmd_buildah_run = {
	.path = "buildah run",
	.summary = "Run a command inside of a working container",
	.synopsis = "[options] CONTAINER [--] COMMAND [ARG...]",
	.text = "Runs the command in the working container, with the environment, user and working "
		"directory of the image to "
		"be, and exits as it does.",
	.examples = "%p alpine-working-container -- apk add curl\n%p --user 1000 "
		    "alpine-working-container id",
	.min_args = 1,
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_CONTAINER,
	.opts_size = sizeof(struct run_opts),
	.tables = {{run_table, 0}, {0}},
	.run = run_run,
};
