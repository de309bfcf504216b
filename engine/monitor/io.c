#include "engine/monitor/io.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/container/attach.h"
#include "engine/monitor/health.h"
#include "engine/monitor/io_parts.h"
#include "engine/monitor/life.h"
#include "engine/monitor/notify.h"
#include "engine/monitor/runtime.h"

#define SETTLE_MS 1000 /* a container that lives longer is worth giving memory back for */

struct io io;

/* Takes one waiting client; false when there is none. */
static bool on_accept(struct monitor *m, int listener, bool control)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return false;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != m->owner_uid && peer.uid != geteuid())) {
		close(fd);
		return true;
	}
	io_client_add(fd, false, control);
	return true;
}

static void on_child(struct monitor *m)
{
	struct signalfd_siginfo info;
	while (read(io.signals, &info, sizeof(info)) > 0)
		if (info.ssi_signo == SIGTERM) {
			m->going_down = true;
			m->waiting = false;
		}
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			return;
		if (pid == m->init) {
			m->exited = true;
			m->status = status;
		} else {
			health_child(m, pid, status);
		}
	}
}

static void on_control(struct monitor *m)
{
	char buf[256];
	ssize_t n = recv(m->control_fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		m->acknowledged = true;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	io_close_fd(&m->control_fd);
}

static void on_client(struct monitor *m, struct client *c, uint32_t events)
{
	if (c->fd >= 0 && events & EPOLLOUT)
		io_client_serve(m, c);
	if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !c->input_paused)
		io_on_client_input(m, c);
	else if (c->fd >= 0 && events & (EPOLLHUP | EPOLLERR))
		io_client_lost(m, c);
}

static void dispatch(struct monitor *m, unsigned int tag, uint32_t events)
{
	switch (tag) {
	case TAG_SIGNAL:
		on_child(m);
		break;
	case TAG_OUT:
	case TAG_ERR:
		io_on_output(m, tag - TAG_OUT);
		break;
	case TAG_STDIN:
		io_flush_input(m);
		break;
	case TAG_ATTACH:
		on_accept(m, io.attach, false);
		break;
	case TAG_CTL:
		on_accept(m, io.ctl, true);
		break;
	case TAG_CONTROL:
		on_control(m);
		break;
	case TAG_OOM:
		m->oom_killed = runtime_oom_killed(m);
		break;
	case TAG_CHECK:
		health_output(m);
		break;
	case TAG_NOTIFY:
		notify_read(m);
		break;
	default:
		on_client(m, &io.client[tag - TAG_CLIENT], events);
		break;
	}
}

/* Drop later clients that take nothing; returns the time until the next one is due, or -1. */
static int drop_stalled(void)
{
	int64_t next = -1, now = 0;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &io.client[i];
		if (c->fd < 0 || c->first || !c->stalled)
			continue;
		if (!now)
			now = monitor_now_ms();
		int64_t left = c->stalled + STALL_MS - now;
		if (left <= 0)
			io_client_drop(c);
		else if (next < 0 || left < next)
			next = left;
	}
	return (int)next;
}

/* --timeout: kill the container when it is due. The time left until then, or -1. */
static int check_deadline(struct monitor *m)
{
	if (!m->deadline || m->exited)
		return -1;
	int64_t left = m->deadline - monitor_now_ms();
	if (left > 0)
		return left > INT32_MAX ? INT32_MAX : (int)left;
	m->deadline = 0;
	m->timed_out = true;
	kill(m->init, SIGKILL);
	return -1;
}

/* The smaller of two waits in ms, of which -1 is for ever. */
static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

void io_wait(struct monitor *m)
{
	struct epoll_event e[8];
	int timeout = sooner(sooner(drop_stalled(), life_next_timer(m)), check_deadline(m));
	bool settle = !io.settled && (timeout < 0 || timeout > SETTLE_MS);
	io_update_outputs();
	int n = epoll_wait(io.epoll, e, 8, settle ? SETTLE_MS : timeout);
	if (n == 0 && settle) {
		io.settled = true;
		monitor_shrink();
	}
	for (int i = 0; i < n; i++)
		dispatch(m, e[i].data.u32, e[i].events);
	life_run_timers(m);
	io_update_outputs();
}

void io_watch_check(int fd)
{
	io_watch(EPOLL_CTL_ADD, fd, EPOLLIN, TAG_CHECK);
	io.settled = false; /* what the check needs is given back after it */
}

void io_tell_check(unsigned char result)
{
	const unsigned char f[2] = {PM_ATTACH_CHECK, result};
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &io.client[i];
		if (c->fd < 0 || !c->check_due)
			continue;
		c->check_due = false;
		if (io_send_frame(c, f, sizeof(f)) <= 0)
			io_client_drop(c);
	}
}

bool io_held(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (io.client[i].fd >= 0 && io.client[i].holds)
			return true;
	return false;
}

void io_run(struct monitor *m)
{
	for (unsigned int i = 0; i < 2; i++)
		if (io.out[i] >= 0)
			io_watch(EPOLL_CTL_ADD, io.out[i], EPOLLIN, TAG_OUT + i);
	io.out_on = true;
	m->timed_out = false;
	if (m->plan.timeout > 0 && m->plan.timeout < INT32_MAX)
		m->deadline = monitor_now_ms() + m->plan.timeout * 1000;
	if (m->oom_fd >= 0)
		io_watch(EPOLL_CTL_ADD, m->oom_fd, EPOLLPRI, TAG_OOM);

	while (!m->exited)
		io_wait(m);
	io_drain(m);
	io_close_input();
	pm_logfile_end(&m->log);
}

bool io_finish(struct monitor *m, int exit_code, bool wait)
{
	io.ended = true;
	io.exit_code = (unsigned char)exit_code;
	/* who has connected already is told, too */
	while (io.attach >= 0 && on_accept(m, io.attach, false))
		;
	for (;;) {
		bool all = true;
		for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
			struct client *c = &io.client[i];
			if (c->fd < 0 || c->control)
				continue;
			io_client_serve(m, c);
			if (c->fd >= 0 && c->exit_sent && wait)
				io_client_drop(c);
			all = all && (c->fd < 0 || c->exit_sent);
		}
		if (all || !wait)
			return all;
		io_wait(m);
	}
}

void io_unlink(struct monitor *m)
{
	io_close_fd(&io.attach);
	io_close_fd(&io.ctl);
	unlinkat(m->ctr_fd, "attach.sock", 0);
	unlinkat(m->ctr_fd, "ctl.sock", 0);
	unlinkat(m->ctr_fd, "console.sock", 0);
}
