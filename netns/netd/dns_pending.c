#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/netd/dns.h"

enum {
	PENDING_CLIENT = 128, /* of one address */
	TRY_MS = 1500,        /* for one resolver */
	TRIES = 4,
	TOLD_MAX = 32,
};

static void pending_end(struct pm_dns_pending *p)
{
	if (p->up >= 0)
		close(p->up);
	free(p->query);
	free(p->reply);
	*p = (struct pm_dns_pending){.up = -1};
}

/* All places are taken: the latest question of the address that has most of them gives its place up, unanswered. */
static struct pm_dns_pending *evict(struct pm_dns_server *s)
{
	struct {
		const struct pm_ip *client;
		size_t n;
	} *clients = pm_calloc(s->n_pending, sizeof(*clients)), *most = clients;
	size_t n = 0;
	for (size_t i = 0; i < s->n_pending; i++) {
		size_t k = 0;
		while (k < n && !pm_ip_equal(clients[k].client, &s->pending[i].client))
			k++;
		if (k == n)
			clients[n++].client = &s->pending[i].client;
		if (++clients[k].n > most->n)
			most = &clients[k];
	}
	struct pm_dns_pending *victim = NULL;
	for (size_t i = 0; i < s->n_pending; i++)
		if (pm_ip_equal(&s->pending[i].client, most->client) &&
		    (!victim || s->pending[i].deadline > victim->deadline))
			victim = &s->pending[i];
	free(clients);
	if (!victim)
		return NULL;
	if (victim->tcp && s->tcp[victim->from].generation == victim->generation)
		pm_dns_tcp_close(&s->tcp[victim->from]);
	pending_end(victim);
	return victim;
}

/* A free place; one address has a share of them only. */
static struct pm_dns_pending *pending_new(struct pm_dns_server *s, const struct pm_ip *client)
{
	struct pm_dns_pending *free_one = NULL;
	size_t own = 0;
	for (size_t i = 0; i < s->n_pending; i++) {
		if (!s->pending[i].used)
			free_one = free_one ? free_one : &s->pending[i];
		else
			own += pm_ip_equal(&s->pending[i].client, client);
	}
	if (own >= PENDING_CLIENT)
		return NULL;
	if (!free_one && s->n_pending < PM_DNS_PENDING_MAX)
		free_one = &s->pending[s->n_pending++];
	if (!free_one)
		free_one = evict(s);
	*free_one = (struct pm_dns_pending){.used = true, .up = -1, .client = *client};
	return free_one;
}

struct pm_dns_pending *pm_dns_forward(struct pm_dns_server *s, const char *net, const struct pm_ip *client,
			       const uint8_t *query, size_t len, const struct pm_dns_question *q)
{
	struct pm_dns_pending *p = pending_new(s, client);
	if (!p)
		return NULL;
	snprintf(p->net, sizeof(p->net), "%s", net);
	p->query = pm_malloc(len);
	memcpy(p->query, query, len);
	p->query_len = len;
	p->q = *q;
	return p;
}

static void pending_fail(struct pm_dns_server *s, struct pm_dns_pending *p)
{
	uint8_t *reply;
	size_t len;
	if (pm_dns_failure(p->query, p->query_len, &reply, &len)) {
		pm_dns_reply(s, p, reply, len);
		free(reply);
	} else if (p->tcp && s->tcp[p->from].generation == p->generation) {
		pm_dns_tcp_close(&s->tcp[p->from]);
	}
	pending_end(p);
}

/* The resolver for the next try: the asker's own, the network's, else the host's. */
static bool resolver(struct pm_dns_server *s, const struct pm_dns_pending *p, struct sockaddr_storage *ret,
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
void pm_dns_pending_try(struct pm_dns_server *s, struct pm_dns_pending *p)
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
		p->deadline = pm_dns_due_in(s, TRY_MS);
		pm_dns_watch(s, EPOLL_CTL_ADD, p->up, p->tcp ? EPOLLOUT : EPOLLIN, PM_DNS_PENDING,
			 (size_t)(p - s->pending));
		return;
	}
	pending_fail(s, p);
}

/* The manager may be waiting for us: what it is told and has not answered must find room in the socket, so it is little. The
 * others wait for their turn, as for a resolver. */
static void tell(struct pm_dns_server *s, struct pm_dns_pending *p)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	char text[PM_IP_TEXT];
	struct pm_ip ips[32];
	uint32_t ttl;
	size_t n = pm_dns_addresses(p->reply, p->reply_len, ips, PM_ARRAY_SIZE(ips), &ttl);
	p->seq = ++s->seq;
	s->told++;
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

