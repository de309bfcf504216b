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
 * open is bounded, old work gives way. Memory does not grow with the number of questions.
 */
#ifndef PM_NETNS_NETD_DNS_H
#define PM_NETNS_NETD_DNS_H

#include "base/err.h"

/* Serve until the manager's channel closes. Returns only when it could not begin. */
int pm_dns_serve(int channel, int learned, struct pm_err *err);

#endif
