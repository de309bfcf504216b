#include <errno.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "netns/answer.h"
#include "netns/child.h"
#include "netns/forward/forward.h"
#include "netns/netd/links.h"
#include "netns/netd/manager.h"
#include "netns/rtnl.h"

#define DNS_PORT 53
#define FDS 16

int netd_tell(int channel, const char *child, const struct pm_wire *w, const int *fds, size_t n_fds,
	      struct pm_err *err)
{
	int r = pm_wire_send(channel, w, fds, n_fds, err);
	if (r >= 0)
		r = pm_answer_wait(channel, child, err);
	return r;
}

/* --- name server ------------------------------------------------------------------------------ */

static int dns_socket(const struct pm_ip *ip, int type, struct pm_err *err)
{
	struct sockaddr_storage sa;
	char text[PM_IP_TEXT];
	int on = 1;
	socklen_t len = pm_ip_to_sockaddr(ip, DNS_PORT, &sa);
	_cleanup_close_ int fd = socket(ip->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (type == SOCK_STREAM &&
		       setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0 || (type == SOCK_STREAM && listen(fd, 128) < 0))
		return pm_fail_sys(err, "name server on %s port %d", pm_ip_format(ip, text), DNS_PORT);
	return pm_steal_fd(&fd);
}

/* The network as it is, with sockets that are to be served from now on. */
static int dns_net(struct netd *d, const struct netd_bridge *b, const int *fds, size_t n,
		   struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "net");
	pm_wire_add(&w, "net", b->net.name);
	pm_wire_add_int(&w, "internal", b->net.internal);
	pm_wire_add_list(&w, "dns_server", &b->net.dns_servers);
	return netd_tell(d->dns, "the name server", &w, fds, n, err);
}

int netd_resolvers(struct netd *d, const char *net, const struct pm_strv *servers,
		   struct pm_err *err)
{
	for (size_t i = 0; i < d->n_bridges; i++) {
		struct netd_bridge *b = d->bridges[i];
		if (strcmp(b->net.name, net) != 0 || !b->dns)
			continue;
		pm_strv_free(&b->net.dns_servers);
		pm_strv_add_all(&b->net.dns_servers, servers->v);
		return dns_net(d, b, NULL, 0, err);
	}
	return 0;
}

static int dns_open(struct netd *d, const struct netd_bridge *b, struct pm_err *err)
{
	int fds[2 * PM_NETD_SUBNETS], r = 0;
	size_t n = 0;
	for (size_t i = 0; i < b->net.n_subnets && r >= 0; i++) {
		static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
		for (size_t k = 0; k < 2 && b->net.subnets[i].gateway.family && r >= 0; k++) {
			r = dns_socket(&b->net.subnets[i].gateway, types[k], err);
			if (r >= 0)
				fds[n++] = r;
			else if (b->net.subnets[i].gateway.family == AF_INET6 && r == -EADDRNOTAVAIL)
				r = 0; /* IPv6 is switched off */
		}
	}
	if (r >= 0)
		r = dns_net(d, b, fds, n, err);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	return r;
}

static int dns_host(struct netd *d, const struct netd_ctr *c, const struct pm_netd_net *net,
		    struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	char text[PM_IP_TEXT];
	pm_wire_add(&w, "type", "host");
	pm_wire_add(&w, "net", net->name);
	pm_wire_add(&w, "id", c->id);
	pm_wire_add_list(&w, "name", &net->names);
	pm_wire_add_list(&w, "dns_server", &c->dns_servers);
	for (size_t i = 0; i < net->n_subnets; i++)
		if (net->subnets[i].address.family)
			pm_wire_add(&w, "address", pm_ip_format(&net->subnets[i].address, text));
	return netd_tell(d->dns, "the name server", &w, NULL, 0, err);
}

static void dns_say(struct netd *d, const char *type, const char *net, const char *id)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", type);
	pm_wire_add(&w, "net", net);
	if (id)
		pm_wire_add(&w, "id", id);
	(void)netd_tell(d->dns, "the name server", &w, NULL, 0, NULL);
}

/* --- bridges ---------------------------------------------------------------------------------- */

static void net_clear(struct pm_netd_net *n)
{
	pm_strv_free(&n->names);
	pm_strv_free(&n->dns_servers);
	pm_strv_free(&n->egress);
}

static void note_bridge(const struct netd *d, const struct netd_bridge *b, bool there)
{
	_cleanup_free_ char *name = pm_asprintf("%s%s", NETD_BRIDGE_NOTE, b->net.bridge);
	if (!d->rootless && there)
		(void)pm_fs_write_file(d->lock_dir, name, "", 0, 0600, false, NULL);
	else if (!d->rootless)
		unlinkat(d->lock_dir, name, 0);
}

static void bridge_remove(struct netd *d, struct netd_bridge *b)
{
	netd_scopes_drop(d, NULL, b, NULL);
	if (b->dns)
		dns_say(d, "gone", b->net.name, NULL);
	if (b->index > 0)
		pm_links_remove(d->nl, b->index);
	note_bridge(d, b, false);
	for (size_t i = 0; i < d->n_bridges; i++) {
		if (d->bridges[i] != b)
			continue;
		d->bridges[i] = d->bridges[--d->n_bridges];
		break;
	}
	net_clear(&b->net);
	free(b);
}

