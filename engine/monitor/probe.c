#include "engine/monitor/probe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct target {
	union address to;
	socklen_t len;
	const char *host, *path; /* HTTP: "ADDRESS:PORT" of host_len characters, and what follows it */
	size_t host_len;
};

static int port_of(const char *s, const char *end, in_port_t *ret)
{
	unsigned int port = 0;
	if (s == end || end - s > 5)
		return -1;
	for (; s < end; s++) {
		if (!isdigit((unsigned char)*s))
			return -1;
		port = port * 10 + (unsigned int)(*s - '0');
	}
	*ret = htons((in_port_t)port);
	return port > 0 && port < 65536 ? 0 : -1;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", up to the first slash. */
static int parse(const char *s, struct target *t)
{
	char host[INET6_ADDRSTRLEN];
	size_t n = strcspn(s, "/");
	bool six = *s == '[';
	const char *end = s + n, *from = s + six, *to = six ? memchr(s, ']', n) : memchr(s, ':', n);
	const char *colon = to && six ? to + 1 : to;
	if (!to || colon >= end || *colon != ':' || (size_t)(to - from) >= sizeof(host))
		return -1;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*t = (struct target){.host = s, .host_len = n, .path = end};
	if (six) {
		t->to.v6.sin6_family = AF_INET6;
		t->len = sizeof(t->to.v6);
		return inet_pton(AF_INET6, host, &t->to.v6.sin6_addr) == 1
			       ? port_of(colon + 1, end, &t->to.v6.sin6_port) : -1;
	}
	t->to.v4.sin_family = AF_INET;
	t->len = sizeof(t->to.v4);
	return inet_pton(AF_INET, host, &t->to.v4.sin_addr) == 1
		       ? port_of(colon + 1, end, &t->to.v4.sin_port) : -1;
}

/* --- in the child -------------------------------------------------------------------- */

static int failed(const char *what)
{
	dprintf(STDOUT_FILENO, "%s: %s", what, strerrordesc_np(errno));
	return 1;
}

/* The container may be in the namespace that this process is in. */
static int enter_network(pid_t init)
{
	char path[64];
	struct stat own, its;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)init);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &its) < 0 || stat("/proc/self/ns/net", &own) < 0)
		return -1;
	int r = own.st_ino == its.st_ino && own.st_dev == its.st_dev ? 0 : setns(fd, CLONE_NEWNET);
	close(fd);
	return r;
}

static int send_all(int fd, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, s, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

static int send_str(int fd, const char *s)
{
	return send_all(fd, s, strlen(s));
}

/* May it stand in a request as one line? */
static bool is_line(const char *s)
{
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return false;
	return true;
}

static bool has_header(const struct pm_strv *words, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 2; i < words->n; i++)
		if (strncasecmp(words->v[i], name, n) == 0 && words->v[i][n] == ':')
			return true;
	return false;
}

static int request(int fd, const struct target *t, const struct pm_strv *words)
{
	int r = send_str(fd, "GET ");
	if (r == 0)
		r = send_str(fd, *t->path ? t->path : "/");
	if (r == 0)
		r = send_str(fd, " HTTP/1.1\r\n");
	if (r == 0 && !has_header(words, "Host")) {
		r = send_str(fd, "Host: ");
		if (r == 0)
			r = send_all(fd, t->host, t->host_len);
		if (r == 0)
			r = send_str(fd, "\r\n");
	}
	if (r == 0 && !has_header(words, "User-Agent"))
		r = send_str(fd, "User-Agent: kube-probe/1.33\r\n");
	if (r == 0 && !has_header(words, "Accept"))
		r = send_str(fd, "Accept: */*\r\n");
	for (size_t i = 2; r == 0 && i < words->n; i++) {
		r = send_str(fd, words->v[i]);
		if (r == 0)
			r = send_str(fd, "\r\n");
	}
	return r == 0 ? send_str(fd, "Connection: close\r\n\r\n") : r;
}

/* "HTTP/1.1 200" and something after it. */
static int status_of(const char *s, size_t n)
{
	if (n < 12 || strncmp(s, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)s[7]) || s[8] != ' ')
		return -1;
	for (size_t i = 9; i < 12; i++)
		if (!isdigit((unsigned char)s[i]))
			return -1;
	return (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
}

static int http(int fd, const struct target *t, const struct pm_strv *words)
{
	char answer[13] = "";
	size_t n = 0;
	if (request(fd, t, words) < 0)
		return failed("send the request");
	while (n < 12) {
		ssize_t k = recv(fd, answer + n, 12 - n, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return failed("read the answer");
		if (k == 0)
			break;
		n += (size_t)k;
	}
	int status = status_of(answer, n);
	if (status < 0) {
		dprintf(STDOUT_FILENO, "the answer is not HTTP");
		return 1;
	}
	dprintf(STDOUT_FILENO, "HTTP status %d", status);
	return status < 200 || status > 399;
}

static int child(pid_t init, const struct target *t, const struct pm_strv *words)
{
	if (enter_network(init) < 0)
		return failed("enter the container's network");
	int fd = socket(t->to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &t->to.any, t->len) < 0)
		return failed("connect");
	return strcmp(words->v[0], "TCP") == 0 ? 0 : http(fd, t, words);
}

/* --- in the monitor ------------------------------------------------------------------ */

int probe_start(const struct monitor *m, const struct pm_strv *words, int out, pid_t *ret_pid,
		struct pm_err *err)
{
	static const char scheme[] = "http://";
	struct target t;
	bool tcp = words->n == 2 && strcmp(words->v[0], "TCP") == 0;
	bool get = words->n >= 2 && strcmp(words->v[0], "HTTP-GET") == 0 &&
		   strncmp(words->v[1], scheme, sizeof(scheme) - 1) == 0;
	if ((!tcp && !get) || parse(words->v[1] + (get ? sizeof(scheme) - 1 : 0), &t) < 0)
		return pm_fail(err, PM_E_FORMAT, "the health check is malformed");
	for (size_t i = 1; i < words->n; i++)
		if (!is_line(words->v[i]) || (i == 1 && strchr(words->v[i], ' ')))
			return pm_fail(err, PM_E_FORMAT, "the health check is malformed");
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return pm_fail_sys(err, "fork");
	if (pid > 0) {
		*ret_pid = pid;
		return 0;
	}
	/* nothing of the monitor's is open in there: what answers is the container's */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, STDOUT_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO, ~0u, 0);
	_exit(child(m->init, &t, words));
}
