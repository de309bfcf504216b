/* pm-slirp, end to end: a child makes a network namespace and hands its tap over; the test is the
 * host. Needs /dev/net/tun. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "netns/slirp_client.h"
#include "netns/userns.h"

struct net {
	struct pm_slirp_config c;
	pid_t slirp, guest;
	int sock;
	int word; /* the guest's answers */
};

/* The guest's work after the network is ready; what it returns is sent to the test. */
typedef const char *guest_fn(void);

static _Noreturn void run_guest(struct net *n, int out, guest_fn *fn)
{
	struct pm_err err = PM_ERR_INIT;
	const char *say = err.text;
	int userns = -1;
	int r = pm_userns_get(-1, &userns, &err);
	if (r > 0)
		r = pm_userns_enter(userns, &err);
	if (r >= 0 && unshare(CLONE_NEWNET) < 0)
		r = pm_fail_sys(&err, "unshare");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that fails; after the ids, which clear it */
	if (r >= 0 && pm_slirp_send_config(n->sock, &n->c, &err) >= 0 &&
	    pm_slirp_connect(n->sock, &n->c, &err) >= 0 && pm_slirp_wait_ready(n->sock, &err) >= 0) {
		close(n->sock);
		(void)!write(out, "ready\n", 6);
		say = fn ? fn() : "";
	}
	(void)!write(out, say, strlen(say));
	(void)!write(out, "\n", 1);
	close(out);
	pause();
	_exit(0);
}

