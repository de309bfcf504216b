#include "netns/netd/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "netns/answer.h"
#include "netns/mark.h"
#include "netns/netd/links.h"
#include "netns/netd/way_out.h"
#include "netns/rtnl.h"

#define FDS 16

/* One that stops in the middle of a message may not stop the others. */
#define MESSAGE_S 5

/* --- clients ---------------------------------------------------------------------------------- */

static int say_hello(int sock, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add_int(&w, "pid", getpid());
	return pm_wire_send(sock, &w, NULL, 0, err);
}

/* There is no descriptor left for the client that waits, who would wait for ever, and we with a listener that is ready. */
static void turn_away(struct netd *d)
{
	struct pm_err err = PM_ERR_INIT;
	pm_fail(&err, EMFILE, "pm-netd has as many containers as its limit of open files allows (ulimit -Hn)");
	close(d->spare);
	int sock = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0) {
		pm_answer_error(sock, &err);
		close(sock);
	}
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* true: somebody came. */
static bool accept_client(struct netd *d)
{
	const struct timeval limit = {.tv_sec = MESSAGE_S};
	int sock = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
	if (sock < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(d);
	if (sock < 0)
		return false;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	struct netd_ctr *c = PM_NEW(struct netd_ctr);
	c->sock = sock;
	c->netns = c->nl = c->pidfd = -1;
	d->ctrs = pm_reallocarray(d->ctrs, d->n_ctrs + 1, sizeof(struct netd_ctr *));
	d->ctrs[d->n_ctrs++] = c;
	return true;
}

/* Everything of the container goes. The socket, whose end says that ports, names and addresses are free, goes
 * before what takes the kernel long; nobody else is served in between. */
static void remove_client(struct netd *d, size_t i)
{
	struct netd_ctr *c = d->ctrs[i];
	netd_unpublish(d, c);
	netd_retire(d, c);
	close(c->sock);
	while (c->n_places)
		netd_leave(d, c, c->n_places - 1);
	int fds[] = {c->netns, c->nl, c->pidfd};
	for (size_t k = 0; k < PM_ARRAY_SIZE(fds); k++)
		if (fds[k] >= 0)
			close(fds[k]);
	free(c->places);
	pm_strv_free(&c->egress);
	pm_strv_free(&c->dns_servers);
	pm_listen_free(&c->listen);
	free(c);
	d->ctrs[i] = d->ctrs[--d->n_ctrs];
}

static struct netd_ctr *find_ctr(const struct netd *d, const char *id)
{
	for (size_t i = 0; i < d->n_ctrs; i++)
		if (d->ctrs[i]->state == NETD_UP && strcmp(d->ctrs[i]->id, id) == 0)
			return d->ctrs[i];
	return NULL;
}

/* --- messages --------------------------------------------------------------------------------- */

/* All but the devices is made while the monitor is still on its way to a network namespace. */
static int message_attach(struct netd *d, struct netd_ctr *c, const struct pm_wire *w,
			  struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config asked = {0};
	if (c->state != NETD_NEW)
		return pm_fail(err, PM_E_FORMAT, "pm-netd: a second attach");
	int r = pm_netd_config_decode(w, &asked, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < asked.n_nets; i++)
		if (!*asked.nets[i].device)
			return pm_fail(err, PM_E_FORMAT, "pm-netd: a network without device");
	memcpy(c->id, asked.id, sizeof(c->id));
	c->egress = asked.egress;
	c->dns_servers = asked.dns_servers;
	asked.egress = asked.dns_servers = (struct pm_strv)PM_STRV_INIT;
	c->state = NETD_ATTACHING;
	for (size_t i = 0; i < asked.n_nets && r >= 0; i++)
		r = netd_join(d, c, &asked.nets[i], err);
	return r < 0 ? r : netd_open(d, c, err);
}

static int message_listen(struct netd_ctr *c, const struct pm_wire *w, int *fds, size_t n,
			  struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv to = PM_STRV_INIT;
	pm_wire_get_list(w, "to", &to);
	if (c->state != NETD_ATTACHING || to.n != n)
		return pm_fail(err, PM_E_FORMAT, "pm-netd: malformed ports");
	for (size_t i = 0; i < n; i++) {
		char *space = strchr(to.v[i], ' ');
		enum pm_proto proto;
		if (!space)
			return pm_fail(err, PM_E_FORMAT, "pm-netd: malformed ports");
		*space = '\0';
		int r = pm_proto_parse(to.v[i], &proto, err);
		if (r < 0)
			return r;
		struct pm_listen *l = &c->listen;
		l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
		l->v[l->n].fd = pm_steal_fd(&fds[i]);
		l->v[l->n].proto = proto;
		l->v[l->n++].port = (uint16_t)strtoul(space + 1, NULL, 10);
	}
	return 0;
}

static int message_netns(struct netd *d, struct netd_ctr *c, int *fds, size_t n, struct pm_err *err)
{
	if (c->state != NETD_ATTACHING || n != 1)
		return pm_fail(err, PM_E_FORMAT, "pm-netd: a network namespace was expected");
	c->netns = pm_steal_fd(&fds[0]);
	c->nl = pm_links_open_in(c->netns, d->own_netns, err);
	int r = c->nl;
	struct pm_rtnl b;
	pm_rtnl_init(&b);
	pm_rtnl_link_up(&b, PM_LO_INDEX, 0, "bring lo up");
	if (r >= 0)
		r = pm_rtnl_run(&b, c->nl, err);
	for (size_t i = 0; i < c->n_places && r >= 0; i++) {
		/* on the host the devices of a pm-netd that was killed are still there */
		if (!d->rootless)
			pm_links_disconnect(c->nl, c->places[i]->net.device);
		r = netd_connect(d, c, i, err);
	}
	if (r >= 0)
		r = netd_publish(d, c, err);
	if (r >= 0 && d->rootless)
		r = netd_way_out_ready(d, err);
	if (r < 0)
		return r;
	c->state = NETD_UP;
	return pm_answer_ready(c->sock, err);
}

static int not_here(const char *id, struct pm_err *err)
{
	return pm_fail(err, PM_E_STATE, "the networks of container %.12s are gone, their pm-netd was killed: "
		       "connect it again with pm network reload", id);
}

static void choose_device(const struct netd_ctr *c, char device[16])
{
	bool taken = true;
	for (unsigned int n = 0; taken; n++) {
		snprintf(device, 16, "eth%u", n);
		taken = false;
		for (size_t i = 0; i < c->n_places; i++)
			taken |= strcmp(c->places[i]->net.device, device) == 0;
	}
}

static int message_connect(struct netd *d, const struct pm_wire *w, struct pm_err *err)
{
	_cleanup_netd_config_ struct pm_netd_config asked = {0};
	int r = pm_netd_config_decode(w, &asked, err);
	if (r < 0)
		return r;
	struct netd_ctr *c = find_ctr(d, asked.id);
	if (!c || asked.n_nets != 1)
		return not_here(asked.id, err);
	if (strcmp(asked.nets[0].device, PM_NETD_ANY_DEVICE) == 0)
		choose_device(c, asked.nets[0].device);
	r = netd_join(d, c, &asked.nets[0], err);
	if (r < 0)
		return r;
	r = netd_open(d, c, err);
	if (r >= 0)
		r = netd_connect(d, c, c->n_places - 1, err);
	if (r < 0)
		netd_leave(d, c, c->n_places - 1);
	return r;
}

static int message_disconnect(struct netd *d, const struct pm_wire *w, struct pm_err *err)
{
	const char *id = pm_wire_get(w, "id"), *name = pm_wire_get(w, "net");
	struct netd_ctr *c = id ? find_ctr(d, id) : NULL;
	for (size_t i = 0; c && name && i < c->n_places; i++) {
		if (strcmp(c->places[i]->net.name, name) == 0) {
			netd_leave(d, c, i);
			return 0;
		}
	}
	return pm_fail(err, PM_E_NOSUCH, "container %.12s is not on network %s", id ? id : "?",
		       name ? name : "?");
}

/* As they are now: root of a container may have called them otherwise, or removed them. */
static int message_devices(struct netd *d, struct netd_ctr *client, const struct pm_wire *w,
			   struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire answer = PM_WIRE_INIT;
	const char *id = pm_wire_get(w, "id");
	const struct netd_ctr *c = id ? find_ctr(d, id) : NULL;
	pm_wire_add(&answer, "ready", "1");
	for (size_t i = 0; c && i < c->n_places; i++) {
		char name[16];
		if (pm_rtnl_name(c->nl, c->places[i]->index, name, NULL) < 0)
			continue;
		pm_wire_add(&answer, "device", c->places[i]->net.name);
		pm_wire_add(&answer, "device", name);
	}
	return pm_wire_send(client->sock, &answer, NULL, 0, err);
}

static int message_resolvers(struct netd *d, const struct pm_wire *w, struct pm_err *err)
{
	const char *net = pm_wire_get(w, "net");
	_cleanup_strv_ struct pm_strv servers = PM_STRV_INIT;
	pm_wire_get_list(w, "dns_server", &servers);
	return net ? netd_resolvers(d, net, &servers, err)
		   : pm_fail(err, PM_E_FORMAT, "pm-netd: resolvers without a network");
}

static int message_reload(struct netd *d, const struct pm_wire *w, struct pm_err *err)
{
	const char *id = pm_wire_get(w, "id");
	if (!id || !find_ctr(d, id))
		return not_here(id ? id : "?", err);
	return netd_rules(d, err);
}

static int handle(struct netd *d, struct netd_ctr *c, const struct pm_wire *w, int *fds, size_t n,
		  struct pm_err *err)
{
	const char *type = pm_wire_get(w, "type");
	int r;
	if (!type)
		return pm_fail(err, PM_E_FORMAT, "pm-netd: a message without type");
	if (strcmp(type, "hello") == 0)
		return say_hello(c->sock, err);
	if (strcmp(type, "attach") == 0)
		return message_attach(d, c, w, err);
	if (strcmp(type, "listen") == 0)
		return message_listen(c, w, fds, n, err);
	if (strcmp(type, "netns") == 0)
		return message_netns(d, c, fds, n, err);
	if (strcmp(type, "container") == 0 && n == 1) {
		if (c->pidfd >= 0)
			close(c->pidfd);
		c->pidfd = pm_steal_fd(&fds[0]);
		return 0;
	}
	if (strcmp(type, "devices") == 0)
		return message_devices(d, c, w, err);
	if (strcmp(type, "connect") == 0)
		r = message_connect(d, w, err);
	else if (strcmp(type, "disconnect") == 0)
		r = message_disconnect(d, w, err);
	else if (strcmp(type, "resolvers") == 0)
		r = message_resolvers(d, w, err);
	else if (strcmp(type, "reload") == 0)
		r = message_reload(d, w, err);
	else
		return pm_fail(err, PM_E_FORMAT, "pm-netd: an unknown message '%.40s'", type);
	return r < 0 ? r : pm_answer_ready(c->sock, err);
}

/* false: the client has gone, or was told an error and goes. */
static bool client_event(struct netd *d, struct netd_ctr *c)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	struct pm_err err = PM_ERR_INIT;
	int fds[FDS];
	size_t n = FDS;
	for (size_t i = 0; i < FDS; i++)
		fds[i] = -1;
	int r = pm_wire_recv(c->sock, &w, fds, &n, &err);
	if (r == 0)
		return false;
	if (r > 0) {
		r = handle(d, c, &w, fds, n, &err);
		for (size_t i = 0; i < n; i++) /* those not taken over */
			if (fds[i] >= 0)
				close(fds[i]);
	}
	if (r >= 0)
		return true;
	pm_answer_error(c->sock, &err);
	/* a container that runs is not disconnected for a message that makes no sense */
	return c->state == NETD_UP && r != -ECONNRESET;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* What is on the host and no container's, of those killed before us, too; one's own network namespace goes
 * as a whole. */
static void leave_host(struct netd *d)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (d->rootless)
		return;
	(void)pm_mark_route(d->nl, d->mark, false, NULL);
	(void)pm_fs_list(d->lock_dir, ".", &names, NULL);
	for (size_t i = 0; i < names.n; i++) {
		if (!pm_startswith(names.v[i], NETD_BRIDGE_NOTE))
			continue;
		int index = pm_rtnl_index(d->nl, names.v[i] + strlen(NETD_BRIDGE_NOTE), NULL);
		if (index > 0)
			pm_links_remove(d->nl, index);
		unlinkat(d->lock_dir, names.v[i], 0);
	}
}

