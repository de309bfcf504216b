#include "netns/netd/dns.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wire.h"
#include "netns/answer.h"
#include "netns/sandbox.h"

enum { FDS = 16 };

int64_t pm_dns_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pm_dns_watch(struct pm_dns_server *s, int op, int fd, uint32_t events, enum pm_dns_kind kind,
		  size_t index)
{
	struct epoll_event e = {.events = events,
				.data.u64 = (uint64_t)kind << 32 | (uint32_t)index};
	epoll_ctl(s->epoll, op, fd, &e);
}

int64_t pm_dns_due_in(struct pm_dns_server *s, int64_t ms)
{
	int64_t at = pm_dns_now() + ms;
	if (at < s->due)
		s->due = at;
	return at;
}

/* --- messages of the manager ----------------------------------------------------------------- */

static void add_socket(struct pm_dns_server *s, const char *net, int fd)
{
	int type = SOCK_DGRAM;
	socklen_t len = sizeof(type);
	size_t i = 0;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	while (i < s->n_socks && s->socks[i].fd >= 0)
		i++;
	if (i == s->n_socks) {
		s->socks = pm_reallocarray(s->socks, i + 1, sizeof(*s->socks));
		s->n_socks++;
	}
	s->socks[i] = (struct pm_dns_sock){.fd = fd, .udp = type == SOCK_DGRAM};
	snprintf(s->socks[i].net, sizeof(s->socks[i].net), "%s", net);
	pm_dns_watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, PM_DNS_SOCKET, i);
}

static size_t parse_servers(const struct pm_strv *texts, struct pm_ip ret[PM_ZONE_SERVERS])
{
	size_t n = 0;
	for (size_t i = 0; i < texts->n && n < PM_ZONE_SERVERS; i++)
		n += pm_ip_parse(texts->v[i], &ret[n], NULL) >= 0;
	return n;
}

static void message_net(struct pm_dns_server *s, const struct pm_wire *w, const char *name, const int *fds,
			size_t n)
{
	struct pm_zone_net *net = pm_zone_net(&s->zone, name, true);
	_cleanup_strv_ struct pm_strv servers = PM_STRV_INIT;
	int64_t internal = 0;
	pm_wire_get_int(w, "internal", 0, &internal, NULL);
	pm_wire_get_list(w, "dns_server", &servers);
	net->internal = internal;
	net->n_servers = parse_servers(&servers, net->servers);
	for (size_t i = 0; i < n; i++)
		add_socket(s, name, fds[i]);
}

static void message_gone(struct pm_dns_server *s, const char *name)
{
	for (size_t i = 0; i < s->n_socks; i++)
		if (s->socks[i].fd >= 0 && strcmp(s->socks[i].net, name) == 0)
			close(pm_steal_fd(&s->socks[i].fd));
	for (size_t i = 0; i < s->n_tcp; i++)
		if (s->tcp[i].fd >= 0 && strcmp(s->tcp[i].net, name) == 0)
			pm_dns_tcp_close(&s->tcp[i]);
	pm_zone_drop_net(&s->zone, name);
}

static void message_host(const struct pm_wire *w, struct pm_zone_net *net,
			 const char *id)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT, texts = PM_STRV_INIT;
	_cleanup_strv_ struct pm_strv servers = PM_STRV_INIT;
	struct pm_ip ips[PM_ZONE_ADDRESSES];
	size_t n = 0;
	pm_wire_get_list(w, "name", &names);
	pm_wire_get_list(w, "address", &texts);
	pm_wire_get_list(w, "dns_server", &servers);
	for (size_t i = 0; i < texts.n && n < PM_ZONE_ADDRESSES; i++)
		n += pm_ip_parse(texts.v[i], &ips[n], NULL) >= 0;
	struct pm_zone_host *h = pm_zone_set_host(net, id, &names, ips, n);
	h->n_servers = parse_servers(&servers, h->servers);
}

static void channel_event(struct pm_dns_server *s)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[FDS];
	size_t n = FDS;
	if (pm_wire_recv(s->channel, &w, fds, &n, NULL) <= 0)
		_exit(0);
	const char *type = pm_wire_get(&w, "type"), *name = pm_wire_get(&w, "net");
	const char *id = pm_wire_get(&w, "id");
	struct pm_zone_net *net = name ? pm_zone_net(&s->zone, name, false) : NULL;
	if (!type)
		_exit(1);
	if (strcmp(type, "net") == 0 && name)
		message_net(s, &w, name, fds, n);
	else if (strcmp(type, "gone") == 0 && name)
		message_gone(s, name);
	else if (strcmp(type, "host") == 0 && net && id)
		message_host(&w, net, id);
	else if (strcmp(type, "nohost") == 0 && net && id)
		pm_zone_drop_host(net, id);
	else if (strcmp(type, "watch") == 0)
		pm_watches_add(&s->watches, &w);
	else if (strcmp(type, "nowatch") == 0)
		pm_watches_drop(&s->watches, &w);
	if (pm_answer_ready(s->channel, NULL) < 0)
		_exit(0);
}

