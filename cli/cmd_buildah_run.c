#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "cli/build_options.h"
#include "cli/buildah_common.h"
#include "cli/commands.h"
#include "cli/ctr_options_rows.h"

struct run_opts {
	bool add_history, terminal;
	const char *contextdir, *isolation, *runtime, *user, *workingdir;
	struct pm_strv env, mount, runtime_flag;
	struct pm_ctr_opts ctr; /* of the container of this run */
};

#define R struct run_opts
#define C struct pm_ctr_opts

static const struct pm_opt run_table[] = {
	{"add-history", 0, PM_BOOL(R, add_history),
	 "Add an entry for this operation to the image's history. BUILDAH_HISTORY=true does the "
	 "same"},
	{"contextdir", 0, PM_STRING(R, contextdir), "Directory that sources of bind mounts are in", .complete = PM_COMPLETE_DIR},
	{"env", 'e', PM_STRINGS(R, env), "Set an environment variable for this command", .complete = PM_COMPLETE_ENV},
	{"isolation", 0, PM_STRING(R, isolation), "How the command is isolated: oci", .choices = "oci|rootless"},
	{"mount", 0, PM_STRINGS(R, mount), "Attach a filesystem mount to the container"},
	{"no-pivot", 0, PM_REFUSED, "the runtime pivots always"},
	{"runtime", 0, PM_STRING(R, runtime), "OCI runtime: a name or a path"},
	{"runtime-flag", 0, PM_STRINGS(R, runtime_flag), "Add a global flag of the runtime"},
	{"terminal", 't', PM_BOOL(R, terminal), "Allocate a pseudo-TTY in the container"},
	{"tty", 0, PM_BOOL(R, terminal), "The same", .hidden = true},
	{"user", 0, PM_STRING(R, user), "Run the command as USER[:GROUP]"},
	{"workingdir", 0, PM_STRING(R, workingdir), "Run the command in this directory"},
	{0},
};

/* What holds for this run instead of what was said to "buildah from". */
static const struct pm_opt run_ctr_table[] = {
	PM_ROW_CAP_ADD,
	PM_ROW_CAP_DROP,
	PM_ROW_CGROUPNS,
	{"hostname", 0, PM_STRING(C, hostname), "Host name in the container"},
	PM_ROW_IPC,
	{"network", 0, PM_STRINGS(C, network), "Network of the command: none, host, private, slirp4netns[:OPTIONS], pasta[:OPTIONS], ns:PATH, or NAME of a network", .complete = PM_COMPLETE_NETWORK},
	PM_ROW_NO_HOSTS,
	PM_ROW_PID,
	PM_ROW_UTS,
	{"volume", 'v', PM_STRINGS(C, volume), "Bind mount a host location into the container while running the command", .complete = PM_COMPLETE_MOUNT},
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

/* --contextdir is the root of the sources of bind mounts: they are found inside of it, whatever symlinks there say. */
static int mounts(const struct run_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_free_ char *here = pm_path_absolute(".");
	const size_t n = strlen(here), first = c->n_mounts;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < o->mount.n; i++)
		r = pm_ctr_parse_mount(o->mount.v[i], c, err);
	for (size_t i = first; r >= 0 && o->contextdir && i < c->n_mounts; i++) {
		struct pm_ctr_mount *m = &c->mounts[i];
		if (strcmp(m->type, "bind") != 0 || !m->source)
			continue;
		/* a relative one was taken as of the working directory */
		bool relative = strncmp(m->source, here, n) == 0 && (m->source[n] == '/' || !m->source[n]);
		m->subpath = pm_strdup(!relative ? m->source : m->source[n] ? m->source + n : "/");
		free(m->source);
		m->source = pm_path_absolute(o->contextdir);
	}
	return r;
}

struct change {
	const struct pm_cli *cli;
	struct pm_ctr_config *c; /* what the options say */
};

static void replace(char **field, const char *value)
{
	free(*field);
	*field = pm_strdup_null(value);
}

static void replace_list(struct pm_strv *field, const struct pm_strv *value)
{
	pm_strv_free(field);
	pm_strv_add_all(field, value->v);
}

static void adjust(void *arg, struct pm_ctr_config *k)
{
	const struct change *x = arg;
	const struct {
		const char *option;
		char **field, *value;
	} strings[] = {{"cgroupns", &k->cgroupns, x->c->cgroupns},
		       {"hostname", &k->hostname, x->c->hostname},
		       {"ipc", &k->ipcns, x->c->ipcns},
		       {"network", &k->network, x->c->network},
		       {"pid", &k->pidns, x->c->pidns},
		       {"uts", &k->utsns, x->c->utsns}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(strings); i++)
		if (pm_cli_given(x->cli, strings[i].option))
			replace(strings[i].field, strings[i].value);
	if (pm_cli_given(x->cli, "network")) {
		replace_list(&k->networks, &x->c->networks);
		replace_list(&k->network_options, &x->c->network_options);
		replace_list(&k->egress, &x->c->egress);
	}
	if (pm_cli_given(x->cli, "no-hosts"))
		k->no_hosts = x->c->no_hosts;
	pm_strv_add_all(&k->cap_add, x->c->cap_add.v);
	pm_strv_add_all(&k->cap_drop, x->c->cap_drop.v);
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
	struct change change = {cli, &c};
	int code = 0;
	pm_strv_add_all(&argv,
			cli->args + 1 + (cli->n_args > 1 && strcmp(cli->args[1], "--") == 0));
	if (!argv.n)
		return pm_fail(err, PM_E_USAGE, "command must be specified");
	pm_ctr_config_init(&c);
	int r = pm_build_check_isolation(o->isolation, err);
	if (r >= 0)
		r = pm_buildah_load(cli, cli->args[0], &e, &w, err);
	e.runtime = o->runtime ? o->runtime : e.runtime;
	e.runtime_flags = o->runtime_flag.n ? &o->runtime_flag : e.runtime_flags;
	if (r >= 0)
		r = pm_build_containers(cli, &e, &o->ctr, NULL, &c, err);
	if (r >= 0)
		r = mounts(o, &c, err);
	if (r >= 0)
		r = make_env(&w, o, &env, err);
	if (r >= 0) {
		const struct pm_json *config = pm_worker_config(&w);
		run.user = o->user ? o->user : pm_json_get_str(config, "User");
		run.workdir = o->workingdir ? o->workingdir : pm_json_get_str(config, "WorkingDir");
		run.mounts = c.mounts;
		run.n_mounts = c.n_mounts;
		run.adjust = adjust;
		run.adjust_arg = &change;
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
	.tables = {{run_table, 0}, {run_ctr_table, offsetof(struct run_opts, ctr)}, {0}},
	.run = run_run,
};
