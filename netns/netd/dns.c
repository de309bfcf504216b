#include "netns/netd/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wire.h"
#include "netns/answer.h"
#include "netns/netd/dns_message.h"
#include "netns/netd/dns_upstream.h"
#include "netns/netd/dns_watch.h"
#include "netns/sandbox.h"

enum {
	QUERY_MAX = 4096,     /* of a client */
	REPLY_MAX = 65535,
	PENDING_MAX = 1024,   /* questions under way */
	PENDING_CLIENT = 128, /* of one address */
	TCP_MAX = 256,
	TCP_CLIENT = 32,
	TCP_IDLE_MS = 10000,
	TRY_MS = 1500, /* for one resolver */
	TRIES = 4,
	DATAGRAMS = 32, /* read before others get their turn */
	FDS = 16,
};

/* What an epoll event is about: the kind above, an index below. */
enum kind { K_CHANNEL, K_LEARNED, K_RESOLV, K_SOCKET, K_TCP, K_PENDING };

struct sock {
	int fd; /* -1: free */
	bool udp;
	char net[256];
};

struct tcp {
	int fd; /* -1: free */
	struct pm_ip client;
	char net[256];
	int64_t deadline;
	size_t have; /* of the length and the query */
	uint8_t in[2 + QUERY_MAX];
	uint8_t *out; /* owned; an answer being sent */
	size_t out_len, out_done;
	bool busy; /* its question is pending */
	uint32_t generation;
};

struct pending {
	bool used, tcp;
	int up;            /* to the resolver; -1: waits for the manager */
	struct pm_ip client;
	struct sockaddr_storage to;
	socklen_t to_len;
	size_t from;       /* sock or tcp index */
	uint32_t generation; /* of that tcp */
	char net[256];
	uint8_t *query; /* owned, as the client sent it */
	size_t query_len;
	struct pm_dns_question q;
	uint16_t id;
	unsigned int tries;
	int64_t deadline;
	uint8_t *reply; /* owned: TCP's, being read; or held back until the manager has said yes */
	size_t reply_len, reply_have;
	bool sent;
	uint64_t seq;
};

