#include "engine/monitor/pasta.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "netns/answer.h"

#define NETNS "pasta.netns"
#define READY "pasta.ready"
#define START_MS 30000

struct guard {
	struct monitor *m; /* as it was at the fork: the plan, the directory */
	int sock, netns, ready;
	int stderr_fd; /* pasta's */
	pid_t pid;
	int pidfd; /* of pasta */
	struct pm_buf said;
	struct pm_strv host; /* the host's IPv4 addresses */
	bool guest_addr;     /* pasta knows the option */
};

/* --- addresses ------------------------------------------------------------------------------- */

/* Those of this network namespace that others can reach. */
static void addresses(int family, struct pm_strv *ret)
{
	struct ifaddrs *all, *i;
	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_flags & IFF_LOOPBACK))
			continue;
		const struct sockaddr_in6 *a6 = (const void *)i->ifa_addr;
		const struct sockaddr_in *a4 = (const void *)i->ifa_addr;
		if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a6->sin6_addr))
			continue;
		const void *a = family == AF_INET ? (const void *)&a4->sin_addr : &a6->sin6_addr;
		if (inet_ntop(family, a, text, sizeof(text)))
			pm_strv_add(ret, text);
	}
	freeifaddrs(all);
}

/* What the container can call the host by: the address that pasta maps, else one that is not its own. */
static const char *host_address(const struct guard *g, const struct pm_strv *own)
{
	if (g->m->plan.pasta_host_addr)
		return g->m->plan.pasta_host_addr;
	if (g->guest_addr)
		return g->m->plan.pasta_guest_addr;
	for (size_t i = 0; i < g->host.n; i++)
		if (!pm_strv_has(own, g->host.v[i]))
			return g->host.v[i];
	return NULL;
}

static int append_hosts(const struct guard *g, const struct pm_buf *text, struct pm_err *err)
{
	monitor_owner_begin(g->m);
	_cleanup_close_ int fd =
		pm_fs_open(g->m->ctr_fd, "hosts", O_WRONLY | O_APPEND | O_NOFOLLOW, 0, err);
	monitor_owner_end(g->m);
	return fd < 0 ? fd : pm_fs_write_all(fd, text->data, text->len, err);
}

/* The hosts file's lines with addresses that were not known before. In the container's network namespace. */
static int finish_hosts(const struct guard *g, struct pm_err *err)
{
	const struct pm_launch_plan *p = &g->m->plan;
	_cleanup_strv_ struct pm_strv own = PM_STRV_INIT, own6 = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (!p->hosts_own)
		return 0;
	addresses(AF_INET, &own);
	addresses(AF_INET6, &own6);
	const char *host = host_address(g, &own);
	if (!host && p->hosts_needed)
		return pm_fail(err, PM_E_UNSUPPORTED, "--add-host %s:host-gateway: the host has no address that "
			       "is not the container's, too", p->hosts_gateway.v[0]);
	for (size_t i = 0; host && i < p->hosts_gateway.n; i++)
		pm_buf_printf(&out, "%s\t%s\n", host, p->hosts_gateway.v[i]);
	if (own.n)
		pm_buf_printf(&out, "%s\t%s\n", own.v[0], p->hosts_own);
	if (own6.n)
		pm_buf_printf(&out, "%s\t%s\n", own6.v[0], p->hosts_own);
	return append_hosts(g, &out, err);
}

/* --- pasta ----------------------------------------------------------------------------------- */

