#include "netns/slirp/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/slirp/filter.h"

/* A tap frame: MTU 65521 at most, with its Ethernet header. */
#define FRAME_MAX 65536

/* Frames taken from the tap before the host's sockets get their turn. */
#define FRAMES_PER_TURN 64

#define TIMERS_MAX 4

struct timer {
	bool used;
	SlirpTimerId id;
	void *opaque;
	int64_t expire_ms; /* by clock_get_ns; -1: not set */
};

enum { POLL_TAP, POLL_CONTROL, POLL_CONTAINER, POLL_FIXED };

struct pm_slirp_stack {
	Slirp *slirp;
	int tap;
	int64_t now_ms; /* as of the last poll */
	struct pm_slirp_filter filter;
	struct timer timers[TIMERS_MAX];
	struct pollfd *polls; /* the fixed ones, then libslirp's */
	size_t n_polls, cap_polls;
	uint8_t frame[FRAME_MAX];
	uint8_t copy[FRAME_MAX]; /* of a frame to the container, where it is changed */
};

/* --- callbacks ------------------------------------------------------------------------------- */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	struct pm_slirp_stack *s = opaque;
	ssize_t n;
	if (len > sizeof(s->copy))
		return (ssize_t)len;
	buf = pm_slirp_filter_to_guest(&s->filter, buf, len, s->now_ms, s->copy);
	do
		n = write(s->tap, buf, len);
	while (n < 0 && errno == EINTR);
	/* A full queue drops the frame, as a wire does. A device that is down does, too (EIO). */
	return n < 0 ? (ssize_t)len : n;
}

static void guest_error(const char *msg, void *opaque)
{
	/* The container can make these at will: nothing to tell anybody. */
	(void)msg;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void init_completed(Slirp *slirp, void *opaque)
{
	(void)slirp;
	(void)opaque;
}

static void *timer_new_opaque(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct pm_slirp_stack *s = opaque;
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (s->timers[i].used)
			continue;
		s->timers[i] = (struct timer){true, id, cb_opaque, -1};
		return &s->timers[i];
	}
	abort(); /* libslirp has one */
}

static void timer_free(void *timer, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->used = false;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->expire_ms = expire_ms;
}

static void poll_fd_unused(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque; /* there is one thread, and it is awake */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd_unused,
	.unregister_poll_fd = poll_fd_unused,
	.notify = notify,
	.init_completed = init_completed,
	.timer_new_opaque = timer_new_opaque,
};

/* --- ports ----------------------------------------------------------------------------------- */

static int forward4(struct pm_slirp_stack *s, const struct pm_slirp_config *c, const char *ip,
		    const struct pm_port *p, unsigned int i, struct pm_err *err)
{
	struct sockaddr_in host = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)(p->host + i))};
	struct sockaddr_in guest = {.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)(p->container + i)),
				    .sin_addr = pm_slirp_addr(c, PM_SLIRP_GUEST)};
	inet_pton(AF_INET, ip, &host.sin_addr);
	if (slirp_add_hostxfwd(s->slirp, (struct sockaddr *)&host, sizeof(host),
			       (struct sockaddr *)&guest, sizeof(guest),
			       p->proto == PM_PROTO_UDP ? SLIRP_HOSTFWD_UDP : 0) < 0)
		return pm_publish_failed(p->proto, ip, p->host + i, errno, err);
	return 0;
}

static int forward6(struct pm_slirp_stack *s, const struct pm_slirp_config *c, const char *ip,
		    const struct pm_port *p, unsigned int i, struct pm_err *err)
{
	struct sockaddr_in6 host = {.sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)(p->host + i))};
	struct sockaddr_in6 guest = {.sin6_family = AF_INET6,
				     .sin6_port = htons((uint16_t)(p->container + i)),
				     .sin6_addr = pm_slirp_addr6(c, PM_SLIRP_GUEST6)};
	inet_pton(AF_INET6, ip, &host.sin6_addr);
	int flags = SLIRP_HOSTFWD_V6ONLY | (p->proto == PM_PROTO_UDP ? SLIRP_HOSTFWD_UDP : 0);
	if (slirp_add_hostxfwd(s->slirp, (struct sockaddr *)&host, sizeof(host),
			       (struct sockaddr *)&guest, sizeof(guest), flags) < 0)
		return pm_publish_failed(p->proto, ip, p->host + i, errno, err);
	return 0;
}

