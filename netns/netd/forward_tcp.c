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
#include "netns/netd/forward.h"

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
	bool connected, queued;
	size_t port;
	uint32_t generation;
	struct way up, down; /* client to server, server to client */
};

struct pm_tcp {
	struct conn *v;
	size_t n;
	size_t *free_list; /* indexes */
	size_t n_free;
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
	f->tcp->free_list[f->tcp->n_free++] = (size_t)(c - f->tcp->v);
}

/* 1: more can be done at once, 0: wait for an event, -1: broken. */
static int pump(struct pm_tcp *t, struct way *w, int from, int to)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = false;
		if (w->done)
			return 0;
		if (!w->eof) {
			if (take_pipe(t, w) < 0)
				return -1;
			ssize_t n = splice(from, NULL, w->pipe[1], NULL, CHUNK,
					   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (n < 0 && errno != EAGAIN)
				return -1;
			if (n == 0)
				w->eof = true;
			if (n > 0) {
				w->fill += (size_t)n;
				moved = true;
			}
		}
		if (w->fill) {
			ssize_t n = splice(w->pipe[0], NULL, to, NULL, w->fill,
					   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (n < 0 && errno != EAGAIN)
				return -1;
			if (n > 0) {
				w->fill -= (size_t)n;
				moved = true;
			}
		}
		if (w->fill == 0)
			give_pipe(t, w);
		if (w->eof && w->fill == 0) {
			shutdown(to, SHUT_WR);
			w->done = true;
			return 0;
		}
		if (!moved)
			return 0;
	}
	return 1;
}

static void go_on(struct pm_forward *f, struct conn *c)
{
	struct pm_tcp *t = f->tcp;
	int up = pump(t, &c->up, c->client, c->server);
	int down = up < 0 ? up : pump(t, &c->down, c->server, c->client);
	if (up < 0 || down < 0) {
		end(f, c, true);
		return;
	}
	if (c->up.done && c->down.done) {
		end(f, c, false);
		return;
	}
	if ((up || down) && !c->queued) {
		c->queued = true;
		t->queue[t->n_queue++] = (size_t)(c - t->v);
	}
}

bool pm_tcp_more(struct pm_forward *f)
{
	struct pm_tcp *t = f->tcp;
	size_t n = t->n_queue;
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct conn *c = &t->v[t->queue[i]];
		c->queued = false;
		if (c->client >= 0 && c->connected)
			go_on(f, c);
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

/* The end of a connection is what matters; small pieces go at once, as the application sent them. */
static void set_options(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
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
	int server = connect_server(f, &f->ports[port], from);
	if (server < 0) {
		setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(client);
		return;
	}
	set_options(client);
	set_options(server);
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
	if (!client && !c->connected) {
		int error = 0;
		socklen_t len = sizeof(error);
		getsockopt(c->server, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			end(f, c, true);
			return;
		}
		c->connected = (events & EPOLLOUT) != 0;
	}
	if (c->connected)
		go_on(f, c);
	else if (client && (events & (EPOLLERR | EPOLLHUP)))
		end(f, c, true);
}

void pm_tcp_close_port(struct pm_forward *f, size_t port)
{
	for (size_t i = 0; i < f->tcp->n; i++)
		if (f->tcp->v[i].client >= 0 && f->tcp->v[i].port == port)
			end(f, &f->tcp->v[i], true);
}
