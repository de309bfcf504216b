/*
 * pm-netd - holds the namespace of the bridge networks of one run root, and makes and unmakes containers'
 * places in it. Descriptors: 3 a socket to the pm that starts it, which says when it may go on (not as root);
 * 4 the listening socket; 5 the run root; 6 the user namespace to join (not as root); 7, 8 pipes whose other
 * ends are open while its ids are being mapped.
 * The talk: netns/netd_client.h. It forks two children that see what containers send, each in a sandbox: the
 * name server (in the host's network namespace) and the port forwarder.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "netns/answer.h"
#include "netns/child.h"
#include "netns/mark.h"
#include "netns/netd/dns.h"
#include "netns/netd/links.h"
#include "netns/netd/manager.h"
#include "netns/netd/way_out.h"
#include "netns/rtnl.h"
#include "netns/userns.h"

enum { FD_CONTROL = 3, FD_LISTENER, FD_RUNROOT, FD_USERNS, FD_MAP };

static bool is_open(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
}

/* --- the user namespace ------------------------------------------------------------------------ */

/* We are in the group that our children are to be in. */
static int await_go(struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire go = PM_WIRE_INIT;
	int r = pm_wire_recv(FD_CONTROL, &go, NULL, NULL, err);
	if (r == 0)
		_exit(0); /* pm has gone: nothing was made */
	return r;
}

/* newuidmap and newgidmap hold the other ends, their standard error, until they end. What they say is pm's to read. */
static void await_map(void)
{
	for (int fd = FD_MAP; fd < FD_MAP + 2; fd++) {
		struct pollfd p = {.fd = fd};
		if (!is_open(fd))
			continue;
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
		close(fd);
	}
}

static int enter_userns(const char *how, struct pm_err *err)
{
	if (!how)
		return 0;
	bool fresh = strcmp(how, "--userns=fresh") == 0;
	if (setns(FD_USERNS, CLONE_NEWUSER) < 0)
		return pm_fail_sys(err, "enter the user namespace");
	close(FD_USERNS);
	int r = await_go(err);
	if (fresh)
		await_map();
	if (r >= 0)
		r = pm_userns_become_root(err);
	/* others join through /proc/PID/ns/user */
	prctl(PR_SET_DUMPABLE, 1);
	/* we are in it longer than the monitor that made it */
	if (r >= 0 && fresh)
		(void)pm_userns_publish_hint(FD_RUNROOT, NULL);
	return r;
}

/* --- the network namespace ---------------------------------------------------------------------- */

static int set_sysctl(const char *name, const char *value, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_asprintf("/proc/sys/net/%s", name);
	_cleanup_buf_ struct pm_buf now = PM_BUF_INIT;
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY, 0, err);
	int r = fd < 0 ? fd : pm_fs_write_all(fd, value, strlen(value), err);
	if (r >= 0)
		return 0;
	/* it may be so already, where we may not write */
	bool is_so = pm_fs_read_file(AT_FDCWD, path, 64, &now, NULL) >= 0 && now.len > 0 &&
		     strncmp(now.data, value, strlen(value)) == 0;
	if (is_so)
		pm_err_clear(err);
	return is_so ? 0 : r;
}