struct server {
	int channel, learned, epoll;
	struct pm_zone zone;
	struct pm_watches watches;
	struct pm_upstream upstream;
	struct sock *socks;
	size_t n_socks;
	struct tcp *tcp;         /* TCP_MAX, of which n_tcp were ever used: no page of the others is touched */
	size_t n_tcp;
	struct pending *pending; /* PENDING_MAX */
	size_t n_pending;
	unsigned int turn;
	uint64_t seq;
	uint8_t buf[2 + REPLY_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void watch_fd(struct server *s, int op, int fd, uint32_t events, enum kind kind, size_t index)
{
	struct epoll_event e = {.events = events,
				.data.u64 = (uint64_t)kind << 32 | (uint32_t)index};
	epoll_ctl(s->epoll, op, fd, &e);
}

/* --- answers --------------------------------------------------------------------------------- */

static void tcp_close(struct server *s, struct tcp *t)
{
	(void)s;
	if (t->fd >= 0)
		close(t->fd);
	free(t->out);
	t->out = NULL;
	t->fd = -1;
	t->generation++;
}

static void tcp_write(struct server *s, struct tcp *t)
{
	size_t i = (size_t)(t - s->tcp);
	while (t->out && t->out_done < t->out_len) {
		ssize_t n = send(t->fd, t->out + t->out_done, t->out_len - t->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			watch_fd(s, EPOLL_CTL_MOD, t->fd, EPOLLOUT, K_TCP, i);
			return;
		}
		if (n <= 0) {
			tcp_close(s, t);
			return;
		}
		t->out_done += (size_t)n;
	}
	free(t->out);
	t->out = NULL;
	t->busy = false;
	t->deadline = now_ms() + TCP_IDLE_MS;
	watch_fd(s, EPOLL_CTL_MOD, t->fd, EPOLLIN, K_TCP, i);
}

static void tcp_answer(struct server *s, struct tcp *t, const uint8_t *reply, size_t len)
{
	t->out = pm_malloc(len + 2);
	t->out[0] = (uint8_t)(len >> 8);
	t->out[1] = (uint8_t)len;
	memcpy(t->out + 2, reply, len);
	t->out_len = len + 2;
	t->out_done = 0;
	tcp_write(s, t);
}

/* To whom the question came from, with its own id. */
static void pending_answer(struct server *s, struct pending *p, uint8_t *reply, size_t len)
{
	if (len >= 2)
		memcpy(reply, p->query, 2);
	if (p->tcp) {
		struct tcp *t = &s->tcp[p->from];
		if (t->fd >= 0 && t->generation == p->generation)
			tcp_answer(s, t, reply, len);
	} else if (s->socks[p->from].fd >= 0 && s->socks[p->from].udp) {
		/* one that is gone, or whose queue is full, asks again */
		(void)sendto(s->socks[p->from].fd, reply, len, MSG_DONTWAIT,
			     (struct sockaddr *)&p->to, p->to_len);
	}
}

static void pending_end(struct server *s, struct pending *p)
{
	if (p->up >= 0)
		close(p->up);
	free(p->query);
	free(p->reply);
	*p = (struct pending){.up = -1};
	s->n_pending--;
}

static void pending_fail(struct server *s, struct pending *p)
{
	uint8_t *reply;
	size_t len;
	if (pm_dns_failure(p->query, p->query_len, &reply, &len)) {
		pending_answer(s, p, reply, len);
		free(reply);
	} else if (p->tcp && s->tcp[p->from].generation == p->generation) {
		tcp_close(s, &s->tcp[p->from]);
	}
	pending_end(s, p);
}

/* --- forwarding ------------------------------------------------------------------------------ */

/* The resolver for the next try: the asker's own, the network's, else the host's. */
static bool resolver(struct server *s, const struct pending *p, struct sockaddr_storage *ret,
		     socklen_t *ret_len)
{
	const struct pm_zone_net *net = pm_zone_net(&s->zone, p->net, false);
	const struct pm_zone_host *host = net ? pm_zone_host_at(net, &p->client) : NULL;
	if (host && host->n_servers) {
		*ret_len = pm_ip_to_sockaddr(&host->servers[p->tries % host->n_servers], 53, ret);
		return true;
	}
	if (net && net->n_servers) {
		*ret_len = pm_ip_to_sockaddr(&net->servers[p->tries % net->n_servers], 53, ret);
		return true;
	}
	if (!s->upstream.n)
		return false;
	*ret = s->upstream.servers[p->tries % s->upstream.n].sa;
	*ret_len = s->upstream.servers[p->tries % s->upstream.n].len;
	return true;
}

/* Ask the next resolver. A fresh socket, so a fresh port, and a fresh id: hard to guess for a liar. */
static void pending_try(struct server *s, struct pending *p)
{
	struct sockaddr_storage sa;
	socklen_t len;
	if (p->up >= 0)
		close(p->up);
	p->up = -1;
	for (; p->tries < TRIES; p->tries++) {
		if (!resolver(s, p, &sa, &len))
			break;
		p->up = socket(sa.ss_family, (p->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			       0);
		if (p->up < 0 || getrandom(&p->id, sizeof(p->id), 0) != sizeof(p->id))
			break;
		if (connect(p->up, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS) {
			close(p->up);
			p->up = -1;
			continue;
		}
		uint8_t *q = s->buf;
		q[0] = (uint8_t)(p->query_len >> 8);
		q[1] = (uint8_t)p->query_len;
		memcpy(q + 2, p->query, p->query_len);
		q[2] = (uint8_t)(p->id >> 8);
		q[3] = (uint8_t)p->id;
		p->sent = !p->tcp;
		p->reply_have = 0;
		if (!p->tcp && send(p->up, q + 2, p->query_len, MSG_NOSIGNAL) < 0) {
			close(p->up);
			p->up = -1;
			continue;
		}
		p->tries++;
		p->deadline = now_ms() + TRY_MS;
		watch_fd(s, EPOLL_CTL_ADD, p->up, p->tcp ? EPOLLOUT : EPOLLIN, K_PENDING,
			 (size_t)(p - s->pending));
		return;
	}
	pending_fail(s, p);
}

/* The resolver has answered. What a rule waits for is told to the manager first. */
static void pending_done(struct server *s, struct pending *p, uint8_t *reply, size_t len)
{
	struct pm_ip ips[32];
	uint32_t ttl;
	size_t n = 0;
	if (pm_watches_want(&s->watches, p->net, &p->client, p->q.name))
		n = pm_dns_addresses(reply, len, ips, PM_ARRAY_SIZE(ips), &ttl);
	if (n == 0) {
		pending_answer(s, p, reply, len);
		pending_end(s, p);
		return;
	}
	p->reply = pm_malloc(len);
	memcpy(p->reply, reply, len);
	p->reply_len = len;
	close(p->up);
	p->up = -1;
	p->seq = ++s->seq;
	p->deadline = now_ms() + TRY_MS;
	p->tries = TRIES; /* no answer of the manager: failure */
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	char text[PM_IP_TEXT];
	pm_wire_add_int(&w, "seq", (int64_t)p->seq);
	pm_wire_add(&w, "net", p->net);
	pm_wire_add(&w, "client", pm_ip_format(&p->client, text));
	pm_wire_add(&w, "name", p->q.name);
	pm_wire_add_int(&w, "ttl", ttl);
	for (size_t i = 0; i < n; i++)
		pm_wire_add(&w, "address", pm_ip_format(&ips[i], text));
	if (pm_wire_send(s->learned, &w, NULL, 0, NULL) < 0)
		pending_fail(s, p);
}

static void learned_event(struct server *s)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t seq;
	if (pm_wire_recv(s->learned, &w, NULL, NULL, NULL) <= 0)
		_exit(0);
	if (pm_wire_get_int(&w, "seq", 0, &seq, NULL) < 0)
		return;
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &s->pending[i];
		if (!p->used || p->seq != (uint64_t)seq || !p->reply)
			continue;
		pending_answer(s, p, p->reply, p->reply_len);
		pending_end(s, p);
		return;
	}
}

static void up_udp(struct server *s, struct pending *p)
{
	ssize_t n = recv(p->up, s->buf, REPLY_MAX, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) { /* refused: no resolver there */
		pending_try(s, p);
		return;
	}
	if (pm_dns_matches(p->query, &p->q, p->id, s->buf, (size_t)n))
		pending_done(s, p, s->buf, (size_t)n);
}

static void up_tcp(struct server *s, struct pending *p)
{
	if (!p->sent) {
		uint8_t q[2 + QUERY_MAX];
		q[0] = (uint8_t)(p->query_len >> 8);
		q[1] = (uint8_t)p->query_len;
		memcpy(q + 2, p->query, p->query_len);
		q[2] = (uint8_t)(p->id >> 8);
		q[3] = (uint8_t)p->id;
		/* a fresh connection takes so little at once */
		if (send(p->up, q, p->query_len + 2, MSG_NOSIGNAL) != (ssize_t)p->query_len + 2) {
			pending_try(s, p);
			return;
		}
		p->sent = true;
		watch_fd(s, EPOLL_CTL_MOD, p->up, EPOLLIN, K_PENDING, (size_t)(p - s->pending));
		return;
	}
	if (!p->reply)
		p->reply = pm_malloc(2 + REPLY_MAX);
	ssize_t n = recv(p->up, p->reply + p->reply_have, 2 + REPLY_MAX - p->reply_have, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		p->reply_have += (size_t)n;
	size_t want = p->reply_have >= 2 ? (size_t)(p->reply[0] << 8 | p->reply[1]) : SIZE_MAX - 2;
	if (n > 0 && p->reply_have < want + 2)
		return;
	if (n <= 0 || !pm_dns_matches(p->query, &p->q, p->id, p->reply + 2, want)) {
		free(pm_steal(&p->reply));
		pending_try(s, p);
		return;
	}
	_cleanup_free_ uint8_t *reply = pm_steal(&p->reply);
	pending_done(s, p, reply + 2, want);
}

/* A free place; one address has a share of them only. */
static struct pending *pending_new(struct server *s, const struct pm_ip *client)
{
	struct pending *free_one = NULL;
	size_t own = 0;
	for (size_t i = 0; i < PENDING_MAX; i++) {
		if (!s->pending[i].used)
			free_one = free_one ? free_one : &s->pending[i];
		else
			own += pm_ip_equal(&s->pending[i].client, client);
	}
	if (!free_one || own >= PENDING_CLIENT)
		return NULL;
	*free_one = (struct pending){.used = true, .up = -1, .client = *client};
	s->n_pending++;
	return free_one;
}

/* --- questions ------------------------------------------------------------------------------- */

static struct pending *forward(struct server *s, const char *net, const struct pm_ip *client,
			       const uint8_t *query, size_t len, const struct pm_dns_question *q)
{
	struct pending *p = pending_new(s, client);
	if (!p)
		return NULL;
	snprintf(p->net, sizeof(p->net), "%s", net);
	p->query = pm_malloc(len);
	memcpy(p->query, query, len);
	p->query_len = len;
	p->q = *q;
	return p;
}

static void udp_event(struct server *s, size_t index)
{
	for (int i = 0; i < DATAGRAMS; i++) {
		struct sock *k = &s->socks[index];
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		uint8_t query[QUERY_MAX], *reply;
		struct pm_dns_question q;
		size_t reply_len;
		ssize_t n = recvfrom(k->fd, query, sizeof(query), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &from_len);
		if (n < 0)
			return;
		const struct pm_zone_net *net = pm_zone_net(&s->zone, k->net, false);
		struct pm_ip client = pm_ip_from_sockaddr(&from);
		if (!net)
			return;
		struct pm_zone_view v = pm_zone_view(&s->zone, net, &client);
		struct pending *p;
		switch (pm_dns_handle(&v, query, (size_t)n, true, s->turn++, &q, &reply, &reply_len)) {
		case PM_DNS_DROP:
			break;
		case PM_DNS_ANSWER:
			(void)sendto(k->fd, reply, reply_len, MSG_DONTWAIT, (struct sockaddr *)&from,
				     from_len);
			free(reply);
			break;
		case PM_DNS_FORWARD:
			p = forward(s, k->net, &client, query, (size_t)n, &q);
			if (!p)
				break;
			p->from = index;
			p->to = from;
			p->to_len = from_len;
			pending_try(s, p);
			break;
		}
	}
}

static void tcp_query(struct server *s, struct tcp *t, size_t len)
{
	const struct pm_zone_net *net = pm_zone_net(&s->zone, t->net, false);
	struct pm_dns_question q;
	uint8_t *reply;
	size_t reply_len;
	struct pending *p = NULL;
	if (!net) {
		tcp_close(s, t);
		return;
	}
	t->have = 0;
	t->busy = true;
	watch_fd(s, EPOLL_CTL_MOD, t->fd, 0, K_TCP, (size_t)(t - s->tcp));
	struct pm_zone_view v = pm_zone_view(&s->zone, net, &t->client);
	switch (pm_dns_handle(&v, t->in + 2, len, false, s->turn++, &q, &reply, &reply_len)) {
	case PM_DNS_DROP:
		tcp_close(s, t);
		break;
	case PM_DNS_ANSWER:
		tcp_answer(s, t, reply, reply_len);
		free(reply);
		break;
	case PM_DNS_FORWARD:
		p = forward(s, t->net, &t->client, t->in + 2, len, &q);
		if (!p) {
			tcp_close(s, t);
			break;
		}
		p->tcp = true;
		p->from = (size_t)(t - s->tcp);
		p->generation = t->generation;
		pending_try(s, p);
		break;
	}
}

static void tcp_event(struct server *s, struct tcp *t, uint32_t events)
{
	if (t->fd < 0)
		return;
	if (t->out) {
		tcp_write(s, t);
		return;
	}
	if (t->busy) {
		if (events & (EPOLLHUP | EPOLLERR))
			tcp_close(s, t);
		return;
	}
	size_t want = t->have < 2 ? 2 : 2 + (size_t)(t->in[0] << 8 | t->in[1]);
	if (want > sizeof(t->in)) {
		tcp_close(s, t);
		return;
	}
	ssize_t n = recv(t->fd, t->in + t->have, want - t->have, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		tcp_close(s, t);
		return;
	}
	t->have += (size_t)n;
	if (t->have > 2 && t->have == 2 + (size_t)(t->in[0] << 8 | t->in[1]))
		tcp_query(s, t, t->have - 2);
	else if (t->have == 2 && (t->in[0] << 8 | t->in[1]) == 0)
		tcp_close(s, t);
}

/* One address may hold a share of the connections; when all are taken the oldest gives way. */
static void tcp_accept(struct server *s, const struct sock *k)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	_cleanup_close_ int fd =
		accept4(k->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct pm_ip client = pm_ip_from_sockaddr(&from);
	struct tcp *t = NULL, *oldest = NULL, *own_oldest = NULL;
	size_t own = 0;
	for (size_t i = 0; i < s->n_tcp; i++) {
		struct tcp *c = &s->tcp[i];
		if (c->fd < 0) {
			t = t ? t : c;
			continue;
		}
		if (!oldest || c->deadline < oldest->deadline)
			oldest = c;
		if (!pm_ip_equal(&c->client, &client))
			continue;
		own++;
		if (!own_oldest || c->deadline < own_oldest->deadline)
			own_oldest = c;
	}
	if (own >= TCP_CLIENT) {
		t = own_oldest;
	} else if (!t && s->n_tcp < TCP_MAX) {
		t = &s->tcp[s->n_tcp++];
		t->fd = -1;
	} else if (!t) {
		t = oldest;
	}
	if (t->fd >= 0)
		tcp_close(s, t);
	uint32_t generation = t->generation;
	*t = (struct tcp){.fd = fd, .client = client, .generation = generation,
			  .deadline = now_ms() + TCP_IDLE_MS};
	snprintf(t->net, sizeof(t->net), "%s", k->net);
	watch_fd(s, EPOLL_CTL_ADD, pm_steal_fd(&fd), EPOLLIN, K_TCP, (size_t)(t - s->tcp));
}

/* --- messages of the manager ----------------------------------------------------------------- */

static void add_socket(struct server *s, const char *net, int fd)
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
	s->socks[i] = (struct sock){.fd = fd, .udp = type == SOCK_DGRAM};
	snprintf(s->socks[i].net, sizeof(s->socks[i].net), "%s", net);
	watch_fd(s, EPOLL_CTL_ADD, fd, EPOLLIN, K_SOCKET, i);
}

static size_t parse_servers(const struct pm_strv *texts, struct pm_ip ret[PM_ZONE_SERVERS])
{
	size_t n = 0;
	for (size_t i = 0; i < texts->n && n < PM_ZONE_SERVERS; i++)
		n += pm_ip_parse(texts->v[i], &ret[n], NULL) >= 0;
	return n;
}

static void message_net(struct server *s, const struct pm_wire *w, const char *name, const int *fds,
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

static void message_gone(struct server *s, const char *name)
{
	for (size_t i = 0; i < s->n_socks; i++)
		if (s->socks[i].fd >= 0 && strcmp(s->socks[i].net, name) == 0)
			close(pm_steal_fd(&s->socks[i].fd));
	for (size_t i = 0; i < s->n_tcp; i++)
		if (s->tcp[i].fd >= 0 && strcmp(s->tcp[i].net, name) == 0)
			tcp_close(s, &s->tcp[i]);
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

static void channel_event(struct server *s)
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

/* What is due now; returns how long until the next, -1: nothing. */
static int run_deadlines(struct server *s)
{
	int64_t now = now_ms(), next = -1;
	for (size_t i = 0; i < PENDING_MAX && s->n_pending; i++) {
		struct pending *p = &s->pending[i];
		if (p->used && p->deadline <= now)
			pending_try(s, p);
		if (p->used && (next < 0 || p->deadline < next))
			next = p->deadline;
	}
	for (size_t i = 0; i < s->n_tcp; i++) {
		struct tcp *t = &s->tcp[i];
		if (t->fd >= 0 && !t->busy && t->deadline <= now)
			tcp_close(s, t);
		if (t->fd >= 0 && !t->busy && (next < 0 || t->deadline < next))
			next = t->deadline;
	}
	return next < 0 ? -1 : (int)(next > now ? next - now : 0);
}

static void dispatch(struct server *s, const struct epoll_event *e)
{
	size_t i = (uint32_t)e->data.u64;
	switch ((enum kind)(e->data.u64 >> 32)) {
	case K_CHANNEL:
		channel_event(s);
		break;
	case K_LEARNED:
		learned_event(s);
		break;
	case K_RESOLV:
		pm_upstream_changed(&s->upstream);
		break;
	case K_SOCKET:
		if (s->socks[i].fd >= 0 && s->socks[i].udp)
			udp_event(s, i);
		else if (s->socks[i].fd >= 0)
			tcp_accept(s, &s->socks[i]);
		break;
	case K_TCP:
		tcp_event(s, &s->tcp[i], e->events);
		break;
	case K_PENDING:
		if (!s->pending[i].used || s->pending[i].up < 0)
			break;
		if (s->pending[i].tcp)
			up_tcp(s, &s->pending[i]);
		else
			up_udp(s, &s->pending[i]);
		break;
	}
}

static int begin(struct server *s, struct pm_err *err)
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
		.max_files = PENDING_MAX + TCP_MAX + 4096,
	};
	int r = pm_sandbox_enter(&sandbox, err);
	if (r < 0)
		return r;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return pm_fail_sys(err, "epoll");
	pm_upstream_init(&s->upstream);
	watch_fd(s, EPOLL_CTL_ADD, s->channel, EPOLLIN, K_CHANNEL, 0);
	watch_fd(s, EPOLL_CTL_ADD, s->learned, EPOLLIN, K_LEARNED, 0);
	if (s->upstream.watch >= 0)
		watch_fd(s, EPOLL_CTL_ADD, s->upstream.watch, EPOLLIN, K_RESOLV, 0);
	return pm_sandbox_seal(&sandbox, err);
}

int pm_dns_serve(int channel, int learned, struct pm_err *err)
{
	struct server *s = PM_NEW(struct server);
	s->channel = channel;
	s->learned = learned;
	s->tcp = pm_calloc(TCP_MAX, sizeof(*s->tcp));
	s->pending = pm_calloc(PENDING_MAX, sizeof(*s->pending));
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
