#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "cli/commands.h"
#include "cli/ctr_common.h"
#include "netns/netd_client.h"
#include "netns/userns.h"

struct unshare_opts {
	bool rootless_netns;
};

static const struct pm_opt unshare_table[] = {
	{"rootless-netns", 0, PM_BOOL(struct unshare_opts, rootless_netns),
	 "Join the network namespace that the bridge networks are in"},
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

/* Where the bridges are, or will be: pm-netd holds it as long as the command that is executed has the connection. */
static int find_netns(struct pm_engine *e, int *ret_userns, int *ret_netns, struct pm_err *err)
{
	const int runroot = e->store->runroot_fd;
	_cleanup_close_ int userns = -1;
	int sock = -1;
	int r = pm_userns_get(runroot, &userns, err);
	if (r >= 0)
		r = pm_netd_connect(runroot, userns, &sock, err);
	if (r >= 0)
		r = pm_netd_namespaces(runroot, ret_userns, ret_netns, err);
	if (r < 0)
		return pm_wrap(err, "the namespace of the bridge networks");
	if (fcntl(sock, F_SETFD, 0) < 0)
		return pm_fail_sys(err, "keep the connection to pm-netd");
	return 0;
}

static int enter(struct pm_engine *e, bool with_netns, struct pm_err *err)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	_cleanup_close_ int userns = -1, netns = -1;
	int r = pm_userns_default_map(&map, err);
	if (r < 0)
		return r;
	pm_engine_tell_single_id(e->store, &map);
	r = with_netns ? find_netns(e, &userns, &netns, err)
		       : pm_userns_get(e->store->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_userns_enter(userns, err);
	if (r < 0)
		return r;
	if (with_netns && setns(netns, CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "enter the network namespace of the bridges");
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
	const struct unshare_opts *o = opts;
	if (!pm_userns_needed())
		return pm_fail(err, PM_E_STATE, "please use unshare with rootless: this is root already");
	int r = pm_cli_engine(cli, &e, err);
	if (r < 0)
		return r;
	r = pm_proc_find(argv[0], getenv("PATH"), &program, err);
	if (r < 0)
		return pm_fail(err, r == -EACCES ? PM_E_NOTEXEC : PM_E_NOTFOUND,
			       "exec: \"%s\": executable file not found in $PATH", argv[0]);
	r = enter(&e, o->rootless_netns, err);
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
	.synopsis = "[options] [COMMAND [ARG...]]",
	.text = "Runs a command, or a shell, as the root of the user namespace that containers have: files of "
		"images and containers can be read and changed there. It gets a mount namespace of its own, "
		"and CONTAINERS_GRAPHROOT and CONTAINERS_RUNROOT say where the store is.\n\n"
		"With --rootless-netns it is in the network namespace of the bridge networks, and reaches "
		"containers by their addresses there.",
	.examples = "%p id\n%p cat /proc/self/uid_map\n%p pm-script.sh",
	.max_args = -1,
	.flags = PM_CMD_STORE | PM_CMD_POSITIONAL,
	.opts_size = sizeof(struct unshare_opts),
	.tables = {{unshare_table, 0}, {0}},
	.run = unshare_run,
};