static int make_netns(struct netd *d, struct pm_err *err)
{
	int r = 0;
	if (d->rootless) {
		if (unshare(CLONE_NEWNET) < 0)
			return pm_fail_sys(err, "make a network namespace");
		r = netd_way_out_open(d, err);
		if (r < 0)
			return r;
		/* answers go where the question came from; who is called has any port */
		(void)set_sysctl("ipv4/conf/all/rp_filter", "0", NULL);
		(void)set_sysctl("ipv4/conf/default/rp_filter", "0", NULL);
		(void)set_sysctl("ipv4/ip_unprivileged_port_start", "0", NULL);
		/* a container with egress rules and its neighbours are told apart by us (guard.h): that is no detour */
		(void)set_sysctl("ipv4/conf/all/send_redirects", "0", NULL);
		(void)set_sysctl("ipv4/conf/default/send_redirects", "0", NULL);
		/* frames within a bridge are none of IP's business */
		(void)set_sysctl("bridge/bridge-nf-call-iptables", "0", NULL);
		(void)set_sysctl("bridge/bridge-nf-call-ip6tables", "0", NULL);
		(void)set_sysctl("bridge/bridge-nf-call-arptables", "0", NULL);
	}
	r = set_sysctl("ipv4/ip_forward", "1", err);
	if (r < 0)
		return r;
	(void)set_sysctl("ipv6/conf/all/forwarding", "1", NULL);

	d->own_netns = pm_fs_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0, err);
	d->nl = d->own_netns < 0 ? d->own_netns : pm_rtnl_open(err);
	if (d->nl < 0)
		return d->nl;
	if (!d->rootless) /* one that was killed has left its own */
		(void)pm_mark_route(d->nl, d->mark, false, NULL);
	return pm_mark_route(d->nl, d->mark, true, err);
}

/* Four descriptors a container: what a shell allows by default would do for some 250. */
static void raise_files(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* --- start -------------------------------------------------------------------------------------- */

static int start(struct netd *d, const char *userns, struct pm_err *err)
{
	struct stat st;
	d->rootless = userns != NULL;
	if (fstat(FD_RUNROOT, &st) < 0)
		return pm_fail_sys(err, "look at the run root");
	/* on the host each run root has a table, and a mark, of its own */
	snprintf(d->table, sizeof(d->table), d->rootless ? "pm" : "pm_%lx", (unsigned long)st.st_ino);
	d->mark = d->rootless ? PM_MARK : PM_MARK | (uint32_t)(st.st_ino & PM_MARK_OWN);
	int r = enter_userns(userns, err);
	if (r >= 0) {
		d->lock_dir = pm_fs_open(FD_RUNROOT, "netd", O_RDONLY | O_DIRECTORY, 0, err);
		r = d->lock_dir;
	}
	if (r >= 0)
		r = pm_child_start(pm_dns_serve, &d->dns, &d->learned, err);
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (r >= 0 && d->rootless)
		r = netd_way_out_begin(d, err);
	if (r >= 0)
		r = make_netns(d, err);
	/* a fresh namespace has none; on the host some may be left of one that was killed */
	return r < 0 || d->rootless ? r : netd_rules(d, err);
}

/* Those who wait for a hello hear why there is none. */
static void refuse(struct netd *d, const struct pm_err *why)
{
	_cleanup_close_ int lock =
		d->lock_dir < 0 ? -1 : pm_lock_take(d->lock_dir, "lock", PM_LOCK_EXCLUSIVE, NULL);
	if (d->lock_dir >= 0)
		unlinkat(d->lock_dir, "sock", 0);
	for (;;) {
		_cleanup_close_ int sock = accept4(FD_LISTENER, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0)
			return;
		pm_answer_error(sock, why);
	}
}

int main(int argc, char **argv)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2,
				      SIGCHLD};
	struct pm_err err = PM_ERR_INIT;
	struct netd d = {.listener = FD_LISTENER, .lock_dir = -1, .dns = -1, .learned = -1,
			 .forward = -1, .slirp = -1, .starter = -1, .tap = -1, .own_netns = -1, .nl = -1};

	if (!is_open(FD_CONTROL) || !is_open(FD_LISTENER) || !is_open(FD_RUNROOT) || argc > 2) {
		fputs("pm-netd is started by pm, not by hand\n", stderr);
		return 125;
	}
	is_open(FD_USERNS);
	/* SIGCHLD: the channels tell the end of the children; those of pm_rules_begin just go */
	for (size_t i = 0; i < PM_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	umask(077);
	raise_files();
	fcntl(FD_LISTENER, F_SETFL, O_NONBLOCK);
	int r = start(&d, argc > 1 ? argv[1] : NULL, &err);
	if (r < 0) {
		refuse(&d, &err);
		return 1;
	}
	close(FD_CONTROL);
	return netd_run(&d, &err) < 0;
}
