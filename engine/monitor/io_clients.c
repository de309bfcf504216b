#include "engine/monitor/io_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/container/attach.h"
#include "engine/monitor/health.h"
#include "engine/monitor/io.h"

void io_client_drop(struct client *c)
{
	io_close_fd(&c->fd);
	c->chunk_due = false;
}

void io_client_add(int fd, bool first, bool control)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &io.client[i];
		if (c->fd >= 0)
			continue;
		*c = (struct client){.fd = fd, .first = first, .control = control};
		c->spool_at = io.spool_len; /* what was before it came is not for it */
		c->events = EPOLLIN;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		io_watch(EPOLL_CTL_ADD, fd, c->events, TAG_CLIENT + i);
		return;
	}
	close(fd);
}

static void client_watch(struct client *c)
{
	bool due = c->chunk_due || c->spool_at < io.spool_len ||
		   (io.ended && !c->exit_sent && !c->control);
	uint32_t events = (c->input_paused ? 0 : EPOLLIN) | (due ? EPOLLOUT : 0);
	if (!due)
		c->stalled = 0;
	else if (!c->stalled)
		c->stalled = monitor_now_ms();
	if (events == c->events)
		return;
	unsigned int tag = TAG_CLIENT + (unsigned int)(c - io.client);
	/* a paused client that hung up would be reported for ever: out of the set altogether */
	if (!events)
		io_watch(EPOLL_CTL_DEL, c->fd, 0, tag);
	else
		io_watch(c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, events, tag);
	c->events = events;
}

/* Gone without a detach frame: the standard input that it gave has ended with it. A terminal outlives
 * those who look at it. */
void io_client_lost(struct monitor *m, struct client *c)
{
	bool input = !c->control && !m->plan.terminal;
	io_client_drop(c);
	if (input)
		io_end_input(m);
}

static bool anything_due(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (io.client[i].fd >= 0 && io.client[i].chunk_due)
			return true;
	return false;
}