/* The bridge and its egress rules: all or nothing. */
static int bridge_new(struct netd *d, const struct pm_netd_net *net, struct netd_bridge **ret,
		      struct pm_err *err)
{
	struct netd_bridge *b = PM_NEW(struct netd_bridge);
	b->net = *net;
	b->net.names = b->net.dns_servers = b->net.egress = (struct pm_strv)PM_STRV_INIT;
	pm_strv_add_all(&b->net.dns_servers, net->dns_servers.v);
	for (size_t i = 0; i < b->net.n_subnets; i++)
		b->net.subnets[i].address.family = 0;
	d->bridges = pm_reallocarray(d->bridges, d->n_bridges + 1, sizeof(struct netd_bridge *));
	d->bridges[d->n_bridges++] = b;

	note_bridge(d, b, true);
	int r = b->index = pm_links_bridge(d->nl, net, err);
	if (r >= 0)
		r = pm_rtnl_mac(d->nl, net->bridge, b->mac, err);
	if (r >= 0 && net->egress.n)
		r = netd_scopes_add(d, NULL, b, &b->net, &net->egress, err);
	if (r < 0) {
		bridge_remove(d, b);
		return r;
	}
	d->rules_due = true;
	d->guard_due |= d->n_bridges == 1; /* the first: there is no table yet */
	*ret = b;
	return 0;
}

static int bridge_get(struct netd *d, const struct pm_netd_net *net, struct netd_bridge **ret,
		      struct pm_err *err)
{
	for (size_t i = 0; i < d->n_bridges; i++) {
		if (strcmp(d->bridges[i]->net.name, net->name) == 0) {
			*ret = d->bridges[i];
			return 0;
		}
		if (strcmp(d->bridges[i]->net.bridge, net->bridge) == 0)
			return pm_fail(err, PM_E_INUSE, "networks %s and %s have the same bridge %s",
				       net->name, d->bridges[i]->net.name, net->bridge);
	}
	return bridge_new(d, net, ret, err);
}

static void bridge_put(struct netd *d, struct netd_bridge *b)
{
	if (--b->users > 0)
		return;
	bridge_remove(d, b);
	(void)netd_rules(d, NULL);
}

/* --- places ----------------------------------------------------------------------------------- */

static void place_free(struct netd *d, struct netd_ctr *c, struct netd_place *p)
{
	if (p->named && !p->retired)
		dns_say(d, "nohost", p->net.name, c->id);
	if (netd_scopes_drop(d, c, NULL, &p->net))
		(void)netd_rules(d, NULL);
	if (p->bridge)
		bridge_put(d, p->bridge);
	net_clear(&p->net);
	free(p);
}

static int place_bridge(struct netd *d, struct netd_ctr *c, struct netd_place *p, struct pm_err *err)
{
	if (p->net.driver != PM_NETD_BRIDGE)
		return p->net.egress.n || c->egress.n
			       ? pm_fail(err, PM_E_UNSUPPORTED,
					 "egress rules need a bridge network, which %s is not", p->net.name)
			       : 0;
	int r = bridge_get(d, &p->net, &p->bridge, err);
	if (r < 0)
		return r;
	p->bridge->users++;
	p->routed = c->egress.n || p->net.egress.n;
	if (p->routed && p->net.any_source)
		return pm_fail(err, PM_E_UNSUPPORTED, "egress rules go by the container's address, and network "
			       "%s has antispoof=false", p->net.name);
	return c->egress.n ? netd_scopes_add(d, c, p->bridge, &p->net, &c->egress, err) : 0;
}

int netd_join(struct netd *d, struct netd_ctr *c, struct pm_netd_net *net, struct pm_err *err)
{
	for (size_t i = 0; i < c->n_places; i++) {
		const struct pm_netd_net *other = &c->places[i]->net;
		if (strcmp(other->name, net->name) == 0 || strcmp(other->device, net->device) == 0)
			return pm_fail(err, PM_E_EXISTS, "the container is on network %s already, as %s",
				       other->name, other->device);
	}
	struct netd_place *p = PM_NEW(struct netd_place);
	p->net = *net;
	net->names = net->dns_servers = net->egress = (struct pm_strv)PM_STRV_INIT;
	int r = pm_links_name(&p->net, p->host_device, err);
	if (r >= 0)
		r = place_bridge(d, c, p, err);
	if (r < 0) {
		place_free(d, c, p);
		return r;
	}
	c->places = pm_reallocarray(c->places, c->n_places + 1, sizeof(struct netd_place *));
	c->places[c->n_places++] = p;
	netd_guard(d, p, true);
	return 0;
}

