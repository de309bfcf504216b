/*
 * dns - the name server of the bridge networks: a process of its own, in the host's network namespace,
 * sandboxed. The manager makes the sockets on the gateways' addresses and passes them; upstream sockets
 * are made here, so resolvers on the host's loopback are reached, too.
 *
 * Wire messages of the manager, each answered by "ready":
 *	net {net, internal, dns_server...}, descriptors of bound sockets; again: servers are replaced
 *	gone {net}		host {net, id, name..., address...}	nohost {net, id}
 *	watch {watch, net, address ("": all of net)..., name...}	nowatch {watch}
 * On the second channel, for names that are watched: learned {seq, name, address..., ttl}, which the
 * manager answers with {seq} when the addresses are open; the client gets its answer after that.
 *
 * A client can neither block nor starve others: all sockets are non-blocking, what one address may have
 * open is bounded, and who has most of it gives way. Memory does not grow with the number of questions.
 */
#ifndef PM_NETNS_NETD_DNS_H
#define PM_NETNS_NETD_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "netns/netd/dns_message.h"
#include "netns/netd/dns_upstream.h"
#include "netns/netd/dns_watch.h"
#include "netns/netd/zone.h"

/* Serve until the manager's channel closes. Returns only when it could not begin. */
int pm_dns_serve(int channel, int learned, struct pm_err *err);

/* --- between the name server's files --------------------------------------------------------- */

enum {
	PM_DNS_QUERY_MAX = 4096, /* of a client */
	PM_DNS_REPLY_MAX = 65535,
	PM_DNS_PENDING_MAX = 1024, /* questions under way */
	PM_DNS_TCP_MAX = 256,
};

/* What an epoll event is about: the kind above, an index below. */
enum pm_dns_kind {
	PM_DNS_CHANNEL,
	PM_DNS_LEARNED,
	PM_DNS_RESOLV,
	PM_DNS_SOCKET,
	PM_DNS_TCP,
	PM_DNS_PENDING,
};

/* On a gateway's address. */
struct pm_dns_sock {
	int fd; /* -1: free */
	bool udp;
	char net[256];
};

/* A client's connection. */
struct pm_dns_tcp {
	int fd; /* -1: free */
	struct pm_ip client;
	char net[256];
	int64_t deadline;
	size_t have; /* of the length and the query */
	uint8_t in[2 + PM_DNS_QUERY_MAX];
	uint8_t *out; /* owned; an answer being sent */
	size_t out_len, out_done;
	bool busy; /* its question is pending */
	uint32_t generation;
};

/* A question that a resolver is asked, or whose answer waits for the manager. */
struct pm_dns_pending {
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
	uint64_t seq; /* of what the manager was told; 0: nothing yet */
};

struct pm_dns_server {
	int channel, learned, epoll;
	struct pm_zone zone;
	struct pm_watches watches;
	struct pm_upstream upstream;
	struct pm_dns_sock *socks;
	size_t n_socks;
	/* PM_DNS_TCP_MAX and PM_DNS_PENDING_MAX, of which so many were ever used: no page of the others is touched */
	struct pm_dns_tcp *tcp;
	size_t n_tcp;
	struct pm_dns_pending *pending;
	size_t n_pending;
	int64_t due; /* no deadline is earlier; INT64_MAX: there is none */
	unsigned int turn;
	uint64_t seq;
	unsigned int told; /* and not answered by the manager yet */
	uint8_t buf[2 + PM_DNS_REPLY_MAX];
};

int64_t pm_dns_now(void); /* ms */
void pm_dns_watch(struct pm_dns_server *s, int op, int fd, uint32_t events, enum pm_dns_kind kind,
		  size_t index);
/* Something is to be done after ms: returns when. */
int64_t pm_dns_due_in(struct pm_dns_server *s, int64_t ms);

/* Those who ask (dns_clients.c). */
void pm_dns_datagram(struct pm_dns_server *s, size_t sock);
void pm_dns_tcp_accept(struct pm_dns_server *s, const struct pm_dns_sock *k);
void pm_dns_tcp_event(struct pm_dns_server *s, struct pm_dns_tcp *t, uint32_t events);
void pm_dns_tcp_close(struct pm_dns_tcp *t);
/* To whom the question came from, with its own id. */
void pm_dns_reply(struct pm_dns_server *s, struct pm_dns_pending *p, uint8_t *reply, size_t len);

/* Questions under way (dns_pending.c). forward: a place, which the caller completes with where the question came
 * from; NULL when there is none, or that address has its share. */
struct pm_dns_pending *pm_dns_forward(struct pm_dns_server *s, const char *net,
				      const struct pm_ip *client, const uint8_t *query, size_t len,
				      const struct pm_dns_question *q);
/* Ask the next resolver. */
void pm_dns_pending_try(struct pm_dns_server *s, struct pm_dns_pending *p);
void pm_dns_pending_event(struct pm_dns_server *s, struct pm_dns_pending *p);
void pm_dns_learned(struct pm_dns_server *s);

#endif