/* A line of the guest. */
static const char *hear(struct net *n)
{
	static char line[2100];
	size_t len = 0;
	while (len < sizeof(line) - 1 && read(n->word, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
	return line;
}

static void start(struct net *n, guest_fn *fn)
{
	struct pm_err err = PM_ERR_INIT;
	int p[2];
	CHECK_OK(pm_publish_resolve(&n->c.ports, &err), err);
	CHECK_OK(pm_slirp_spawn(n->c.ports.n, &n->slirp, &n->sock, &err), err);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	fflush(NULL);
	n->guest = fork();
	if (n->guest == 0)
		run_guest(n, p[1], fn);
	close(p[1]);
	n->word = p[0];
}

/* pm-slirp ends by itself, in time and well. */
static void expect_end(struct net *n, int code)
{
	int fd = (int)syscall(SYS_pidfd_open, n->slirp, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(fd >= 0);
	CHECK_INT(poll(&p, 1, 10000), 1);
	int status;
	CHECK(waitpid(n->slirp, &status, 0) == n->slirp);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		test_fail(__FILE__, __LINE__, "pm-slirp: wait status %x", (unsigned int)status);
}

static void stop_guest(struct net *n)
{
	kill(n->guest, SIGKILL);
	waitpid(n->guest, NULL, 0);
	close(n->word);
	pm_slirp_config_free(&n->c);
}

static void stop(struct net *n)
{
	close(n->sock);
	expect_end(n, 0);
	stop_guest(n);
}

static void publish(struct net *n, const char *spec)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_publish_parse(spec, &n->c.ports, &err), err);
}

static int inet6_socket(int type, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0); /* takes both families */
	CHECK(fd >= 0);
	if (port)
		CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static int dial(const char *ip, int type, uint16_t port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v6 = inet_pton(AF_INET6, ip, &a6.sin6_addr) == 1;
	if (!v6)
		CHECK(inet_pton(AF_INET, ip, &a4.sin_addr) == 1);
	int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	struct timeval t = {.tv_sec = 10};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (connect(fd, v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4,
		    v6 ? sizeof(a6) : sizeof(a4)) < 0) {
		int errnum = errno;
		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

/* Sends a word to ip:port, returns the answer. */
static const char *ask(const char *ip, int type, uint16_t port)
{
	static char answer[128];
	int fd = dial(ip, type, port);
	if (fd < 0)
		return strerrordesc_np(errno);
	ssize_t n = -1;
	/* one datagram may be lost while the neighbour is still being asked for */
	for (int i = 0; i < (type == SOCK_DGRAM ? 20 : 1) && n <= 0; i++) {
		struct timeval t = {.tv_usec = 500000};
		if (type == SOCK_DGRAM)
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
		if (send(fd, "who", 3, MSG_NOSIGNAL) < 0)
			break;
		n = recv(fd, answer, sizeof(answer) - 1, 0);
	}
	close(fd);
	answer[n > 0 ? n : 0] = '\0';
	return answer;
}

/* Tells each client its address: four answers, then ends. */
static const char *whoami(void)
{
	int tcp = inet6_socket(SOCK_STREAM, 80), udp = inet6_socket(SOCK_DGRAM, 53);
	struct pollfd p[] = {{tcp, POLLIN, 0}, {udp, POLLIN, 0}};
	CHECK(listen(tcp, 5) == 0);
	for (;;) {
		struct sockaddr_in6 a;
		socklen_t len = sizeof(a);
		char in[16], text[INET6_ADDRSTRLEN];
		if (poll(p, 2, -1) < 0)
			return "poll";
		if (p[0].revents) {
			int fd = accept(tcp, (struct sockaddr *)&a, &len);
			inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
			(void)!read(fd, in, sizeof(in));
			(void)!write(fd, text, strlen(text));
			close(fd);
		}
		if (p[1].revents &&
		    recvfrom(udp, in, sizeof(in), 0, (struct sockaddr *)&a, &len) > 0) {
			inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
			sendto(udp, text, strlen(text), 0, (struct sockaddr *)&a, len);
		}
	}
}

TEST(published_ports)
{
	struct net n = {0};
	pm_slirp_config_init(&n.c);
	publish(&n, "80");
	publish(&n, "127.0.0.1::53/udp");
	publish(&n, "[::1]::53/udp");
	start(&n, whoami);
	CHECK_STR(hear(&n), "ready");
	struct pm_port *tcp = NULL, *udp4 = NULL, *udp6 = NULL;
	for (size_t i = 0; i < n.c.ports.n; i++) {
		struct pm_port *p = &n.c.ports.v[i];
		if (p->proto == PM_PROTO_TCP)
			tcp = p;
		else if (strchr(p->host_ip, ':'))
			udp6 = p;
		else
			udp4 = p;
	}
	/* the host's loopback is the gateway to the container */
	CHECK_STR(ask("127.0.0.1", SOCK_STREAM, tcp->host), "::ffff:10.0.2.2");
	CHECK_STR(ask("::1", SOCK_STREAM, tcp->host), "fd00::2");
	CHECK_STR(ask("127.0.0.1", SOCK_DGRAM, udp4->host), "::ffff:10.0.2.2");
	CHECK_STR(ask("::1", SOCK_DGRAM, udp6->host), "fd00::2");
	stop(&n);
}

TEST(port_in_use_is_named)
{
	struct net n = {0};
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	pm_slirp_config_init(&n.c);
	char spec[64], want[128];
	snprintf(spec, sizeof(spec), "%u:80", ntohs(a.sin_port));
	snprintf(want, sizeof(want), "publish tcp 0.0.0.0:%u: Address already in use",
		 ntohs(a.sin_port));
	publish(&n, spec);
	start(&n, NULL);
	CHECK_STR(hear(&n), want);
	expect_end(&n, 1);
	stop_guest(&n);
}

TEST(privileged_port_is_explained)
{
	struct net n = {0};
	if (geteuid() == 0)
		return;
	pm_slirp_config_init(&n.c);
	publish(&n, "127.0.0.1:81:80");
	start(&n, NULL);
	CHECK_STR(hear(&n), "publish tcp 127.0.0.1:81: Permission denied: choose a port from 1024 "
			    "on, or as root: sysctl net.ipv4.ip_unprivileged_port_start=81");
	expect_end(&n, 1);
	stop_guest(&n);
}

TEST(sctp_is_refused)
{
	struct pm_slirp_config c;
	struct pm_err err = PM_ERR_INIT;
	pm_slirp_config_init(&c);
	CHECK_OK(pm_publish_parse("90:80/sctp", &c.ports, &err), err);
	CHECK_INT(pm_slirp_config_check(&c, &err), -PM_E_UNSUPPORTED);
	CHECK_STR(err.text, "publish '90:80/sctp': the user-mode network (slirp) carries tcp and "
			    "udp, not sctp");
	pm_slirp_config_free(&c);
}

TEST(ends_with_whoever_started_it)
{
	struct pm_err err = PM_ERR_INIT;
	struct net n = {0};
	/* nothing sent */
	CHECK_OK(pm_slirp_spawn(n.c.ports.n, &n.slirp, &n.sock, &err), err);
	close(n.sock);
	expect_end(&n, 0);
	/* settings, but no device */
	pm_slirp_config_init(&n.c);
	publish(&n, "80");
	CHECK_OK(pm_publish_resolve(&n.c.ports, &err), err);
	CHECK_OK(pm_slirp_spawn(n.c.ports.n, &n.slirp, &n.sock, &err), err);
	CHECK_OK(pm_slirp_send_config(n.sock, &n.c, &err), err);
	close(n.sock);
	expect_end(&n, 0);
	pm_slirp_config_free(&n.c);
}

TEST(garbage_is_refused)
{
	struct pm_err err = PM_ERR_INIT;
	struct net n = {0};
	CHECK_OK(pm_slirp_spawn(n.c.ports.n, &n.slirp, &n.sock, &err), err);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "config");
	pm_wire_add(&w, "slirp.net", "10.0.2.0");
	pm_wire_add(&w, "slirp.prefix_len", "99");
	CHECK_OK(pm_wire_send(n.sock, &w, NULL, 0, &err), err);
	CHECK(pm_slirp_wait_ready(n.sock, &err) < 0);
	CHECK_STR(err.text, "network settings: bad slirp.prefix_len");
	expect_end(&n, 1);
}

TEST(survives_the_monitor)
{
	struct pm_err err = PM_ERR_INIT;
	struct net n = {0};
	pm_slirp_config_init(&n.c);
	publish(&n, "127.0.0.1::80");
	start(&n, whoami);
	CHECK_STR(hear(&n), "ready");
	int pidfd = (int)syscall(SYS_pidfd_open, n.guest, 0);
	CHECK(pidfd >= 0);
	CHECK_OK(pm_slirp_send_container(n.sock, pidfd, &err), err);
	close(n.sock);
	for (int i = 0; i < 3; i++)
		CHECK_STR(ask("127.0.0.1", SOCK_STREAM, n.c.ports.v[0].host), "::ffff:10.0.2.2");
	stop_guest(&n);
	expect_end(&n, 0);
}

static uint16_t host_port; /* of a listener on the host's 127.0.0.1 */

static const char *dial_gateway(void)
{
	return dial("10.0.2.2", SOCK_STREAM, host_port) >= 0 ? "connected" : strerrordesc_np(errno);
}

static int listen_on_loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	host_port = ntohs(a.sin_port);
	return fd;
}

TEST(host_loopback_only_when_allowed)
{
	for (int allow = 0; allow < 2; allow++) {
		struct pm_err err = PM_ERR_INIT;
		struct net n = {0};
		int fd = listen_on_loopback();
		pm_slirp_config_init(&n.c);
		CHECK_OK(pm_slirp_config_parse(&n.c, allow ? "allow_host_loopback=true" : "", &err),
			 err);
		start(&n, dial_gateway);
		CHECK_STR(hear(&n), "ready");
		CHECK_STR(hear(&n), allow ? "connected" : "Connection refused");
		stop(&n);
		close(fd);
	}
}

static int set_sysctl(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "1", 1) == 1 ? close(fd) : -1;
}

