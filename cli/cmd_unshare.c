#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "netns/userns.h"

struct unshare_opts {
	bool unused;
};

static const struct pm_opt unshare_table[] = {
	{"rootless-netns", 0, PM_REFUSED,
	 "there is no network namespace that all rootless containers share: each network has its own",
	 .no_value = "true"},
	{0},
};

static void set_id(const char *name, unsigned int id)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", id);
	setenv(name, text, 1);
}

/* What tells programs, pm among them, where they are; Podman's names for scripts that ask for them. */
static void set_environment(const struct pm_store *store, uid_t uid, gid_t gid)
{
	setenv("_PM_USERNS", "1", 1);
	setenv("_CONTAINERS_USERNS_CONFIGURED", "done", 1);
	set_id("_CONTAINERS_ROOTLESS_UID", uid);
	set_id("_CONTAINERS_ROOTLESS_GID", gid);
	setenv("CONTAINERS_GRAPHROOT", store->root, 1);
	setenv("CONTAINERS_RUNROOT", store->runroot, 1);
}

static int enter(struct pm_engine *e, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_close_ int userns = -1;
	int r = pm_userns_default_map(&map, err);
	if (r < 0)
		return r;
	pm_engine_tell_single_id(e->store, &map);
	r = pm_userns_get(e->store->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_userns_enter(userns, err);
	if (r < 0)
		return r;
	/* mounts made here are nobody else's; those of the host still arrive */
	if (unshare(CLONE_NEWNS) < 0)
		return pm_fail_sys(err, "make a mount namespace");
	return 0;
}

static int unshare_run(struct pm_cli *cli, void *opts, struct pm_err *err)
{
	_cleanup_engine_ struct pm_engine e = {0};
	_cleanup_free_ char *program = NULL;
	const char *shell = getenv("SHELL");
	char *const login[] = {(char *)(shell && *shell ? shell : "/bin/sh"), NULL};
	char *const *argv = cli->n_args ? cli->args : login;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	(void)opts;
	if (!pm_userns_needed())
		return pm_fail(err, PM_E_STATE, "please use unshare with rootless: this is root already");
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	r = pm_proc_find(argv[0], getenv("PATH"), &program, err);
	if (r < 0)
		return pm_fail(err, r == -EACCES ? PM_E_NOTEXEC : PM_E_NOTFOUND,
			       "exec: \"%s\": executable file not found in $PATH", argv[0]);
	r = enter(&e, err);
	if (r < 0)
		return r;
	set_environment(e.store, uid, gid);
	pm_cli_close_store(cli);
	fflush(NULL);
	execv(program, argv);
	return pm_fail(err, PM_E_NOTEXEC, "execute %s: %s", program, strerror(errno));
}

const struct pm_command pm_cmd_unshare = {
	.path = "unshare",
	.summary = "Run a command in a modified user namespace",
	.synopsis = "[COMMAND [ARG...]]",
	.text = "Runs a command, or a shell, as the root of the user namespace that containers have: files of "
		"images and containers can be read and changed there. It gets a mount namespace of its own, "
		"and CONTAINERS_GRAPHROOT and CONTAINERS_RUNROOT say where the store is.",
	.examples = "%p id\n%p cat /proc/self/uid_map\n%p pm-script.sh",
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.opts_size = sizeof(struct unshare_opts),
	.tables = {{unshare_table, 0}, {0}},
	.run = unshare_run,
};
