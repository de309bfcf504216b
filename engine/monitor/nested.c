#include "engine/monitor/nested.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/wire.h"
#include "engine/monitor/prepare.h"

bool nested_wanted(const struct monitor *m)
{
	return m->plan.userns_uids.n || m->plan.userns_path;
}

static bool has_network(const struct monitor *m)
{
	return m->plan.netns == PM_LAUNCH_NET_SLIRP || m->plan.netns == PM_LAUNCH_NET_BRIDGE ||
	       m->plan.netns == PM_LAUNCH_NET_PASTA ||
	       m->plan.netns == PM_LAUNCH_NET_LO;
}

/* How a step of the child's went: code 0 when well, and then with descriptors. */
static void tell(int socket, const struct pm_err *e, const int *fds, size_t n)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add_int(&w, "code", e->code);
	pm_wire_add(&w, "text", e->text);
	pm_wire_send(socket, &w, fds, n, NULL);
}

static int hear(int socket, int *fds, size_t n, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t code = 0;
	size_t got = n;
	int r = pm_wire_recv(socket, &w, fds, n ? &got : NULL, err);
	if (r <= 0)
		return r < 0 ? r
			     : pm_fail(err, PM_E_INTERNAL,
				       "the process that makes the user namespace died");
	r = pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, err);
	if (r >= 0 && code)
		r = pm_fail(err, (int)code, "%s", pm_wire_get(&w, "text"));
	else if (r >= 0 && n && got != n)
		r = pm_fail(err, PM_E_INTERNAL, "the user namespace did not come");
	return r;
}

static int enter(const struct monitor *m, struct pm_err *err)
{
	if (!m->plan.userns_path) {
		if (unshare(CLONE_NEWUSER) < 0)
			return pm_fail_sys(err, "make the container's user namespace");
		return 0;
	}
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, m->plan.userns_path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWUSER) < 0)
		return pm_fail_sys(err, "enter the user namespace %s", m->plan.userns_path);
	return 0;
}

/* It is not dumpable (it may share the namespace with a container): nobody else can open these. */
static int open_own(int *fds, struct pm_err *err)
{
	static const char *const names[] = {"/proc/self/ns/user", "/proc/self/ns/net"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		fds[i] = pm_fs_open(AT_FDCWD, names[i], O_RDONLY, 0, err);
		if (fds[i] < 0)
			return fds[i];
	}
	return 0;
}

static _Noreturn void child(struct monitor *m, int socket)
{
	struct pm_err e = PM_ERR_INIT;
	char go;
	int fds[2];
	int r = enter(m, &e);
	tell(socket, &e, NULL, 0);
	if (r < 0 || recv(socket, &go, 1, 0) != 1)
		_exit(1);
	r = pm_userns_become_root(&e);
	if (r >= 0 && has_network(m))
		r = prepare_network(m, &e);
	if (r >= 0)
		r = open_own(fds, &e);
	tell(socket, &e, fds, r < 0 ? 0 : 2);
	_exit(0);
}

static int keep(int user, int net, bool network, struct pm_err *err)
{
	if (dup3(user, PM_MONITOR_FD_USERNS, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "keep the container's user namespace");
	if (network && setns(net, CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "enter the container's network namespace");
	return 0;
}

static int talk(struct monitor *m, pid_t pid, int socket, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	int fds[2];
	int r = hear(socket, NULL, 0, err);
	if (r >= 0 && !p->userns_path) {
		r = pm_proc_write_maps(pid, &p->userns_uids, &p->userns_gids, err);
		if (r < 0)
			pm_wrap(err, "the container's user namespace");
	}
	if (r >= 0 && send(socket, "", 1, MSG_NOSIGNAL) != 1)
		r = pm_fail_sys(err, "talk with the user namespace's process");
	if (r >= 0)
		r = hear(socket, fds, 2, err);
	if (r < 0)
		return r;
	r = keep(fds[0], fds[1], has_network(m), err);
	close(fds[0]);
	close(fds[1]);
	return r;
}

int nested_prepare(struct monitor *m, struct pm_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		child(m, pair[1]);
	}
	close(pair[1]);
	int r = pid < 0 ? pm_fail_sys(err, "fork") : talk(m, pid, pair[0], err);
	close(pair[0]);
	if (pid > 0)
		pm_proc_wait(pid, NULL, NULL);
	if (r >= 0 && !has_network(m))
		r = prepare_network(m, err);
	return r;
}
