#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/forward/forward.h"

enum {
	FLOWS = 4096,
	BUCKETS = 1024,
	IDLE_S = 120,
	DATAGRAMS = 64, /* before others get their turn */
};

/* What one client sends to one published port. */
struct flow {
	int fd; /* in the bridges' namespace, connected to the container; -1: free */
	size_t port;
	struct sockaddr_storage client;
	socklen_t client_len;
	struct sockaddr_storage local; /* what the client sent to: answers come from there */
	time_t used;
	int next; /* in its bucket, -1 */
};

struct pm_udp {
	struct flow *v; /* FLOWS, of which n_seen were ever used: no page of the others is touched */
	size_t n_seen, n_used, hand;
	time_t next_look;
	int buckets[BUCKETS];
	uint8_t buf[65536];
};

struct pm_udp *pm_udp_new(void)
{
	struct pm_udp *u = PM_NEW(struct pm_udp);
	u->v = pm_calloc(FLOWS, sizeof(*u->v));
	for (size_t i = 0; i < BUCKETS; i++)
		u->buckets[i] = -1;
	return u;
}

static time_t now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static size_t bucket_of(size_t port, const struct sockaddr_storage *client, socklen_t len)
{
	uint32_t h = 2166136261u ^ (uint32_t)port;
	for (socklen_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)client)[i]) * 16777619u;
	return h % BUCKETS;
}

static void end(struct pm_udp *u, struct flow *w)
{
	int *link = &u->buckets[bucket_of(w->port, &w->client, w->client_len)];
	int self = (int)(w - u->v);
	while (*link != self)
		link = &u->v[*link].next;
	*link = w->next;
	close(w->fd);
	w->fd = -1;
	u->n_used--;
}

/* A free place; when there is none, the next one in turn gives way. */
static struct flow *new_flow(struct pm_udp *u)
{
	for (size_t i = 0; i < u->n_seen && u->n_used < u->n_seen; i++) {
		struct flow *w = &u->v[(u->hand + i) % u->n_seen];
		if (w->fd < 0)
			return w;
	}
	if (u->n_seen < FLOWS)
		return &u->v[u->n_seen++];
	struct flow *w = &u->v[u->hand++ % FLOWS];
	end(u, w);
	return w;
}

static struct flow *open_flow(struct pm_forward *f, size_t port,
			      const struct sockaddr_storage *client, socklen_t client_len)
{
	struct pm_udp *u = f->udp;
	size_t bucket = bucket_of(port, client, client_len);
	for (int i = u->buckets[bucket]; i >= 0; i = u->v[i].next)
		if (u->v[i].port == port && u->v[i].client_len == client_len &&
		    memcmp(&u->v[i].client, client, client_len) == 0)
			return &u->v[i];

	struct sockaddr_storage to;
	socklen_t len;
	_cleanup_close_ int fd =
		pm_forward_socket(f, &f->ports[port], SOCK_DGRAM, client, true, &to, &len);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, len) < 0)
		return NULL;
	struct flow *w = new_flow(u);
	*w = (struct flow){.port = port, .client = *client, .client_len = client_len,
			   .next = u->buckets[bucket]};
	w->fd = pm_steal_fd(&fd);
	u->buckets[bucket] = (int)(w - u->v);
	if (u->n_used++ == 0)
		u->next_look = now_s() + IDLE_S;
	pm_forward_watch(f, EPOLL_CTL_ADD, w->fd, EPOLLIN, PM_FORWARD_FLOW, (size_t)(w - u->v));
	return w;
}

/* The address a datagram was sent to. */
static void local_address(struct msghdr *m, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo p;
			memcpy(&p, CMSG_DATA(c), sizeof(p));
			struct pm_ip ip = pm_ip_from_bytes(&p.ipi_spec_dst, 4);
			pm_ip_to_sockaddr(&ip, 0, ret);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo p;
			memcpy(&p, CMSG_DATA(c), sizeof(p));
			struct pm_ip ip = pm_ip_from_bytes(&p.ipi6_addr, 16);
			pm_ip_to_sockaddr(&ip, 0, ret);
		}
	}
}

void pm_udp_datagram(struct pm_forward *f, size_t port)
{
	struct pm_udp *u = f->udp;
	for (int i = 0; i < DATAGRAMS; i++) {
		struct sockaddr_storage from = {0};
		union {
			struct cmsghdr align;
			char bytes[128];
		} control;
		struct iovec iov = {u->buf, sizeof(u->buf)};
		struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
				   .msg_iovlen = 1, .msg_control = &control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(f->ports[port].fd, &m, MSG_DONTWAIT);
		if (n < 0)
			return;
		struct flow *w = open_flow(f, port, &from, m.msg_namelen);
		if (!w)
			continue;
		local_address(&m, &w->local);
		w->used = now_s();
		/* a full queue loses a datagram, as a wire does */
		(void)send(w->fd, u->buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* With the address the client knows. */
static void answer(struct pm_forward *f, const struct flow *w, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	struct iovec iov = {f->udp->buf, len};
	struct msghdr m = {.msg_name = (void *)&w->client, .msg_namelen = w->client_len,
			   .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
	struct cmsghdr *c = &control.align;
	if (w->local.ss_family == AF_INET) {
		struct in_pktinfo p = {.ipi_spec_dst = ((const struct sockaddr_in *)&w->local)->sin_addr};
		m.msg_controllen = CMSG_SPACE(sizeof(p));
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(p)), .cmsg_level = IPPROTO_IP,
				      .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(c), &p, sizeof(p));
	} else if (w->local.ss_family == AF_INET6) {
		struct in6_pktinfo p = {.ipi6_addr = ((const struct sockaddr_in6 *)&w->local)->sin6_addr};
		m.msg_controllen = CMSG_SPACE(sizeof(p));
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(p)), .cmsg_level = IPPROTO_IPV6,
				      .cmsg_type = IPV6_PKTINFO};
		memcpy(CMSG_DATA(c), &p, sizeof(p));
	} else {
		m.msg_control = NULL;
	}
	(void)sendmsg(f->ports[w->port].fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void pm_udp_event(struct pm_forward *f, size_t index)
{
	struct flow *w = &f->udp->v[index];
	for (int i = 0; i < DATAGRAMS && w->fd >= 0; i++) {
		ssize_t n = recv(w->fd, f->udp->buf, sizeof(f->udp->buf), MSG_DONTWAIT);
		if (n < 0 && errno == ECONNREFUSED)
			continue; /* nobody listens there (yet) */
		if (n < 0)
			return;
		w->used = now_s();
		answer(f, w, (size_t)n);
	}
}

int pm_udp_expire(struct pm_forward *f)
{
	struct pm_udp *u = f->udp;
	if (u->n_used == 0)
		return -1;
	time_t now = now_s(), oldest = now;
	if (now < u->next_look)
		return (int)(u->next_look - now) * 1000;
	for (size_t i = 0; i < u->n_seen; i++) {
		struct flow *w = &u->v[i];
		if (w->fd < 0)
			continue;
		if (now - w->used >= IDLE_S)
			end(u, w);
		else if (w->used < oldest)
			oldest = w->used;
	}
	u->next_look = oldest + IDLE_S;
	return u->n_used ? (int)(u->next_look - now) * 1000 : -1;
}

void pm_udp_close_port(struct pm_forward *f, size_t port)
{
	for (size_t i = 0; i < f->udp->n_seen; i++)
		if (f->udp->v[i].fd >= 0 && f->udp->v[i].port == port)
			end(f->udp, &f->udp->v[i]);
}