static int open_names(struct netd *d, struct netd_ctr *c, struct netd_place *p, struct pm_err *err)
{
	int r = 0;
	if (!p->bridge || !p->bridge->net.dns || p->named)
		return 0;
	if (!p->bridge->dns) {
		p->bridge->dns = true;
		r = dns_open(d, p->bridge, err);
	}
	if (r >= 0) {
		p->named = true;
		r = dns_host(d, c, &p->net, err);
	}
	return r;
}

int netd_open(struct netd *d, struct netd_ctr *c, struct pm_err *err)
{
	int r = 0, job = netd_rules_begin(d, err);
	if (job < 0)
		return job;
	for (size_t i = 0; i < c->n_places && r >= 0; i++)
		r = open_names(d, c, c->places[i], err);
	int written = netd_rules_end(d, job, r < 0 ? NULL : err);
	return r < 0 ? r : written;
}

int netd_connect(struct netd *d, struct netd_ctr *c, size_t place, struct pm_err *err)
{
	struct netd_place *p = c->places[place];
	p->index = pm_links_connect(d->nl, c->nl, c->netns, &p->net, p->bridge ? p->bridge->index : 0,
				    (unsigned int)place, p->host_device, err);
	return p->index < 0 ? p->index : 0;
}

void netd_leave(struct netd *d, struct netd_ctr *c, size_t place)
{
	struct netd_place *p = c->places[place];
	memmove(&c->places[place], &c->places[place + 1],
		(c->n_places - place - 1) * sizeof(struct netd_place *));
	c->n_places--;
	if (c->nl >= 0 && !p->retired)
		pm_links_disconnect(c->nl, p->net.device);
	netd_guard(d, p, false);
	place_free(d, c, p);
}

void netd_retire(struct netd *d, struct netd_ctr *c)
{
	for (size_t i = 0; i < c->n_places; i++) {
		struct netd_place *p = c->places[i];
		if (p->named)
			dns_say(d, "nohost", p->net.name, c->id);
		/* a name or an address of the user's choice may be wanted again at once */
		if (c->nl >= 0 && (!p->bridge || *p->net.host_device))
			pm_links_disconnect(c->nl, p->net.device);
		else if (c->nl >= 0)
			pm_links_retire(c->nl, &p->net);
		netd_guard(d, p, false);
		p->retired = true;
	}
}

/* --- ports ------------------------------------------------------------------------------------ */

/* The container's first address of a family. */
static bool first_address(const struct netd_ctr *c, int family, struct pm_ip *ret)
{
	for (size_t i = 0; i < c->n_places; i++)
		for (size_t k = 0; k < c->places[i]->net.n_subnets; k++)
			if (c->places[i]->net.subnets[k].address.family == family) {
				*ret = c->places[i]->net.subnets[k].address;
				return true;
			}
	return false;
}

static void add_local(const struct netd *d, struct pm_wire *w)
{
	char text[PM_IPNET_TEXT];
	for (size_t i = 0; i < d->n_bridges; i++)
		for (size_t k = 0; k < d->bridges[i]->net.n_subnets; k++)
			pm_wire_add(w, "local", pm_ipnet_format(&d->bridges[i]->net.subnets[k].net, text));
	if (d->rootless) { /* the way out's own */
		pm_wire_add(w, "local", "10.0.2.0/24");
		pm_wire_add(w, "local", "fd00::/64");
	}
}

static int serve_forward(int channel, int unused, struct pm_err *err)
{
	(void)unused;
	return pm_forward_serve(channel, err);
}

int netd_publish(struct netd *d, struct netd_ctr *c, struct pm_err *err)
{
	struct pm_ip ip;
	char text[PM_IP_TEXT];
	int r = 0;
	if (c->listen.n && d->forward < 0) /* it starts with the first port */
		r = pm_child_start(serve_forward, &d->forward, NULL, err);
	for (size_t from = 0; from < c->listen.n && r >= 0; from += FDS) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[FDS];
		size_t n = 0;
		pm_wire_add(&w, "type", "port");
		pm_wire_add(&w, "id", c->id);
		if (first_address(c, AF_INET, &ip))
			pm_wire_add(&w, "address4", pm_ip_format(&ip, text));
		if (first_address(c, AF_INET6, &ip))
			pm_wire_add(&w, "address6", pm_ip_format(&ip, text));
		add_local(d, &w);
		for (; n < FDS && from + n < c->listen.n; n++) {
			char to[32];
			snprintf(to, sizeof(to), "%s %u", pm_proto_name(c->listen.v[from + n].proto),
				 c->listen.v[from + n].port);
			pm_wire_add(&w, "to", to);
			fds[n] = c->listen.v[from + n].fd;
		}
		c->has_ports = true;
		r = netd_tell(d->forward, "the port forwarder", &w, fds, n, err);
	}
	pm_listen_free(&c->listen);
	return r;
}

void netd_unpublish(struct netd *d, struct netd_ctr *c)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	if (!c->has_ports)
		return;
	pm_wire_add(&w, "type", "noport");
	pm_wire_add(&w, "id", c->id);
	(void)netd_tell(d->forward, "the port forwarder", &w, NULL, 0, NULL);
	c->has_ports = false;
}