static int spawn(struct guard *g, struct pm_err *err)
{
	const struct pm_launch_plan *p = &g->m->plan;
	_cleanup_free_ char *netns = pm_path_join(p->ctr_dir, NETNS);
	_cleanup_free_ char *ready = pm_path_join(p->ctr_dir, READY);
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	int pipe_fds[2];
	pm_strv_add(&argv, "pasta");
	pm_strv_add_all(&argv, p->pasta_args.v);
	if (g->guest_addr) {
		pm_strv_add(&argv, "--map-guest-addr");
		pm_strv_add(&argv, p->pasta_guest_addr);
	}
	/* in the foreground it stays our child; it could see the end of the namespace only by a path */
	const char *const ours[] = {"--quiet", "--foreground", "--no-netns-quit", "--netns", netns,
				    "--pid", ready};
	for (size_t i = 0; i < PM_ARRAY_SIZE(ours); i++)
		pm_strv_add(&argv, ours[i]);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe for pasta");
	_cleanup_close_ int theirs = pipe_fds[1];
	if (g->stderr_fd >= 0)
		close(g->stderr_fd);
	g->stderr_fd = pipe_fds[0];

	const struct pm_proc_fd fds[] = {{theirs, 2}};
	char *const envp[] = {(char[]){"LC_ALL=C"}, NULL};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = p->pasta_path;
	spec.argv = argv.v;
	spec.envp = envp;
	spec.cwd = "/";
	spec.fds = fds;
	spec.n_fds = 1;
	spec.death_signal = SIGKILL;
	return pm_proc_spawn(&spec, &g->pid, &g->pidfd, err);
}

static void end_pasta(struct guard *g)
{
	if (g->pid <= 0)
		return;
	kill(g->pid, SIGKILL);
	pm_proc_wait(g->pid, NULL, NULL);
	close(g->pidfd);
	g->pid = 0;
	g->pidfd = -1;
}