/* A port without an address is all addresses: of IPv6 too, where the host has it. */
static int forward_any6(struct pm_slirp_stack *s, const struct pm_slirp_config *c,
			const struct pm_port *p, unsigned int i, struct pm_err *err)
{
	int r = forward6(s, c, "::", p, i, err);
	if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL)
		return r;
	pm_err_clear(err);
	return 0;
}

int pm_slirp_stack_forward(struct pm_slirp_stack *s, const struct pm_slirp_config *c,
			   const struct pm_ports *ports, struct pm_err *err)
{
	for (size_t k = 0; k < ports->n; k++) {
		const struct pm_port *p = &ports->v[k];
		bool any = !*p->host_ip, v6 = strchr(p->host_ip, ':');
		for (unsigned int i = 0; i < p->range; i++) {
			int r = 0;
			if (v6)
				r = forward6(s, c, p->host_ip, p, i, err);
			else
				r = forward4(s, c, any ? "0.0.0.0" : p->host_ip, p, i, err);
			if (r >= 0 && any && c->ipv6)
				r = forward_any6(s, c, p, i, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int pm_slirp_stack_new(const struct pm_slirp_config *c, struct pm_slirp_stack **ret,
		       struct pm_err *err)
{
	int r = pm_slirp_config_check(c, err);
	if (r < 0)
		return r;

	struct pm_slirp_stack *s = PM_NEW(struct pm_slirp_stack);
	struct sockaddr_in out = {.sin_family = AF_INET, .sin_addr = c->outbound};
	struct sockaddr_in6 out6 = {.sin6_family = AF_INET6, .sin6_addr = c->outbound6};
	SlirpConfig cfg = {
		.version = 4,
		.in_enabled = true,
		.vnetwork = c->net,
		.vnetmask = {htonl(~0u << (32 - c->prefix_len))},
		.vhost = pm_slirp_addr(c, PM_SLIRP_GATEWAY),
		.in6_enabled = c->ipv6,
		.vprefix_addr6 = c->net6,
		.vprefix_len = 64,
		.vhost6 = pm_slirp_addr6(c, PM_SLIRP_GATEWAY),
		.vdhcp_start = pm_slirp_addr(c, PM_SLIRP_DHCP_START),
		.vnameserver = pm_slirp_addr(c, PM_SLIRP_DNS),
		.vnameserver6 = pm_slirp_addr6(c, PM_SLIRP_DNS),
		.if_mtu = c->mtu,
		.if_mru = c->mtu,
		.disable_host_loopback = false, /* filter.h does it */
		.outbound_addr = c->outbound.s_addr == INADDR_ANY ? NULL : &out,
		.outbound_addr6 = IN6_IS_ADDR_UNSPECIFIED(&c->outbound6) ? NULL : &out6,
	};
	/* libslirp keeps the pointers to the outbound addresses */
	if (cfg.outbound_addr) {
		cfg.outbound_addr = PM_NEW(struct sockaddr_in);
		*cfg.outbound_addr = out;
	}
	if (cfg.outbound_addr6) {
		cfg.outbound_addr6 = PM_NEW(struct sockaddr_in6);
		*cfg.outbound_addr6 = out6;
	}
	s->tap = -1;
	s->filter.gateway = cfg.vhost;
	s->filter.gateway6 = cfg.vhost6;
	s->filter.nameserver6 = cfg.vnameserver6;
	s->filter.allow_host = c->allow_host_loopback;
	if (c->egress.n) {
		struct pm_ip v4 = pm_ip_from_bytes(&cfg.vnameserver, 4), v6 = {0};
		if (c->ipv6)
			v6 = pm_ip_from_bytes(&cfg.vnameserver6, 16);
		r = pm_slirp_egress_new(&c->egress, &v4, &v6, &s->filter.egress, err);
		if (r < 0) {
			free(s);
			return r;
		}
	}
	s->slirp = slirp_new(&cfg, &callbacks, s);
	if (!s->slirp) {
		free(s);
		return pm_fail(err, PM_E_INTERNAL, "libslirp refuses these network settings");
	}
	*ret = s;
	return 0;
}

/* --- frames ---------------------------------------------------------------------------------- */

static int read_tap(struct pm_slirp_stack *s, struct pm_err *err)
{
	for (int i = 0; i < FRAMES_PER_TURN; i++) {
		ssize_t n = read(s->tap, s->frame, sizeof(s->frame));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EIO)) /* EIO: the device is down */
			return 0;
		if (n <= 0)
			return pm_fail_sys(err, "read the tap device");
		if (pm_slirp_filter_from_guest(&s->filter, s->frame, (size_t)n, s->now_ms))
			slirp_input(s->slirp, s->frame, (int)n);
	}
	return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static size_t add_pollfd(struct pm_slirp_stack *s, int fd, short events)
{
	if (s->n_polls == s->cap_polls) {
		s->cap_polls = s->cap_polls ? s->cap_polls * 2 : 16;
		s->polls = pm_reallocarray(s->polls, s->cap_polls, sizeof(*s->polls));
	}
	s->polls[s->n_polls] = (struct pollfd){.fd = fd, .events = events};
	return s->n_polls++;
}

static int add_poll(int fd, int events, void *opaque)
{
	short e = 0;
	if (events & SLIRP_POLL_IN)
		e |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		e |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		e |= POLLPRI;
	return (int)add_pollfd(opaque, fd, e);
}

static int get_revents(int index, void *opaque)
{
	struct pm_slirp_stack *s = opaque;
	if (index < POLL_FIXED || (size_t)index >= s->n_polls)
		return 0;
	short r = s->polls[index].revents;
	int e = 0;
	if (r & POLLIN)
		e |= SLIRP_POLL_IN;
	if (r & POLLOUT)
		e |= SLIRP_POLL_OUT;
	if (r & POLLPRI)
		e |= SLIRP_POLL_PRI;
	if (r & POLLERR)
		e |= SLIRP_POLL_ERR;
	if (r & POLLHUP)
		e |= SLIRP_POLL_HUP;
	return e;
}

/* How long to sleep: libslirp's wish and the next timer. -1 for ever. */
static int sleep_ms(struct pm_slirp_stack *s, uint32_t wish)
{
	int64_t best = wish == UINT32_MAX ? -1 : (int64_t)wish;
	int64_t now = clock_get_ns(s) / 1000000;
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (!s->timers[i].used || s->timers[i].expire_ms < 0)
			continue;
		int64_t left = s->timers[i].expire_ms - now;
		if (left < 0)
			left = 0;
		if (best < 0 || left < best)
			best = left;
	}
	return best > INT_MAX ? INT_MAX : (int)best;
}

static void run_timers(struct pm_slirp_stack *s)
{
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		struct timer *t = &s->timers[i];
		if (!t->used || t->expire_ms < 0 || t->expire_ms > s->now_ms)
			continue;
		t->expire_ms = -1;
		slirp_handle_timer(s->slirp, t->id, t->opaque);
	}
}

/* A message or the end of the monitor. A container's pidfd replaces the one before (restart). */
static void handle_control(int *control, int *container)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fd = -1;
	size_t n = 1;
	int r = pm_wire_recv(*control, &w, &fd, &n, NULL);
	if (r <= 0) {
		close(*control);
		*control = -1;
		return;
	}
	const char *type = pm_wire_get(&w, "type");
	if (n == 1 && type && strcmp(type, "container") == 0) {
		if (*container >= 0)
			close(*container);
		*container = fd;
	} else if (n == 1) {
		close(fd);
	}
}

