#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "cli/ctr_options.h"
#include "engine/container/exec.h"

struct exec_opts {
	bool detach, interactive, latest, no_session, privileged, tty;
	const char *cidfile, *detach_keys, *user, *workdir;
	struct pm_strv env, env_file, preserve_fd;
	uint64_t preserve_fds;
};

static const struct pm_opt exec_table[] = {
	{"cidfile", 0, PM_STRING(struct exec_opts, cidfile), "Read the container's ID from a file",
	 .complete = PM_COMPLETE_FILE},
	{"detach", 'd', PM_BOOL(struct exec_opts, detach), "Run the process in the background"},
	{"detach-keys", 0, PM_STRING(struct exec_opts, detach_keys),
	 "Keys that detach from the process: [a-Z] or ctrl-<value>, separated by commas"},
	{"env", 'e', PM_STRINGS(struct exec_opts, env), "Set environment variables",
	 .complete = PM_COMPLETE_ENV},
	{"env-file", 0, PM_LIST(struct exec_opts, env_file), "Read in a file of environment variables",
	 .complete = PM_COMPLETE_FILE},
	{"interactive", 'i', PM_BOOL(struct exec_opts, interactive),
	 "Keep STDIN open even if not attached"},
	{"latest", 'l', PM_BOOL(struct exec_opts, latest), "Act on the container created last"},
	{"no-session", 0, PM_BOOL(struct exec_opts, no_session),
	 "Keep no record of the session, as is always so"},
	{"preserve-fd", 0, PM_LIST(struct exec_opts, preserve_fd),
	 "Pass these file descriptors to the process, by number; those between are /dev/null", .arg = "FD"},
	{"preserve-fds", 0, PM_UINT(struct exec_opts, preserve_fds),
	 "Pass this number of additional file descriptors to the process, from 3 on"},
	{"privileged", 0, PM_BOOL(struct exec_opts, privileged),
	 "Give the process all capabilities of the container's user namespace"},
	{"tty", 't', PM_BOOL(struct exec_opts, tty), "Allocate a pseudo-TTY"},
	{"user", 'u', PM_STRING(struct exec_opts, user),
	 "Username or UID (format: <name|uid>[:<group|gid>])", .complete = PM_COMPLETE_USER},
	{"workdir", 'w', PM_STRING(struct exec_opts, workdir),
	 "Working directory inside the container", .complete = PM_COMPLETE_DIR},
	{0},
};

static int exec_start(struct pm_cli *cli, struct pm_engine *e, struct exec_opts *o,
		      struct pm_err *err)
{
	_cleanup_container_ struct pm_container c;
	_cleanup_monitor_ struct pm_monitor m = PM_MONITOR_INIT;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	struct pm_exec_options x = {.user = o->user,	       .workdir = o->workdir,
				    .tty = o->tty,	       .interactive = o->interactive,
				    .detach = o->detach,       .privileged = o->privileged,
				    .detach_keys = o->detach_keys};
	_cleanup_strv_ struct pm_strv only = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf file = PM_BUF_INIT;
	const bool named = !o->latest && !o->cidfile; /* by the first argument */
	char latest[65], session[65];
	int r = pm_ctr_parse_fds(o->preserve_fds, &o->preserve_fd, &x.preserve_fds, &only, err);

	pm_container_init(&c);
	if (r >= 0 && o->cidfile)
		r = pm_fs_read_file(AT_FDCWD, o->cidfile, 4096, &file, err);
	else if (r >= 0 && o->latest)
		r = pm_container_latest(e, latest, err);
	if (file.len)
		pm_buf_cut(&file, strcspn(file.data, " \t\r\n"));
	if (r >= 0)
		r = pm_container_load(e, named ? cli->args[0] : o->latest ? latest : pm_buf_str(&file), &c,
				      err);
	if (r >= 0)
		r = pm_ctr_parse_env(&o->env, &o->env_file, &env, err);
	if (r < 0)
		return r;
	x.env = env;
	x.preserve_fd = only;
	x.argv = (struct pm_strv){.v = cli->args + named, .n = (size_t)(cli->n_args - named)};

	r = pm_exec_start(e, &c, &x, &m, session, err);
	if (r == -PM_E_STATE || r == -PM_E_USAGE)
		pm_cli_set_exit(cli, 255);
	if (r < 0)
		return r;
	if (o->detach) {
		printf("%s\n", session);
		return 0;
	}
	bool detached = false;
	r = pm_ctr_foreground(e, &c, &m, o->tty, o->interactive, o->detach_keys, false, &detached,
			      err);
	if (!detached) {
		int code;
		pm_monitor_wait_exit(&m, &code, NULL, NULL);
		pm_monitor_wait_gone(&m);
	}
	return r;
}

static int exec_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	struct exec_opts *o = opts;
	_cleanup_engine_ struct pm_engine e = {0};
	if (o->latest && o->cidfile)
		return pm_fail(err, PM_E_USAGE, "--latest and --cidfile cannot be set together");
	if (cli->n_args == 1 && !o->latest && !o->cidfile)
		pm_cli_set_exit(cli, 255);
	if (cli->n_args < (o->latest || o->cidfile ? 1 : 2))
		return pm_fail(err, PM_E_USAGE, cli->n_args || o->latest || o->cidfile
			? "you must provide a command to execute"
			: "exec requires the name or ID of a container or the --latest flag");
	int r = pm_cli_engine(cli, &e, err);
	return r < 0 ? r : exec_start(cli, &e, o, err);
}

const struct pm_command pm_cmd_exec = {
	.path = "exec|container exec",
	.summary = "Run a process in a running container",
	.synopsis = "[options] CONTAINER [COMMAND [ARG...]]",
	.text = "Execute the specified command inside a running container.",
	.examples = "%p -it ctrID ls\n%p -it -w /tmp myCtr pwd\n%p --user root ctrID ls",
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.complete = PM_COMPLETE_RUNNING,
	.complete_next = PM_COMPLETE_FILE,
	.opts_size = sizeof(struct exec_opts),
	.tables = {{exec_table, 0}, {0}},
	.run = exec_run,
};
