#include "netns/forward/forward.h"

#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wire.h"
#include "netns/answer.h"
#include "netns/mark.h"
#include "netns/sandbox.h"

#define MAX_FILES 65536
#define FDS 16

void pm_forward_watch(struct pm_forward *f, int op, int fd, uint32_t events,
		      enum pm_forward_kind kind, size_t index)
{
	struct epoll_event e = {.events = events,
				.data.u64 = (uint64_t)kind << 32 | (uint32_t)index};
	epoll_ctl(f->epoll, op, fd, &e);
}

/* Can the container see this address as the client's? */
static bool can_keep(const struct pm_forward *f, const struct pm_ip *client, int family)
{
	if (client->family != family || pm_ip_is_loopback(client))
		return false;
	for (size_t i = 0; i < f->n_local; i++)
		if (pm_ipnet_contains(&f->local[i], client))
			return false;
	/* link-local addresses mean something on their link only */
	return !(family == AF_INET6 && client->b[0] == 0xfe && (client->b[1] & 0xc0) == 0x80);
}

static int bind_client(int fd, const struct pm_ip *client, uint16_t port)
{
	struct sockaddr_storage sa;
	int on = 1;
	socklen_t len = pm_ip_to_sockaddr(client, port, &sa);
	int level = client->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = client->family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT;
	if (setsockopt(fd, level, option, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&sa, len);
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	return ntohs(sa->ss_family == AF_INET ? ((const struct sockaddr_in *)sa)->sin_port
					      : ((const struct sockaddr_in6 *)sa)->sin6_port);
}

static int set_mark(int fd)
{
	const uint32_t mark = PM_MARK;
	return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

int pm_forward_socket(const struct pm_forward *f, const struct pm_forward_port *p, int type,
		      const struct sockaddr_storage *client, bool same_port,
		      struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct pm_ip ip = pm_ip_from_sockaddr(client);
	const struct pm_ip *to = ip.family == AF_INET6 && p->address6.family ? &p->address6
				 : p->address4.family			     ? &p->address4
									     : &p->address6;
	if (!to->family) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	_cleanup_close_ int fd = socket(to->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (p->mark && set_mark(fd) < 0))
		return -1;
	const struct pm_ip *from = can_keep(f, &ip, to->family) ? &ip
				   : to->family == AF_INET	? &p->gateway4
								: &p->gateway6;
	/* the address is what counts: two ports of one client may meet */
	if (from->family && (!same_port || bind_client(fd, from, port_of(client)) < 0) &&
	    bind_client(fd, from, 0) < 0)
		return -1;
	*ret_len = pm_ip_to_sockaddr(to, p->port, ret);
	return pm_steal_fd(&fd);
}

/* --- messages -------------------------------------------------------------------------------- */

static void add_port(struct pm_forward *f, const struct pm_forward_port *p)
{
	size_t i = 0;
	while (i < f->n_ports && f->ports[i].fd >= 0)
		i++;
	uint32_t generation = i < f->n_ports ? f->ports[i].generation + 1 : 0;
	if (i == f->n_ports) {
		f->ports = pm_reallocarray(f->ports, i + 1, sizeof(*f->ports));
		f->n_ports++;
	}
	f->ports[i] = *p;
	f->ports[i].generation = generation;
	pm_forward_watch(f, EPOLL_CTL_ADD, p->fd, EPOLLIN, PM_FORWARD_PORT, i);
}

static void get_ip(const struct pm_wire *w, const char *name, struct pm_ip *ret)
{
	const char *text = pm_wire_get(w, name);
	if (text)
		pm_ip_parse(text, ret, NULL);
}

/* Linux 5.17 lets CAP_NET_RAW set a mark. */
static int check_mark(struct pm_err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 || set_mark(fd) < 0 ? pm_fail_sys(err, "mark a socket") : 0;
}

static int message_port(struct pm_forward *f, const struct pm_wire *w, const int *fds, size_t n,
			struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv to = PM_STRV_INIT, local = PM_STRV_INIT;
	struct pm_forward_port p = {0};
	pm_wire_get_list(w, "to", &to);
	pm_wire_get_list(w, "local", &local);
	free(f->local);
	f->local = pm_calloc(local.n, sizeof(*f->local));
	f->n_local = 0;
	for (size_t i = 0; i < local.n; i++)
		f->n_local += pm_ipnet_parse(local.v[i], &f->local[f->n_local], NULL) >= 0;
	snprintf(p.id, sizeof(p.id), "%s", pm_wire_get(w, "id"));
	get_ip(w, "address4", &p.address4);
	get_ip(w, "address6", &p.address6);
	get_ip(w, "gateway4", &p.gateway4);
	get_ip(w, "gateway6", &p.gateway6);
	p.mark = p.gateway4.family != 0;
	int r = p.mark ? check_mark(err) : 0;
	for (size_t i = 0; i < n; i++) {
		const char *space = i < to.n ? strchr(to.v[i], ' ') : NULL;
		p.fd = fds[i];
		p.udp = space && to.v[i][0] == 'u';
		p.port = space ? (uint16_t)strtoul(space, NULL, 10) : 0;
		if (r < 0)
			close(p.fd);
		else
			add_port(f, &p);
	}
	return r;
}

static void message_noport(struct pm_forward *f, const char *id)
{
	for (size_t i = 0; i < f->n_ports; i++) {
		struct pm_forward_port *p = &f->ports[i];
		if (p->fd < 0 || strcmp(p->id, id) != 0)
			continue;
		close(pm_steal_fd(&p->fd));
		if (p->udp)
			pm_udp_close_port(f, i);
		else
			pm_tcp_close_port(f, i);
	}
}

static void channel_event(struct pm_forward *f)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	struct pm_err err = PM_ERR_INIT;
	int fds[FDS], r = 0;
	size_t n = FDS;
	if (pm_wire_recv(f->channel, &w, fds, &n, NULL) <= 0)
		_exit(0);
	const char *type = pm_wire_get(&w, "type"), *id = pm_wire_get(&w, "id");
	if (!type || !id)
		_exit(1);
	if (strcmp(type, "port") == 0)
		r = message_port(f, &w, fds, n, &err);
	else if (strcmp(type, "noport") == 0)
		message_noport(f, id);
	if (r < 0)
		pm_answer_error(f->channel, &err);
	else if (pm_answer_ready(f->channel, NULL) < 0)
		_exit(0);
}

/* --- the loop -------------------------------------------------------------------------------- */

static void dispatch(struct pm_forward *f, const struct epoll_event *e)
{
	size_t i = (uint32_t)e->data.u64;
	switch ((enum pm_forward_kind)(e->data.u64 >> 32)) {
	case PM_FORWARD_CHANNEL:
		channel_event(f);
		break;
	case PM_FORWARD_PORT:
		if (f->ports[i].fd >= 0 && f->ports[i].udp)
			pm_udp_datagram(f, i);
		else if (f->ports[i].fd >= 0)
			pm_tcp_accept(f, i);
		break;
	case PM_FORWARD_CLIENT:
		pm_tcp_event(f, i, true, e->events);
		break;
	case PM_FORWARD_SERVER:
		pm_tcp_event(f, i, false, e->events);
		break;
	case PM_FORWARD_FLOW:
		pm_udp_event(f, i);
		break;
	}
}

int pm_forward_serve(int channel, struct pm_err *err)
{
	static const int calls[] = {
		SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
		SCMP_SYS(pipe2),      SCMP_SYS(splice),
	};
	static const struct pm_sandbox sandbox = {
		.name = "the port forwarder",
		.calls = calls,
		.n_calls = PM_ARRAY_SIZE(calls),
		.keep_caps = 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE,
		.no_raw_sockets = true,
		.no_files = true,
		.max_files = MAX_FILES,
	};
	struct pm_forward *f = PM_NEW(struct pm_forward);
	f->channel = channel;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll < 0)
		return pm_fail_sys(err, "epoll");
	int r = pm_sandbox_enter(&sandbox, err);
	if (r >= 0)
		r = pm_sandbox_seal(&sandbox, err);
	if (r < 0)
		return r;
	f->tcp = pm_tcp_new();
	f->udp = pm_udp_new();
	pm_forward_watch(f, EPOLL_CTL_ADD, channel, EPOLLIN, PM_FORWARD_CHANNEL, 0);
	for (bool more = false;;) {
		struct epoll_event events[256];
		int n = epoll_wait(f->epoll, events, PM_ARRAY_SIZE(events),
				   more ? 0 : pm_udp_expire(f));
		if (n < 0 && errno != EINTR)
			_exit(1);
		for (int i = 0; i < n; i++)
			dispatch(f, &events[i]);
		more = pm_tcp_end_of_turn(f);
	}
}