int pm_slirp_stack_run(struct pm_slirp_stack *s, int tap_fd, int control, struct pm_err *err)
{
	int container = -1;
	s->tap = tap_fd;
	while (control >= 0 || container >= 0) {
		uint32_t wish = UINT32_MAX;
		s->n_polls = 0;
		add_pollfd(s, s->tap, POLLIN);
		add_pollfd(s, control, POLLIN);
		/* the container's end matters only when no monitor is left to say so */
		add_pollfd(s, control < 0 ? container : -1, POLLIN);
		slirp_pollfds_fill(s->slirp, &wish, add_poll, s);

		int n = poll(s->polls, s->n_polls, sleep_ms(s, wish));
		if (n < 0 && errno != EINTR)
			return pm_fail_sys(err, "poll");
		if (n > 0 && (s->polls[POLL_TAP].revents & POLLNVAL))
			return pm_fail(err, EBADF, "poll the tap device");
		short tap_events = n > 0 ? s->polls[POLL_TAP].revents : 0;
		short control_events = n > 0 ? s->polls[POLL_CONTROL].revents : 0;
		if (n > 0 && s->polls[POLL_CONTAINER].revents)
			return 0;

		s->now_ms = clock_get_ns(s) / 1000000;
		slirp_pollfds_poll(s->slirp, n < 0, get_revents, s);
		run_timers(s);
		if (tap_events) {
			int r = read_tap(s, err);
			if (r < 0)
				return r;
		}
		if (control_events)
			handle_control(&control, &container);
	}
	return 0;
}