/* false at the end of stream. What is beyond a limit is dropped. */
static bool listen_to(struct guard *g)
{
	char buf[1024];
	ssize_t n = read(g->stderr_fd, buf, sizeof(buf));
	if (n > 0 && g->said.len < 4096)
		pm_buf_add(&g->said, buf, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Its first line but for those about the system log, which is not ours to fill: later ones repeat the usage. */
static int failed(struct guard *g, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	const char *why = "it ended without a word";
	while (listen_to(g))
		;
	pm_strv_split(&lines, pm_buf_str(&g->said), '\n');
	for (size_t i = lines.n; i > 0; i--)
		if (*lines.v[i - 1] && !strstr(lines.v[i - 1], "syslog"))
			why = lines.v[i - 1];
	return pm_fail(err, PM_E_UNSUPPORTED, "network pasta: %.600s", why);
}

/* Until pasta says that it serves, or ends. */
static int await_ready(struct guard *g, struct pm_err *err)
{
	const int64_t deadline = monitor_now_ms() + START_MS;
	for (;;) {
		struct pollfd p[] = {{.fd = g->ready, .events = POLLIN},
				     {.fd = g->stderr_fd, .events = POLLIN},
				     {.fd = g->pidfd, .events = POLLIN},
				     {.fd = g->sock, .events = POLLIN | POLLRDHUP}};
		int64_t left = deadline - monitor_now_ms();
		int n = poll(p, PM_ARRAY_SIZE(p), left > 0 ? (int)left : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return pm_fail(err, ETIMEDOUT, "network pasta: pasta did not answer in %d s",
				       START_MS / 1000);
		if (p[0].revents & POLLIN)
			return 0;
		if (p[2].revents)
			return failed(g, err);
		if (p[1].revents)
			listen_to(g);
		if (p[3].revents)
			return pm_fail(err, PM_E_CANCELLED, "the monitor has gone");
	}
}

/* Older ones do not know the option for the host's address. */
static int start_pasta(struct guard *g, struct pm_err *err)
{
	g->guest_addr = g->m->plan.pasta_guest_addr != NULL;
	for (;;) {
		pm_buf_cut(&g->said, 0);
		int r = spawn(g, err);
		if (r >= 0)
			r = await_ready(g, err);
		if (r >= 0)
			return 0;
		end_pasta(g);
		if (!g->guest_addr || !strstr(pm_buf_str(&g->said), "map-guest-addr"))
			return r;
		pm_err_clear(err);
		g->guest_addr = false;
	}
}

/* --- the guard ------------------------------------------------------------------------------- */

/* The next message and its descriptor: 1, or 0 at the end of stream. */
static int receive(struct guard *g, int *ret_fd, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	size_t n = 1;
	int r = pm_wire_recv(g->sock, &w, ret_fd, &n, err);
	return r > 0 && n != 1 ? pm_fail(err, PM_E_FORMAT, "a message without a descriptor") : r;
}

static int bind_netns(struct guard *g, const char *path, struct pm_err *err)
{
	char from[32];
	snprintf(from, sizeof(from), "/proc/self/fd/%d", g->netns);
	monitor_owner_begin(g->m);
	int r = pm_fs_write_file(g->m->ctr_fd, NETNS, "", 0, 0600, false, err);
	if (r >= 0 && mkfifoat(g->m->ctr_fd, READY, 0600) < 0 && errno != EEXIST)
		r = pm_fail_sys(err, "make a FIFO for pasta");
	if (r >= 0)
		r = g->ready = pm_fs_open(g->m->ctr_fd, READY, O_RDWR | O_NONBLOCK, 0, err);
	monitor_owner_end(g->m);
	if (r >= 0 && mount(from, path, NULL, MS_BIND, NULL) < 0)
		r = pm_fail_sys(err, "bind the network namespace for pasta");
	return r;
}

static int serve_start(struct guard *g, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_path_join(g->m->plan.ctr_dir, NETNS);
	addresses(AF_INET, &g->host);
	int r = bind_netns(g, path, err);
	if (r >= 0)
		r = start_pasta(g, err);
	umount2(path, MNT_DETACH);
	unlinkat(g->m->ctr_fd, NETNS, 0);
	unlinkat(g->m->ctr_fd, READY, 0);
	/* pasta has its sockets in the host's: nothing more is to be done there */
	if (r >= 0 && setns(g->netns, CLONE_NEWNET) < 0)
		r = pm_fail_sys(err, "enter the container's network namespace");
	if (r >= 0)
		r = finish_hosts(g, err);
	close(pm_steal_fd(&g->netns));
	close(pm_steal_fd(&g->ready));
	return r < 0 ? r : pm_answer_ready(g->sock, err);
}

/* Until the container has ended, and nobody is there who would start it again. */
static void serve(struct guard *g)
{
	int container = -1, fd = -1;
	bool hung_up = false;
	while (!hung_up || container >= 0) {
		struct pollfd p[] = {{.fd = hung_up ? -1 : g->sock, .events = POLLIN},
				     {.fd = hung_up ? container : -1, .events = POLLIN},
				     {.fd = g->pidfd, .events = POLLIN},
				     {.fd = g->stderr_fd, .events = POLLIN}};
		if (poll(p, PM_ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents || p[2].revents)
			return;
		if (p[3].revents && !listen_to(g))
			close(pm_steal_fd(&g->stderr_fd));
		if (!p[0].revents)
			continue;
		if (receive(g, &fd, NULL) > 0) {
			if (container >= 0)
				close(container);
			container = pm_steal_fd(&fd);
		} else {
			hung_up = true;
		}
	}
}

static void keep_only(struct guard *g)
{
	/* ctr_fd and the socket; the locks and the attached are the monitor's */
	int sock = fcntl(g->sock, F_DUPFD_CLOEXEC, 512), dir = fcntl(g->m->ctr_fd, F_DUPFD_CLOEXEC, 512);
	close_range(0, 511, 0);
	for (int i = 0; i < 3; i++)
		(void)open("/dev/null", O_RDWR);
	g->sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	g->m->ctr_fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	close_range(512, ~0u, 0);
}

static _Noreturn void guard(struct monitor *m, int sock)
{
	struct pm_err err = PM_ERR_INIT;
	struct guard g = {.m = m, .sock = sock, .netns = -1, .ready = -1, .stderr_fd = -1, .pidfd = -1,
			  .said = PM_BUF_INIT, .host = PM_STRV_INIT};
	prctl(PR_SET_NAME, "pm-pasta");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	setsid();
	keep_only(&g);
	int r = receive(&g, &g.netns, &err);
	if (r > 0) {
		r = serve_start(&g, &err);
		if (r < 0)
			pm_answer_error(g.sock, &err);
		else
			serve(&g);
	}
	end_pasta(&g);
	_exit(0);
}

int pasta_guard(struct monitor *m, struct pm_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	pid_t pid = fork();
	if (pid == 0)
		guard(m, pair[1]);
	close(pair[1]);
	m->slirp_fd = pair[0];
	return pid < 0 ? pm_fail_sys(err, "fork") : 0;
}