/* 1 sent, 0 not now, -1 the client is gone. */
int io_send_frame(struct client *c, const void *data, size_t len)
{
	for (;;) {
		if (send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			c->stalled = 0;
			return 1;
		}
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

/* The next frame of the spool: [u16 length][frame]. */
static int send_spooled(struct client *c)
{
	uint16_t len;
	if (pread(io.spool, &len, sizeof(len), c->spool_at) != sizeof(len) ||
	    len > sizeof(io.frame) ||
	    pread(io.spool, io.frame, len, c->spool_at + (off_t)sizeof(len)) != len)
		return -1;
	int r = io_send_frame(c, io.frame, len);
	if (r > 0)
		c->spool_at += (off_t)sizeof(len) + len;
	return r;
}

/* Give client c what is due, as far as it takes it. */
void io_client_serve(struct monitor *m, struct client *c)
{
	int r = 1;
	while (r > 0) {
		if (c->chunk_due) {
			r = io_send_frame(c, io.chunk, io.chunk_len);
			if (r > 0)
				c->chunk_due = false;
		} else if (c->spool_at < io.spool_len) {
			r = send_spooled(c);
		} else if (io.ended && !c->exit_sent && !c->control) {
			unsigned char f[2] = {PM_ATTACH_EXIT, io.exit_code};
			r = io_send_frame(c, f, sizeof(f));
			c->exit_sent = r > 0;
		} else {
			break;
		}
	}
	if (r < 0)
		io_client_lost(m, c);
	else
		client_watch(c);
}

/* Reading goes on when every client has the chunk. Out of the set till then: a pipe that hung up
 * would be reported for ever. */
void io_update_outputs(void)
{
	bool on = !anything_due();
	if (on == io.out_on)
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (io.out[i] >= 0)
			io_watch(on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, io.out[i], EPOLLIN, TAG_OUT + i);
	io.out_on = on;
}

static bool spool_add(const void *frame, size_t len)
{
	if (io.spool < 0)
		io.spool = memfd_create("output", MFD_CLOEXEC);
	if (io.spool < 0)
		return false;
	uint16_t n = (uint16_t)len;
	if (pwrite(io.spool, &n, sizeof(n), io.spool_len) != sizeof(n) ||
	    pwrite(io.spool, frame, len, io.spool_len + (off_t)sizeof(n)) != (ssize_t)len)
		return false;
	io.spool_len += (off_t)sizeof(n) + n;
	return true;
}

/* One read of stream i into the log and to the clients. spool: the chunk is taken, the clients get
 * this one later. Returns > 0 when something came, 0 when there is nothing now, < 0 at the end. */
static int copy_output(struct monitor *m, unsigned int i, bool spool)
{
	unsigned char *buf = spool ? io.frame : io.chunk;
	ssize_t n = read(io.out[i], buf + 1, PM_ATTACH_DATA);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;

	pm_logfile_write(&m->log, (enum pm_log_stream)i, buf + 1, (size_t)n);
	buf[0] = (unsigned char)(PM_ATTACH_STDOUT + i);
	size_t len = (size_t)n + 1;
	if (spool) {
		spool_add(buf, len);
		return 1;
	}
	io.chunk_len = len;
	for (unsigned int k = 0; k < MAX_CLIENTS; k++) {
		struct client *c = &io.client[k];
		if (c->fd < 0 || c->control)
			continue;
		c->chunk_due = true;
		io_client_serve(m, c);
	}
	return 1;
}

static void close_output(unsigned int i)
{
	if (io.slave >= 0) {
		/* nothing more comes after the container's end; before, the slave keeps it open */
		io_close_fd(&io.slave);
		io_close_input();
	}
	io_close_fd(&io.out[i]);
}

void io_on_output(struct monitor *m, unsigned int i)
{
	if (io.out[i] < 0 || anything_due())
		return;
	if (copy_output(m, i, false) < 0)
		close_output(i);
	io_update_outputs();
}

/* The container is dead: what its pipes and terminal still hold, without waiting for anybody. A
 * process elsewhere that has the pipe open is not waited for. */
void io_drain(struct monitor *m)
{
	for (unsigned int i = 0; i < 2; i++) {
		while (io.out[i] >= 0 && copy_output(m, i, io.spool_len > 0 || anything_due()) > 0)
			;
		if (io.out[i] >= 0)
			close_output(i);
	}
}

/* --- input --------------------------------------------------------------------------- */

static void resume_clients(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &io.client[i];
		if (c->fd >= 0 && c->input_paused) {
			c->input_paused = false;
			client_watch(c);
		}
	}
}

/* Write what is in io.input; when it is done clients are read again. */
void io_flush_input(struct monitor *m)
{
	while (io.in >= 0 && io.in_off < io.in_len) {
		ssize_t n = write(io.in, io.input + io.in_off, io.in_len - io.in_off);
		if (n > 0) {
			io.in_off += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (!io.in_on)
				io_watch(EPOLL_CTL_ADD, io.in, EPOLLOUT, TAG_STDIN);
			io.in_on = true;
			return;
		} else if (n < 0 && errno != EINTR) {
			/* the container has closed its stdin */
			io_close_input();
		}
	}
	io.in_off = io.in_len = 0;
	if (io.in_on) {
		io_watch(EPOLL_CTL_DEL, io.in, 0, TAG_STDIN);
		io.in_on = false;
	}
	if (io.in_end) {
		io.in_end = false;
		io_close_stdin(m);
	}
	resume_clients();
}

static void on_frame(struct monitor *m, struct client *c, size_t len)
{
	uint16_t size[2];
	switch (io.input[0]) {
	case PM_ATTACH_STDIN:
		if (io.in < 0 || c->control)
			return;
		io.in_off = 1;
		io.in_len = len;
		io_flush_input(m);
		return;
	case PM_ATTACH_STDIN_END:
		/* who looks in on a terminal must not end its shell */
		if (!c->control && (c->first || !m->plan.terminal))
			io_end_input(m);
		return;
	case PM_ATTACH_WINSIZE:
		if (len < 1 + sizeof(size))
			return;
		memcpy(size, io.input + 1, sizeof(size));
		io_set_size(size[0], size[1]);
		return;
	case PM_ATTACH_DETACH:
		io_client_drop(c);
		return;
	case PM_ATTACH_STOP:
	case PM_ATTACH_START:
		if (c->control)
			m->waiting = false; /* whether a restart follows, the mark on disk says */
		return;
	case PM_ATTACH_CHECK:
		if (!c->control)
			return;
		c->check_due = true;
		health_now(m);
		return;
	case PM_ATTACH_HOLD:
		if (!c->control)
			return;
		c->holds = true;
		if (io_send_frame(c, io.input, 1) <= 0)
			io_client_drop(c);
		return;
	default:
		return;
	}
}

void io_on_client_input(struct monitor *m, struct client *c)
{
	/* one client's input at a time; a terminal and a reader share no more than one chunk */
	if (io.in_off < io.in_len) {
		c->input_paused = true;
		client_watch(c);
		return;
	}
	ssize_t n = recv(c->fd, io.input, sizeof(io.input), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		io_client_lost(m, c);
		return;
	}
	on_frame(m, c, (size_t)n);
}