/* As root of its namespace a container can make 127.0.0.1 an address beyond the gateway. */
static const char *dial_forged_loopback(void)
{
	if (set_sysctl("/proc/sys/net/ipv4/conf/all/route_localnet") < 0 ||
	    set_sysctl("/proc/sys/net/ipv4/conf/tap0/route_localnet") < 0)
		return "sysctl";
	pid_t pid = fork();
	if (pid == 0) {
		static const char script[] =
			"ip addr del 127.0.0.1/8 dev lo; ip route flush table local; "
			"ip route add local 10.0.2.100 dev tap0 table local; "
			"ip route add 127.0.0.1 via 10.0.2.2 dev tap0 src 10.0.2.100";
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(1);
	}
	int status;
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return "ip";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in src = {.sin_family = AF_INET}, dst = {.sin_family = AF_INET};
	inet_pton(AF_INET, "10.0.2.100", &src.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &dst.sin_addr);
	dst.sin_port = htons(host_port);
	if (bind(fd, (struct sockaddr *)&src, sizeof(src)) < 0)
		return "bind";
	if (connect(fd, (struct sockaddr *)&dst, sizeof(dst)) < 0 && errno != EINPROGRESS)
		return strerrordesc_np(errno);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int e = 0;
	socklen_t len = sizeof(e);
	if (poll(&p, 1, 1500) == 0)
		return "no answer";
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	return e == 0 ? "connected" : strerrordesc_np(e);
}