/* --- the loop -------------------------------------------------------------------------------- */

static void earliest(struct pm_dns_server *s, int64_t deadline)
{
	if (deadline < s->due)
		s->due = deadline;
}

/* What is due now; returns how long until the next may be, -1: nothing. */
static int run_deadlines(struct pm_dns_server *s)
{
	if (s->due == INT64_MAX)
		return -1;
	int64_t now = pm_dns_now();
	if (s->due > now)
		return (int)(s->due - now);
	s->due = INT64_MAX;
	for (size_t i = 0; i < s->n_pending; i++) {
		struct pm_dns_pending *p = &s->pending[i];
		if (p->used && p->deadline <= now)
			pm_dns_pending_try(s, p);
		if (p->used)
			earliest(s, p->deadline);
	}
	for (size_t i = 0; i < s->n_tcp; i++) {
		struct pm_dns_tcp *t = &s->tcp[i];
		if (t->fd < 0 || (t->busy && !t->out))
			continue;
		if (t->deadline <= now)
			pm_dns_tcp_close(t);
		else
			earliest(s, t->deadline);
	}
	return s->due == INT64_MAX ? -1 : s->due > now ? (int)(s->due - now) : 0;
}

static void dispatch(struct pm_dns_server *s, const struct epoll_event *e)
{
	size_t i = (uint32_t)e->data.u64;
	switch ((enum pm_dns_kind)(e->data.u64 >> 32)) {
	case PM_DNS_CHANNEL:
		channel_event(s);
		break;
	case PM_DNS_LEARNED:
		pm_dns_learned(s);
		break;
	case PM_DNS_RESOLV:
		pm_upstream_changed(&s->upstream);
		break;
	case PM_DNS_SOCKET:
		if (s->socks[i].fd >= 0 && s->socks[i].udp)
			pm_dns_datagram(s, i);
		else if (s->socks[i].fd >= 0)
			pm_dns_tcp_accept(s, &s->socks[i]);
		break;
	case PM_DNS_TCP:
		pm_dns_tcp_event(s, &s->tcp[i], e->events);
		break;
	case PM_DNS_PENDING:
		pm_dns_pending_event(s, &s->pending[i]);
		break;
	}
}

static int begin(struct pm_dns_server *s, struct pm_err *err)
{
	static const int calls[] = {
		SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(ioctl),
		SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(sendmmsg),
		SCMP_SYS(clock_nanosleep),
	};
	static const struct pm_sandbox sandbox = {
		.name = "pm-netd's name server",
		.calls = calls,
		.n_calls = PM_ARRAY_SIZE(calls),
		.no_raw_sockets = true,
		.max_files = PM_DNS_PENDING_MAX + PM_DNS_TCP_MAX + 4096,
	};
	int r = pm_sandbox_enter(&sandbox, err);
	if (r < 0)
		return r;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return pm_fail_sys(err, "epoll");
	pm_upstream_init(&s->upstream);
	pm_dns_watch(s, EPOLL_CTL_ADD, s->channel, EPOLLIN, PM_DNS_CHANNEL, 0);
	pm_dns_watch(s, EPOLL_CTL_ADD, s->learned, EPOLLIN, PM_DNS_LEARNED, 0);
	if (s->upstream.watch >= 0)
		pm_dns_watch(s, EPOLL_CTL_ADD, s->upstream.watch, EPOLLIN, PM_DNS_RESOLV, 0);
	return pm_sandbox_seal(&sandbox, err);
}

int pm_dns_serve(int channel, int learned, struct pm_err *err)
{
	struct pm_dns_server *s = PM_NEW(struct pm_dns_server);
	s->channel = channel;
	s->learned = learned;
	s->due = INT64_MAX;
	s->tcp = pm_calloc(PM_DNS_TCP_MAX, sizeof(*s->tcp));
	s->pending = pm_calloc(PM_DNS_PENDING_MAX, sizeof(*s->pending));
	int r = begin(s, err);
	if (r < 0)
		return r;
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(s->epoll, events, PM_ARRAY_SIZE(events), run_deadlines(s));
		if (n < 0 && errno != EINTR)
			_exit(1);
		for (int i = 0; i < n; i++)
			dispatch(s, &events[i]);
	}
}
