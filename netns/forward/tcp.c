#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/forward/forward.h"

enum {
	CHUNK = 1 << 20,
	ROUNDS = 16, /* before others get their turn */
	POOL = 64,   /* pipes kept for the next */
	ACCEPTS = 64,
};

/* From one socket to the other, through a pipe it has only while something is in it. */
struct way {
	int pipe[2]; /* -1: none */
	size_t fill;
	bool eof;  /* the source has ended */
	bool done; /* and so was the target told */
};

struct conn {
	int client, server; /* -1: free */
	bool connected;
	bool more_up, more_down, queued; /* there is more to do at once */
	size_t port;
	uint32_t generation;
	struct way up, down; /* client to server, server to client */
};

struct pm_tcp {
	struct conn *v;
	size_t n;
	size_t *free_list; /* indexes */
	size_t n_free;
	size_t *ended; /* in this turn: not free yet, events for them may be to come, which are not for successors */
	size_t n_ended;
	size_t *queue; /* those that had more to do */
	size_t n_queue;
	int pool[POOL][2];
	size_t n_pool;
};

struct pm_tcp *pm_tcp_new(void)
{
	return PM_NEW(struct pm_tcp);
}

static int take_pipe(struct pm_tcp *t, struct way *w)
{
	if (w->pipe[0] >= 0)
		return 0;
	if (t->n_pool) {
		memcpy(w->pipe, t->pool[--t->n_pool], sizeof(w->pipe));
		return 0;
	}
	return pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK);
}

static void give_pipe(struct pm_tcp *t, struct way *w)
{
	if (w->pipe[0] < 0)
		return;
	if (w->fill == 0 && t->n_pool < POOL) {
		memcpy(t->pool[t->n_pool++], w->pipe, sizeof(w->pipe));
	} else {
		close(w->pipe[0]);
		close(w->pipe[1]);
	}
	w->pipe[0] = w->pipe[1] = -1;
	w->fill = 0;
}

/* reset: both ends hear of an error, not of an orderly end. */
static void end(struct pm_forward *f, struct conn *c, bool reset)
{
	const struct linger now = {.l_onoff = 1};
	int fds[] = {c->client, c->server};
	for (size_t i = 0; i < 2; i++) {
		if (fds[i] < 0)
			continue;
		if (reset)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fds[i]);
	}
	give_pipe(f->tcp, &c->up);
	give_pipe(f->tcp, &c->down);
	c->client = c->server = -1;
	f->tcp->ended[f->tcp->n_ended++] = (size_t)(c - f->tcp->v);
}

/* One turn of from: 1 something came into the pipe, 0 nothing, -1 broken. */
static int fill(struct pm_tcp *t, struct way *w, int from)
{
	if (w->eof)
		return 0;
	if (take_pipe(t, w) < 0)
		return -1;
	ssize_t n = splice(from, NULL, w->pipe[1], NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	w->eof = n == 0;
	w->fill += (size_t)n;
	return n > 0;
}

static int drain(struct way *w, int to)
{
	if (!w->fill)
		return 0;
	ssize_t n = splice(w->pipe[0], NULL, to, NULL, w->fill, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	w->fill -= (size_t)n;
	return n > 0;
}

/* 1: more can be done at once, 0: wait for an event, -1: broken. */
static int pump(struct pm_tcp *t, struct way *w, int from, int to, const struct way *other)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (w->done)
			return 0;
		int in = fill(t, w, from), out = in < 0 ? in : drain(w, to);
		if (out < 0)
			return -1;
		if (w->fill == 0)
			give_pipe(t, w);
		if (w->eof && w->fill == 0) {
			if (!other->done) /* else both are closed at once */
				shutdown(to, SHUT_WR);
			w->done = true;
			return 0;
		}
		if (!in && !out)
			return 0;
	}
	return 1;
}

static void go_on(struct pm_forward *f, struct conn *c, bool up, bool down)
{
	struct pm_tcp *t = f->tcp;
	int r = up ? pump(t, &c->up, c->client, c->server, &c->down) : 0;
	c->more_up = r > 0;
	if (r >= 0 && down)
		r = pump(t, &c->down, c->server, c->client, &c->up);
	c->more_down = r > 0 && down;
	if (r < 0 || (c->up.done && c->down.done)) {
		end(f, c, r < 0);
		return;
	}
	if ((c->more_up || c->more_down) && !c->queued) {
		c->queued = true;
		t->queue[t->n_queue++] = (size_t)(c - t->v);
	}
}