/* Nobody is left: end, unless somebody is just coming. Connecting takes the same lock. */
static bool may_end(struct netd *d)
{
	_cleanup_close_ int lock = pm_lock_take(d->lock_dir, "lock", PM_LOCK_EXCLUSIVE, NULL);
	if (lock < 0)
		return true;
	if (accept_client(d))
		return false;
	leave_host(d);
	unlinkat(d->lock_dir, "sock", 0);
	close(d->listener);
	return true;
}

static bool has_ended(const struct netd_ctr *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	return c->hung_up && (c->pidfd < 0 || poll(&p, 1, 0) != 0);
}

static void run_ended(struct netd *d)
{
	for (size_t i = d->n_ctrs; i > 0; i--)
		if (has_ended(d->ctrs[i - 1]))
			remove_client(d, i - 1);
}

/* The last container has ended: a network namespace of one's own goes as a whole, which nobody waits for, while to take
 * bridge and devices apart would take the kernel 20 ms that a next container would have to wait. */
static bool may_leave_all(struct netd *d)
{
	if (!d->rootless || d->n_ctrs != 1 || !has_ended(d->ctrs[0]))
		return false;
	netd_unpublish(d, d->ctrs[0]);
	if (!may_end(d))
		return false;
	close(d->ctrs[0]->sock);
	return true;
}

