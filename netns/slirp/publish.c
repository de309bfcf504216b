#include "netns/slirp/publish.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "netns/answer.h"
#include "netns/child.h"
#include "netns/forward/forward.h"
#include "netns/userns.h"

#define NAME "the port forwarder"
#define FDS 16

/* --- the child ------------------------------------------------------------------------------- */

/* Into the network namespace, and before that into the user namespace that owns it, as its root. */
static int enter(int netns, struct pm_err *err)
{
	struct stat own, theirs;
	_cleanup_close_ int userns = ioctl(netns, NS_GET_USERNS);
	if (userns < 0 || fstat(userns, &theirs) < 0 || stat("/proc/self/ns/user", &own) < 0)
		return pm_fail_sys(err, "find the owner of the container's network namespace");
	if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev) {
		int r = pm_userns_enter(userns, err);
		if (r < 0)
			return r;
	}
	if (setns(netns, CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "enter the container's network namespace");
	return 0;
}

static int serve(int channel, int unused, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int netns = -1;
	size_t n = 1;
	(void)unused;
	int r = pm_wire_recv(channel, &w, &netns, &n, err);
	if (r <= 0 || n != 1)
		_exit(0); /* no container came of it */
	r = enter(netns, err);
	close(netns);
	return r < 0 ? r : pm_forward_serve(channel, err);
}

/* --- the parent ------------------------------------------------------------------------------ */

int pm_slirp_publish_start(struct pm_slirp_publish *p, struct pm_err *err)
{
	return pm_child_start(serve, &p->channel, NULL, err);
}

int pm_slirp_publish_bind(struct pm_slirp_publish *p, const struct pm_slirp_config *c,
			  struct pm_slirp_stack *stack, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports tcp, others;
	pm_slirp_ports(c, true, &tcp);
	pm_slirp_ports(c, false, &others);
	int r = pm_slirp_stack_forward(stack, c, &others, err);
	if (r < 0 || p->channel < 0)
		return r < 0 ? r : pm_slirp_stack_forward(stack, c, &tcp, err);
	for (size_t i = 0; i < tcp.n && !c->ipv6; i++)
		if (!*tcp.v[i].host_ip)
			snprintf(tcp.v[i].host_ip, sizeof(tcp.v[i].host_ip), "0.0.0.0");
	return pm_listen_open(&tcp, &p->listen, err);
}

static void add_ip(struct pm_wire *w, const char *name, const void *bytes, size_t len)
{
	char text[PM_IP_TEXT];
	struct pm_ip ip = pm_ip_from_bytes(bytes, len);
	pm_wire_add(w, name, pm_ip_format(&ip, text));
}

/* A client of that very address would be the container itself. */
static void add_local(struct pm_wire *w, const void *bytes, size_t len)
{
	char text[PM_IPNET_TEXT];
	struct pm_ip ip = pm_ip_from_bytes(bytes, len);
	struct pm_ipnet net = pm_ipnet_of(&ip, (unsigned int)len * 8);
	pm_wire_add(w, "local", pm_ipnet_format(&net, text));
}

static void describe(const struct pm_slirp_config *c, struct pm_wire *w)
{
	struct in_addr guest = pm_slirp_addr(c, PM_SLIRP_GUEST), gateway = pm_slirp_addr(c, PM_SLIRP_GATEWAY);
	struct in6_addr guest6 = pm_slirp_addr6(c, PM_SLIRP_GUEST6);
	struct in6_addr gateway6 = pm_slirp_addr6(c, PM_SLIRP_GATEWAY);
	pm_wire_add(w, "type", "port");
	pm_wire_add(w, "id", "container");
	add_ip(w, "address4", &guest, 4);
	add_ip(w, "gateway4", &gateway, 4);
	add_local(w, &guest, 4);
	if (!c->ipv6)
		return;
	add_ip(w, "address6", &guest6, 16);
	add_ip(w, "gateway6", &gateway6, 16);
	add_local(w, &guest6, 16);
}

static int send_ports(const struct pm_slirp_publish *p, const struct pm_slirp_config *c,
		      struct pm_err *err)
{
	int r = 0;
	for (size_t from = 0; from < p->listen.n && r >= 0; from += FDS) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[FDS];
		size_t n = 0;
		describe(c, &w);
		for (; n < FDS && from + n < p->listen.n; n++) {
			char to[32];
			snprintf(to, sizeof(to), "tcp %u", p->listen.v[from + n].port);
			pm_wire_add(&w, "to", to);
			fds[n] = p->listen.v[from + n].fd;
		}
		r = pm_answer_send(p->channel, NAME, &w, fds, n, err);
		if (r >= 0)
			r = pm_answer_wait(p->channel, NAME, err);
	}
	return r;
}

static int serve_by_forwarder(struct pm_slirp_publish *p, const struct pm_slirp_config *c, int netns,
			      struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "netns");
	int r = pm_answer_send(p->channel, NAME, &w, &netns, 1, err);
	return r < 0 ? r : send_ports(p, c, err);
}

int pm_slirp_publish_serve(struct pm_slirp_publish *p, const struct pm_slirp_config *c,
			   struct pm_slirp_stack *stack, int netns, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports tcp = PM_PORTS_INIT;
	if (p->channel < 0)
		return 0;
	bool works = p->listen.n && netns >= 0 && serve_by_forwarder(p, c, netns, err) >= 0;
	bool wanted = p->listen.n;
	pm_listen_free(&p->listen);
	if (works)
		return 0; /* the channel stays open: its end is the forwarder's */
	close(pm_steal_fd(&p->channel));
	pm_err_clear(err);
	if (wanted)
		pm_slirp_ports(c, true, &tcp);
	return pm_slirp_stack_forward(stack, c, &tcp, err);
}

void pm_slirp_publish_end(struct pm_slirp_publish *p)
{
	if (p->channel >= 0)
		pm_answer_release(p->channel);
	p->channel = -1;
}
