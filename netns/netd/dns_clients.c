#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/netd/dns.h"

enum {
	TCP_CLIENT = 32, /* connections of one address */
	IDLE_MS = 10000,
	DATAGRAMS = 32, /* read before others get their turn */
};

/* --- answers --------------------------------------------------------------------------------- */

void pm_dns_tcp_close(struct pm_dns_tcp *t)
{
	if (t->fd >= 0)
		close(t->fd);
	free(t->out);
	t->out = NULL;
	t->fd = -1;
	t->generation++;
}

static void tcp_write(struct pm_dns_server *s, struct pm_dns_tcp *t)
{
	size_t i = (size_t)(t - s->tcp);
	while (t->out && t->out_done < t->out_len) {
		ssize_t n = send(t->fd, t->out + t->out_done, t->out_len - t->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			pm_dns_watch(s, EPOLL_CTL_MOD, t->fd, EPOLLOUT, PM_DNS_TCP, i);
			return;
		}
		if (n <= 0) {
			pm_dns_tcp_close(t);
			return;
		}
		t->out_done += (size_t)n;
	}
	free(t->out);
	t->out = NULL;
	t->busy = false;
	t->deadline = pm_dns_due_in(s, IDLE_MS);
	pm_dns_watch(s, EPOLL_CTL_MOD, t->fd, EPOLLIN, PM_DNS_TCP, i);
}

static void tcp_answer(struct pm_dns_server *s, struct pm_dns_tcp *t, const uint8_t *reply, size_t len)
{
	t->out = pm_malloc(len + 2);
	t->out[0] = (uint8_t)(len >> 8);
	t->out[1] = (uint8_t)len;
	memcpy(t->out + 2, reply, len);
	t->out_len = len + 2;
	t->out_done = 0;
	t->deadline = pm_dns_due_in(s, IDLE_MS); /* to take it */
	tcp_write(s, t);
}

/* To whom the question came from, with its own id. */
void pm_dns_reply(struct pm_dns_server *s, struct pm_dns_pending *p, uint8_t *reply, size_t len)
{
	if (len >= 2)
		memcpy(reply, p->query, 2);
	if (p->tcp) {
		struct pm_dns_tcp *t = &s->tcp[p->from];
		if (t->fd >= 0 && t->generation == p->generation)
			tcp_answer(s, t, reply, len);
	} else if (s->socks[p->from].fd >= 0 && s->socks[p->from].udp &&
		   strcmp(s->socks[p->from].net, p->net) == 0) {
		/* one that is gone, or whose queue is full, asks again */
		(void)sendto(s->socks[p->from].fd, reply, len, MSG_DONTWAIT,
			     (struct sockaddr *)&p->to, p->to_len);
	}
}

/* --- questions ------------------------------------------------------------------------------- */

void pm_dns_datagram(struct pm_dns_server *s, size_t index)
{
	for (int i = 0; i < DATAGRAMS; i++) {
		struct pm_dns_sock *k = &s->socks[index];
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		uint8_t query[PM_DNS_QUERY_MAX], *reply;
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
		struct pm_dns_pending *p;
		switch (pm_dns_handle(&v, query, (size_t)n, true, s->turn++, &q, &reply, &reply_len)) {
		case PM_DNS_DROP:
			break;
		case PM_DNS_ANSWER:
			(void)sendto(k->fd, reply, reply_len, MSG_DONTWAIT, (struct sockaddr *)&from,
				     from_len);
			free(reply);
			break;
		case PM_DNS_FORWARD:
			p = pm_dns_forward(s, k->net, &client, query, (size_t)n, &q);
			if (!p)
				break;
			p->from = index;
			p->to = from;
			p->to_len = from_len;
			pm_dns_pending_try(s, p);
			break;
		}
	}
}

static void tcp_query(struct pm_dns_server *s, struct pm_dns_tcp *t, size_t len)
{
	const struct pm_zone_net *net = pm_zone_net(&s->zone, t->net, false);
	struct pm_dns_question q;
	uint8_t *reply;
	size_t reply_len;
	struct pm_dns_pending *p = NULL;
	if (!net) {
		pm_dns_tcp_close(t);
		return;
	}
	t->have = 0;
	t->busy = true;
	pm_dns_watch(s, EPOLL_CTL_MOD, t->fd, 0, PM_DNS_TCP, (size_t)(t - s->tcp));
	struct pm_zone_view v = pm_zone_view(&s->zone, net, &t->client);
	switch (pm_dns_handle(&v, t->in + 2, len, false, s->turn++, &q, &reply, &reply_len)) {
	case PM_DNS_DROP:
		pm_dns_tcp_close(t);
		break;
	case PM_DNS_ANSWER:
		tcp_answer(s, t, reply, reply_len);
		free(reply);
		break;
	case PM_DNS_FORWARD:
		p = pm_dns_forward(s, t->net, &t->client, t->in + 2, len, &q);
		if (!p) {
			pm_dns_tcp_close(t);
			break;
		}
		p->tcp = true;
		p->from = (size_t)(t - s->tcp);
		p->generation = t->generation;
		pm_dns_pending_try(s, p);
		break;
	}
}

void pm_dns_tcp_event(struct pm_dns_server *s, struct pm_dns_tcp *t, uint32_t events)
{
	if (t->fd < 0)
		return;
	if (t->out) {
		tcp_write(s, t);
		return;
	}
	if (t->busy) {
		if (events & (EPOLLHUP | EPOLLERR))
			pm_dns_tcp_close(t);
		return;
	}
	size_t want = t->have < 2 ? 2 : 2 + (size_t)(t->in[0] << 8 | t->in[1]);
	if (want > sizeof(t->in)) {
		pm_dns_tcp_close(t);
		return;
	}
	ssize_t n = recv(t->fd, t->in + t->have, want - t->have, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		pm_dns_tcp_close(t);
		return;
	}
	t->have += (size_t)n;
	if (t->have > 2 && t->have == 2 + (size_t)(t->in[0] << 8 | t->in[1]))
		tcp_query(s, t, t->have - 2);
	else if (t->have == 2 && (t->in[0] << 8 | t->in[1]) == 0)
		pm_dns_tcp_close(t);
}

/* One address may hold a share of the connections; when all are taken the oldest gives way. */
void pm_dns_tcp_accept(struct pm_dns_server *s, const struct pm_dns_sock *k)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	_cleanup_close_ int fd =
		accept4(k->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct pm_ip client = pm_ip_from_sockaddr(&from);
	struct pm_dns_tcp *t = NULL, *oldest = NULL, *own_oldest = NULL;
	size_t own = 0;
	for (size_t i = 0; i < s->n_tcp; i++) {
		struct pm_dns_tcp *c = &s->tcp[i];
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
	} else if (!t && s->n_tcp < PM_DNS_TCP_MAX) {
		t = &s->tcp[s->n_tcp++];
		t->fd = -1;
	} else if (!t) {
		t = oldest;
	}
	if (t->fd >= 0)
		pm_dns_tcp_close(t);
	uint32_t generation = t->generation;
	*t = (struct pm_dns_tcp){.fd = fd, .client = client, .generation = generation,
			  .deadline = pm_dns_due_in(s, IDLE_MS)};
	snprintf(t->net, sizeof(t->net), "%s", k->net);
	pm_dns_watch(s, EPOLL_CTL_ADD, pm_steal_fd(&fd), EPOLLIN, PM_DNS_TCP, (size_t)(t - s->tcp));
}