enum { P_LISTENER, P_LEARNED, P_DNS, P_FORWARD, P_SLIRP, P_FIXED };

static size_t fill(const struct netd *d, struct pollfd *p)
{
	const int fixed[P_FIXED] = {d->listener, d->learned, d->dns, d->forward, d->slirp};
	for (size_t i = 0; i < P_FIXED; i++)
		p[i] = (struct pollfd){.fd = fixed[i], .events = POLLIN};
	/* the children speak only when asked: what comes here is their end */
	for (size_t i = 0; i < d->n_ctrs; i++) {
		const struct netd_ctr *c = d->ctrs[i];
		p[P_FIXED + i] = (struct pollfd){.fd = c->hung_up ? c->pidfd : c->sock, .events = POLLIN};
	}
	return P_FIXED + d->n_ctrs;
}

int netd_run(struct netd *d, struct pm_err *err)
{
	struct pollfd *p = NULL;
	size_t cap = 0;
	for (;;) {
		if (may_leave_all(d))
			break;
		run_ended(d);
		if (d->n_ctrs == 0 && may_end(d))
			break;
		if (P_FIXED + d->n_ctrs > cap) {
			cap = 2 * (P_FIXED + d->n_ctrs);
			p = pm_reallocarray(p, cap, sizeof(*p));
		}
		size_t n = fill(d, p), n_ctrs = d->n_ctrs;
		if (poll(p, n, -1) < 0) {
			if (errno == EINTR)
				continue;
			return pm_fail_sys(err, "poll");
		}
		if (p[P_DNS].revents || p[P_FORWARD].revents) {
			while (d->n_ctrs)
				remove_client(d, 0);
			leave_host(d);
			return pm_fail(err, PM_E_INTERNAL, "a child of pm-netd has ended");
		}
		if (p[P_SLIRP].revents)
			netd_way_out_event(d);
		if (p[P_LEARNED].revents)
			netd_learned(d);
		for (size_t i = 0; i < n_ctrs; i++) {
			struct netd_ctr *c = d->ctrs[i];
			if (p[P_FIXED + i].revents && !c->hung_up)
				c->hung_up = !client_event(d, c);
		}
		if (p[P_LISTENER].revents)
			accept_client(d);
	}
	free(p);
	return 0;
}