/* The resolver has answered. What a rule waits for is told to the manager first. */
static void pending_done(struct pm_dns_server *s, struct pm_dns_pending *p, uint8_t *reply, size_t len)
{
	struct pm_ip ip;
	uint32_t ttl;
	if (!pm_watches_want(&s->watches, p->net, &p->client, p->q.name) ||
	    pm_dns_addresses(reply, len, &ip, 1, &ttl) == 0) {
		pm_dns_reply(s, p, reply, len);
		pending_end(p);
		return;
	}
	p->reply = pm_malloc(len);
	memcpy(p->reply, reply, len);
	p->reply_len = len;
	close(p->up);
	p->up = -1;
	p->deadline = pm_dns_due_in(s, TRY_MS);
	p->tries = TRIES; /* no answer of the manager: failure */
	if (s->told < TOLD_MAX)
		tell(s, p);
}

static void tell_next(struct pm_dns_server *s)
{
	for (size_t i = 0; i < s->n_pending && s->told < TOLD_MAX; i++) {
		struct pm_dns_pending *p = &s->pending[i];
		if (p->used && p->up < 0 && p->reply && !p->seq)
			tell(s, p);
	}
}

void pm_dns_learned(struct pm_dns_server *s)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t seq;
	if (pm_wire_recv(s->learned, &w, NULL, NULL, NULL) <= 0)
		_exit(0);
	s->told--;
	if (pm_wire_get_int(&w, "seq", 0, &seq, NULL) < 0)
		return;
	for (size_t i = 0; i < s->n_pending; i++) {
		struct pm_dns_pending *p = &s->pending[i];
		if (!p->used || p->seq != (uint64_t)seq || !p->reply)
			continue;
		pm_dns_reply(s, p, p->reply, p->reply_len);
		pending_end(p);
		break;
	}
	tell_next(s);
}

static void up_udp(struct pm_dns_server *s, struct pm_dns_pending *p)
{
	ssize_t n = recv(p->up, s->buf, PM_DNS_REPLY_MAX, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) { /* refused: no resolver there */
		pm_dns_pending_try(s, p);
		return;
	}
	if (pm_dns_matches(p->query, &p->q, p->id, s->buf, (size_t)n))
		pending_done(s, p, s->buf, (size_t)n);
}

static void up_tcp(struct pm_dns_server *s, struct pm_dns_pending *p)
{
	if (!p->sent) {
		uint8_t q[2 + PM_DNS_QUERY_MAX];
		q[0] = (uint8_t)(p->query_len >> 8);
		q[1] = (uint8_t)p->query_len;
		memcpy(q + 2, p->query, p->query_len);
		q[2] = (uint8_t)(p->id >> 8);
		q[3] = (uint8_t)p->id;
		/* a fresh connection takes so little at once */
		if (send(p->up, q, p->query_len + 2, MSG_NOSIGNAL) != (ssize_t)p->query_len + 2) {
			pm_dns_pending_try(s, p);
			return;
		}
		p->sent = true;
		pm_dns_watch(s, EPOLL_CTL_MOD, p->up, EPOLLIN, PM_DNS_PENDING, (size_t)(p - s->pending));
		return;
	}
	if (!p->reply)
		p->reply = pm_malloc(2 + PM_DNS_REPLY_MAX);
	ssize_t n = recv(p->up, p->reply + p->reply_have, 2 + PM_DNS_REPLY_MAX - p->reply_have, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		p->reply_have += (size_t)n;
	size_t want = p->reply_have >= 2 ? (size_t)(p->reply[0] << 8 | p->reply[1]) : SIZE_MAX - 2;
	if (n > 0 && p->reply_have < want + 2)
		return;
	if (n <= 0 || !pm_dns_matches(p->query, &p->q, p->id, p->reply + 2, want)) {
		free(pm_steal(&p->reply));
		pm_dns_pending_try(s, p);
		return;
	}
	_cleanup_free_ uint8_t *reply = pm_steal(&p->reply);
	pending_done(s, p, reply + 2, want);
}

void pm_dns_pending_event(struct pm_dns_server *s, struct pm_dns_pending *p)
{
	if (!p->used || p->up < 0)
		return;
	if (p->tcp)
		up_tcp(s, p);
	else
		up_udp(s, p);
}
