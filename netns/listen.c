#include "netns/netd_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

void pm_listen_free(struct pm_listen *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->v[i].fd);
	free(l->v);
	*l = (struct pm_listen){0};
}

/* Datagrams come with the address they were sent to, which answers must come from. */
static int set_options(int fd, int family, bool udp)
{
	int on = 1;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (!udp) /* what it accepts has the latter two from it */
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
				       setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
				       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0
			       ? -1
			       : 0;
	return family == AF_INET6
		       ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
		       : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

static int open_one(const struct pm_ip *ip, uint16_t port, enum pm_proto proto, struct pm_err *err)
{
	struct sockaddr_storage sa;
	char text[PM_IP_TEXT];
	bool udp = proto == PM_PROTO_UDP;
	socklen_t len = pm_ip_to_sockaddr(ip, port, &sa);
	_cleanup_close_ int fd = socket(ip->family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC |
							    SOCK_NONBLOCK, 0);
	if (fd < 0 || set_options(fd, ip->family, udp) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0 || (!udp && listen(fd, BACKLOG) < 0))
		return pm_publish_failed(proto, pm_ip_format(ip, text), port, errno, err);
	return pm_steal_fd(&fd);
}

static int add(struct pm_listen *l, const char *ip_text, const struct pm_port *p, unsigned int i,
	       bool optional, struct pm_err *err)
{
	struct pm_ip ip;
	int fd = pm_ip_parse(ip_text, &ip, err);
	if (fd >= 0)
		fd = open_one(&ip, (uint16_t)(p->host + i), p->proto, err);
	if (optional && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {
		pm_err_clear(err);
		return 0;
	}
	if (fd < 0)
		return fd;
	l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n].fd = fd;
	l->v[l->n].proto = p->proto;
	l->v[l->n++].port = (uint16_t)(p->container + i);
	return 0;
}

int pm_listen_open(const struct pm_ports *ports, struct pm_listen *ret, struct pm_err *err)
{
	struct pm_listen l = {0};
	int r = 0;
	for (size_t k = 0; k < ports->n && r >= 0; k++) {
		const struct pm_port *p = &ports->v[k];
		if (p->proto == PM_PROTO_SCTP)
			r = pm_fail(err, PM_E_UNSUPPORTED, "publish: bridge networks forward tcp and udp, "
							   "not sctp");
		for (unsigned int i = 0; i < p->range && r >= 0; i++) {
			/* without an address: all of them, of IPv6 too where the host has it */
			r = add(&l, *p->host_ip ? p->host_ip : "0.0.0.0", p, i, false, err);
			if (r >= 0 && !*p->host_ip)
				r = add(&l, "::", p, i, true, err);
		}
	}
	if (r < 0) {
		pm_listen_free(&l);
		return r;
	}
	*ret = l;
	return 0;
}