TEST(forged_loopback_is_dropped)
{
	struct net n = {0};
	int fd = listen_on_loopback();
	pm_slirp_config_init(&n.c);
	start(&n, dial_forged_loopback);
	CHECK_STR(hear(&n), "ready");
	CHECK_STR(hear(&n), "no answer");
	stop(&n);
	close(fd);
}

TEST(options)
{
	struct pm_slirp_config c;
	struct pm_err err = PM_ERR_INIT;
	char v4[INET6_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
	pm_slirp_config_init(&c);
	CHECK_OK(pm_slirp_config_parse(&c, "mtu=1500,cidr=192.168.7.0/24,enable_ipv6=false,"
				       "outbound_addr=127.0.0.1,port_handler=rootlesskit", &err), err);
	CHECK_INT(c.mtu, 1500);
	CHECK(!c.ipv6);
	pm_slirp_nameservers(&c, v4, v6);
	CHECK_STR(v4, "192.168.7.3");
	CHECK_STR(v6, "");
	CHECK_OK(pm_slirp_config_parse(&c, "outbound_addr=lo", &err), err);
	CHECK_INT(c.outbound.s_addr, htonl(INADDR_LOOPBACK));
	static const char *const bad[] = {"mtu=1", "mtu=x", "mtu", "cidr=10.0.0.0/26", "cidr=10.0.0.1/24",
					  "cidr=fd00::/64", "enable_ipv6=maybe", "nonsense=1",
					  "outbound_addr=nosuchif", "outbound_addr6=lo",
					  "port_handler=x", "mtu=1500,,"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		if (pm_slirp_config_parse(&c, bad[i], &err) != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "'%s' is not refused", bad[i]);
		CHECK(pm_startswith(err.text, "network slirp4netns: "));
	}
}

TEST(settings_travel)
{
	struct pm_slirp_config c, d;
	struct pm_err err = PM_ERR_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_slirp_config_init(&c);
	CHECK_OK(pm_slirp_config_parse(&c, "allow_host_loopback=true,outbound_addr6=fd01::1", &err),
		 err);
	CHECK_OK(pm_publish_parse("[::1]:8000-8001:90-91/udp", &c.ports, &err), err);
	CHECK_OK(pm_publish_parse("65535:1", &c.ports, &err), err);
	pm_slirp_config_encode(&c, &w);
	CHECK_OK(pm_slirp_config_decode(&w, &d, &err), err);
	CHECK(d.allow_host_loopback && d.ipv6);
	CHECK(memcmp(&c.outbound6, &d.outbound6, sizeof(c.outbound6)) == 0);
	CHECK_INT(d.ports.n, 2);
	CHECK(memcmp(&c.ports.v[0], &d.ports.v[0], sizeof(c.ports.v[0])) == 0);
	CHECK(memcmp(&c.ports.v[1], &d.ports.v[1], sizeof(c.ports.v[1])) == 0);
	pm_slirp_config_free(&c);
	pm_slirp_config_free(&d);
}