bool pm_tcp_end_of_turn(struct pm_forward *f)
{
	struct pm_tcp *t = f->tcp;
	size_t n = t->n_queue;
	while (t->n_ended)
		t->free_list[t->n_free++] = t->ended[--t->n_ended];
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct conn *c = &t->v[t->queue[i]];
		c->queued = false;
		if (c->client >= 0 && (c->more_up || c->more_down))
			go_on(f, c, c->more_up, c->more_down);
	}
	memmove(t->queue, t->queue + n, (t->n_queue - n) * sizeof(*t->queue));
	t->n_queue -= n;
	return t->n_queue > 0;
}

static struct conn *new_conn(struct pm_tcp *t)
{
	if (t->n_free == 0) {
		size_t more = t->n ? t->n : 16;
		t->v = pm_reallocarray(t->v, t->n + more, sizeof(*t->v));
		t->free_list = pm_reallocarray(t->free_list, t->n + more, sizeof(*t->free_list));
		t->ended = pm_reallocarray(t->ended, t->n + more, sizeof(*t->ended));
		/* one that is queued twice in a turn: so twice the room */
		t->queue = pm_reallocarray(t->queue, 2 * (t->n + more), sizeof(*t->queue));
		for (size_t i = t->n + more; i > t->n; i--) {
			t->v[i - 1] = (struct conn){.client = -1, .server = -1};
			t->free_list[t->n_free++] = i - 1;
		}
		t->n += more;
	}
	return &t->v[t->free_list[--t->n_free]];
}

static int connect_server(struct pm_forward *f, const struct pm_forward_port *p,
			  const struct sockaddr_storage *client)
{
	for (int same_port = 1; same_port >= 0; same_port--) {
		struct sockaddr_storage to;
		socklen_t len;
		_cleanup_close_ int fd = pm_forward_socket(f, p, SOCK_STREAM, client, same_port, &to, &len);
		if (fd < 0)
			return -1;
		if (connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS)
			return pm_steal_fd(&fd);
		if (errno != EADDRNOTAVAIL && errno != EADDRINUSE)
			return -1;
	}
	return -1;
}

static void accept_one(struct pm_forward *f, size_t port, int client,
		       const struct sockaddr_storage *from)
{
	const struct linger now = {.l_onoff = 1};
	const int on = 1;
	int server = connect_server(f, &f->ports[port], from);
	if (server < 0) {
		setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(client);
		return;
	}
	/* small pieces go at once, as they were sent; the client's has this from the listening socket */
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct conn *c = new_conn(f->tcp);
	size_t i = (size_t)(c - f->tcp->v);
	bool queued = c->queued;
	*c = (struct conn){.client = client,
			   .server = server,
			   .queued = queued,
			   .port = port,
			   .generation = f->ports[port].generation,
			   .up = {.pipe = {-1, -1}},
			   .down = {.pipe = {-1, -1}}};
	const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	pm_forward_watch(f, EPOLL_CTL_ADD, server, events, PM_FORWARD_SERVER, i);
	pm_forward_watch(f, EPOLL_CTL_ADD, client, events, PM_FORWARD_CLIENT, i);
}

void pm_tcp_accept(struct pm_forward *f, size_t port)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		int client = accept4(f->ports[port].fd, (struct sockaddr *)&from, &len,
				     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0)
			return;
		accept_one(f, port, client, &from);
	}
}

void pm_tcp_event(struct pm_forward *f, size_t index, bool client, uint32_t events)
{
	struct conn *c = &f->tcp->v[index];
	if (c->client < 0)
		return;
	bool broken = events & (EPOLLERR | EPOLLHUP);
	if (!c->connected) {
		if (broken) {
			end(f, c, true);
		} else if (!client && (events & EPOLLOUT)) {
			c->connected = true;
			go_on(f, c, true, true);
		}
		return;
	}
	bool in = broken || (events & (EPOLLIN | EPOLLRDHUP));
	bool out = broken || ((events & EPOLLOUT) && (client ? c->down.fill : c->up.fill));
	go_on(f, c, client ? in : out, client ? out : in);
}

void pm_tcp_close_port(struct pm_forward *f, size_t port)
{
	for (size_t i = 0; i < f->tcp->n; i++)
		if (f->tcp->v[i].client >= 0 && f->tcp->v[i].port == port)
			end(f, &f->tcp->v[i], true);
}
