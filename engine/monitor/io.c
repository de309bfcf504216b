#include "engine/monitor/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "engine/container/attach.h"
#include "engine/monitor/health.h"
#include "engine/monitor/life.h"
#include "engine/monitor/notify.h"
#include "engine/monitor/runtime.h"

#define MAX_CLIENTS 16
#define STALL_MS 10000
#define SETTLE_MS 1000 /* a container that lives longer is worth giving memory back for */

struct client {
	int fd; /* -1: free */
	bool first;
	bool control; /* from ctl.sock: gets no output */
	bool chunk_due; /* has not taken the chunk yet */
	bool exit_sent;
	bool check_due; /* asked for a health check */
	bool input_paused; /* not read from: io.in is full */
	int64_t stalled; /* ms, monotonic: since when something is due; 0: nothing */
	off_t spool_at;
	uint32_t events; /* registered */
};

enum tag {
	TAG_SIGNAL,
	TAG_OUT, /* and TAG_OUT + 1 */
	TAG_ERR,
	TAG_STDIN,
	TAG_ATTACH,
	TAG_CTL,
	TAG_CONTROL,
	TAG_OOM,
	TAG_CHECK,
	TAG_NOTIFY,
	TAG_CLIENT, /* and on */
};

static struct {
	int epoll, signals, console, attach, ctl;
	int out[2]; /* read ends; -1: ended. Terminal: out[0] is the master */
	bool out_on; /* registered for reading */
	int in; /* write end of stdin, or the master again; -1: closed or none */
	bool in_on;
	int slave; /* terminal: held so that the master never hangs up before the end */
	int spool; /* frames after the end, for slow clients; -1: none */
	off_t spool_len;
	bool settled; /* it has been quiet for SETTLE_MS */
	bool ended; /* the exit code is known */
	unsigned char exit_code;
	struct client client[MAX_CLIENTS];

	size_t chunk_len; /* with the kind's byte */
	size_t in_len, in_off;
	bool in_end; /* close stdin when in[] is written */
	unsigned char chunk[1 + PM_ATTACH_DATA];
	unsigned char input[1 + PM_ATTACH_DATA];
	unsigned char frame[1 + PM_ATTACH_DATA];
} io;

static void watch(int op, int fd, uint32_t events, unsigned int tag)
{
	struct epoll_event e = {.events = events, .data.u32 = tag};
	epoll_ctl(io.epoll, op, fd, &e);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_input(void)
{
	/* a terminal's input and output are one open file, which stays in the set when one is
	 * closed */
	if (io.in >= 0 && io.in_on)
		watch(EPOLL_CTL_DEL, io.in, 0, TAG_STDIN);
	io.in_on = false;
	close_fd(&io.in);
}

/* --- setting up ---------------------------------------------------------------------- */

/* Bind in ctr_dir, by a path that is short however long that directory's is. */
static int listen_at(const struct monitor *m, const char *name, int type, struct pm_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", m->ctr_fd, name);

	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pm_fail_sys(err, "make a socket");
	unlinkat(m->ctr_fd, name, 0);
	mode_t old = umask(0177);
	int r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	int e = errno;
	umask(old);
	if (r < 0)
		return pm_fail_errno(err, e, "make %s/%s", m->plan.ctr_dir, name);
	if (listen(fd, 16) < 0)
		return pm_fail_sys(err, "listen at %s/%s", m->plan.ctr_dir, name);
	return pm_steal_fd(&fd);
}

static int open_sockets(struct monitor *m, struct pm_err *err)
{
	monitor_owner_begin(m);
	io.attach = listen_at(m, "attach.sock", SOCK_SEQPACKET, err);
	if (io.attach >= 0)
		io.ctl = listen_at(m, "ctl.sock", SOCK_SEQPACKET, err);
	monitor_owner_end(m);
	int bad = io.attach < 0 ? io.attach : io.ctl;
	return bad < 0 ? bad : 0;
}

/* The container gets what this program was given. */
static int pass_streams(struct monitor *m, struct pm_err *err)
{
	int *const to[] = {&m->give_in, &m->give_out, &m->give_err};
	for (int i = 0; i < 3; i++) {
		*to[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		if (*to[i] < 0)
			return pm_fail_sys(err, "pass standard streams on");
	}
	return 0;
}

static int make_pipe(int *ret_read, int *ret_write, struct pm_err *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int open_pipes(struct monitor *m, struct pm_err *err)
{
	int r = make_pipe(&io.out[0], &m->give_out, err);
	if (r >= 0)
		r = make_pipe(&io.out[1], &m->give_err, err);
	if (r >= 0 && m->plan.stdin_open)
		r = make_pipe(&m->give_in, &io.in, err);
	if (r < 0)
		return r;
	fcntl(io.out[0], F_SETFL, O_NONBLOCK);
	fcntl(io.out[1], F_SETFL, O_NONBLOCK);
	if (io.in >= 0)
		fcntl(io.in, F_SETFL, O_NONBLOCK);
	m->runtime_err = io.out[1];

	/* the user inside of the container may not be the pipe's owner: /dev/stdout must open */
	fchmod(m->give_out, 0666);
	fchmod(m->give_err, 0666);
	if (m->give_in >= 0)
		fchmod(m->give_in, 0666);
	return 0;
}

static void client_drop(struct client *c)
{
	close_fd(&c->fd);
	c->chunk_due = false;
}

static void client_add(int fd, bool first, bool control)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &io.client[i];
		if (c->fd >= 0)
			continue;
		*c = (struct client){.fd = fd, .first = first, .control = control};
		c->spool_at = io.spool_len; /* what was before it came is not for it */
		c->events = EPOLLIN;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		watch(EPOLL_CTL_ADD, fd, c->events, TAG_CLIENT + i);
		return;
	}
	close(fd);
}

int io_open(struct monitor *m, struct pm_err *err)
{
	io.console = io.attach = io.ctl = io.out[0] = io.out[1] = io.in = io.slave = io.spool = -1;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		io.client[i].fd = -1;

	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	io.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	io.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (io.signals < 0 || io.epoll < 0)
		return pm_fail_sys(err, "prepare to wait");
	watch(EPOLL_CTL_ADD, io.signals, EPOLLIN, TAG_SIGNAL);
	watch(EPOLL_CTL_ADD, m->control_fd, EPOLLIN, TAG_CONTROL);

	int r = open_sockets(m, err);
	if (r < 0)
		return r;
	watch(EPOLL_CTL_ADD, io.attach, EPOLLIN, TAG_ATTACH);
	watch(EPOLL_CTL_ADD, io.ctl, EPOLLIN, TAG_CTL);
	if (m->notify_in >= 0)
		watch(EPOLL_CTL_ADD, m->notify_in, EPOLLIN, TAG_NOTIFY);
	m->attached = m->attach_fd >= 0;
	if (m->attached)
		client_add(pm_steal_fd(&m->attach_fd), true, false);
	return 0;
}

int io_open_streams(struct monitor *m, const char **ret_console, struct pm_err *err)
{
	static char console[64];
	if (io.ended) {
		for (unsigned int i = 0; i < MAX_CLIENTS; i++)
			if (io.client[i].fd >= 0 && !io.client[i].control)
				client_drop(&io.client[i]);
		close_fd(&io.spool);
		io.spool_len = 0;
		io.chunk_len = io.in_len = io.in_off = 0;
		io.in_end = io.ended = io.settled = false;
		for (unsigned int i = 0; i < MAX_CLIENTS; i++)
			io.client[i].spool_at = 0;
	}
	*ret_console = NULL;
	if (m->plan.log_driver == PM_LOG_DRIVER_PASSTHROUGH)
		return pass_streams(m, err);
	if (!m->plan.terminal)
		return open_pipes(m, err);
	if (io.console < 0) {
		monitor_owner_begin(m);
		io.console = listen_at(m, "console.sock", SOCK_STREAM, err);
		monitor_owner_end(m);
		if (io.console < 0)
			return io.console;
	}
	snprintf(console, sizeof(console), "/proc/%d/fd/%d/console.sock", getpid(), m->ctr_fd);
	*ret_console = console;
	return 0;
}

void io_close_streams(struct monitor *m)
{
	int *const fds[] = {&m->give_in, &m->give_out, &m->give_err, &io.console, &io.slave, &io.out[0], &io.out[1]};
	close_input();
	for (size_t i = 0; i < PM_ARRAY_SIZE(fds); i++)
		close_fd(fds[i]);
	unlinkat(m->ctr_fd, "console.sock", 0);
}

static void set_size(uint16_t rows, uint16_t cols)
{
	struct winsize w = {.ws_row = rows, .ws_col = cols};
	if (io.slave >= 0 && rows && cols)
		ioctl(io.out[0], TIOCSWINSZ, &w);
}

int io_accept_terminal(struct monitor *m, struct pm_err *err)
{
	_cleanup_close_ int fd = accept4(io.console, NULL, NULL, SOCK_CLOEXEC);
	close_fd(&io.console);
	unlinkat(m->ctr_fd, "console.sock", 0);
	if (fd < 0)
		return pm_fail_sys(err, "the runtime gave no terminal");

	char name[4096];
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int) * 4)];
	} control;
	struct iovec iov = {.iov_base = name, .iov_len = sizeof(name)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len < CMSG_LEN(sizeof(int)))
		return pm_fail(err, PM_E_UNSUPPORTED, "the runtime sent no terminal");
	memcpy(&io.out[0], CMSG_DATA(c), sizeof(int));

	fcntl(io.out[0], F_SETFL, O_NONBLOCK);
	io.slave = ioctl(io.out[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (io.slave < 0)
		return pm_fail_sys(err, "open the container's terminal");
	io.in = fcntl(io.out[0], F_DUPFD_CLOEXEC, 3);
	return 0;
}

/* --- the end of stdin ---------------------------------------------------------------- */

static void close_stdin(struct monitor *m)
{
	if (io.in < 0)
		return;
	if (m->plan.terminal) {
		/* the terminal's line discipline makes an end of file of it */
		struct termios t;
		unsigned char eof = 4;
		if (tcgetattr(io.in, &t) == 0 && t.c_cc[VEOF])
			eof = t.c_cc[VEOF];
		if (write(io.in, &eof, 1) < 0)
			return;
	} else {
		close_input();
	}
}

static void end_input(struct monitor *m)
{
	if (!m->plan.stdin_once || io.in < 0)
		return;
	if (io.in_off < io.in_len)
		io.in_end = true;
	else
		close_stdin(m);
}

/* --- output -------------------------------------------------------------------------- */

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
		watch(EPOLL_CTL_DEL, c->fd, 0, tag);
	else
		watch(c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, events, tag);
	c->events = events;
}

/* Gone without a detach frame: the standard input that it gave has ended with it. A terminal outlives
 * those who look at it. */
static void client_lost(struct monitor *m, struct client *c)
{
	bool input = !c->control && !m->plan.terminal;
	client_drop(c);
	if (input)
		end_input(m);
}

static bool anything_due(void)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (io.client[i].fd >= 0 && io.client[i].chunk_due)
			return true;
	return false;
}

/* 1 sent, 0 not now, -1 the client is gone. */
static int send_frame(struct client *c, const void *data, size_t len)
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
	int r = send_frame(c, io.frame, len);
	if (r > 0)
		c->spool_at += (off_t)sizeof(len) + len;
	return r;
}

/* Give client c what is due, as far as it takes it. */
static void client_serve(struct monitor *m, struct client *c)
{
	int r = 1;
	while (r > 0) {
		if (c->chunk_due) {
			r = send_frame(c, io.chunk, io.chunk_len);
			if (r > 0)
				c->chunk_due = false;
		} else if (c->spool_at < io.spool_len) {
			r = send_spooled(c);
		} else if (io.ended && !c->exit_sent && !c->control) {
			unsigned char f[2] = {PM_ATTACH_EXIT, io.exit_code};
			r = send_frame(c, f, sizeof(f));
			c->exit_sent = r > 0;
		} else {
			break;
		}
	}
	if (r < 0)
		client_lost(m, c);
	else
		client_watch(c);
}

/* Reading goes on when every client has the chunk. Out of the set till then: a pipe that hung up
 * would be reported for ever. */
static void update_outputs(void)
{
	bool on = !anything_due();
	if (on == io.out_on)
		return;
	for (unsigned int i = 0; i < 2; i++)
		if (io.out[i] >= 0)
			watch(on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, io.out[i], EPOLLIN, TAG_OUT + i);
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
		client_serve(m, c);
	}
	return 1;
}

static void close_output(unsigned int i)
{
	if (io.slave >= 0) {
		/* nothing more comes after the container's end; before, the slave keeps it open */
		close_fd(&io.slave);
		close_input();
	}
	close_fd(&io.out[i]);
}

static void on_output(struct monitor *m, unsigned int i)
{
	if (io.out[i] < 0 || anything_due())
		return;
	if (copy_output(m, i, false) < 0)
		close_output(i);
	update_outputs();
}

/* The container is dead: what its pipes and terminal still hold, without waiting for anybody. A
 * process elsewhere that has the pipe open is not waited for. */
static void drain(struct monitor *m)
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
static void flush_input(struct monitor *m)
{
	while (io.in >= 0 && io.in_off < io.in_len) {
		ssize_t n = write(io.in, io.input + io.in_off, io.in_len - io.in_off);
		if (n > 0) {
			io.in_off += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (!io.in_on)
				watch(EPOLL_CTL_ADD, io.in, EPOLLOUT, TAG_STDIN);
			io.in_on = true;
			return;
		} else if (n < 0 && errno != EINTR) {
			/* the container has closed its stdin */
			close_input();
		}
	}
	io.in_off = io.in_len = 0;
	if (io.in_on) {
		watch(EPOLL_CTL_DEL, io.in, 0, TAG_STDIN);
		io.in_on = false;
	}
	if (io.in_end) {
		io.in_end = false;
		close_stdin(m);
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
		flush_input(m);
		return;
	case PM_ATTACH_STDIN_END:
		/* who looks in on a terminal must not end its shell */
		if (!c->control && (c->first || !m->plan.terminal))
			end_input(m);
		return;
	case PM_ATTACH_WINSIZE:
		if (len < 1 + sizeof(size))
			return;
		memcpy(size, io.input + 1, sizeof(size));
		set_size(size[0], size[1]);
		return;
	case PM_ATTACH_DETACH:
		client_drop(c);
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
	default:
		return;
	}
}

static void on_client_input(struct monitor *m, struct client *c)
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
		client_lost(m, c);
		return;
	}
	on_frame(m, c, (size_t)n);
}

/* --- events -------------------------------------------------------------------------- */

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
	client_add(fd, false, control);
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
	close_fd(&m->control_fd);
}

static void on_client(struct monitor *m, struct client *c, uint32_t events)
{
	if (c->fd >= 0 && events & EPOLLOUT)
		client_serve(m, c);
	if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !c->input_paused)
		on_client_input(m, c);
	else if (c->fd >= 0 && events & (EPOLLHUP | EPOLLERR))
		client_lost(m, c);
}

static void dispatch(struct monitor *m, unsigned int tag, uint32_t events)
{
	switch (tag) {
	case TAG_SIGNAL:
		on_child(m);
		break;
	case TAG_OUT:
	case TAG_ERR:
		on_output(m, tag - TAG_OUT);
		break;
	case TAG_STDIN:
		flush_input(m);
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
			client_drop(c);
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
	update_outputs();
	int n = epoll_wait(io.epoll, e, 8, settle ? SETTLE_MS : timeout);
	if (n == 0 && settle) {
		io.settled = true;
		monitor_shrink();
	}
	for (int i = 0; i < n; i++)
		dispatch(m, e[i].data.u32, e[i].events);
	life_run_timers(m);
	update_outputs();
}

void io_watch_check(int fd)
{
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, TAG_CHECK);
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
		if (send_frame(c, f, sizeof(f)) <= 0)
			client_drop(c);
	}
}

void io_run(struct monitor *m)
{
	for (unsigned int i = 0; i < 2; i++)
		if (io.out[i] >= 0)
			watch(EPOLL_CTL_ADD, io.out[i], EPOLLIN, TAG_OUT + i);
	io.out_on = true;
	m->timed_out = false;
	if (m->plan.timeout > 0 && m->plan.timeout < INT32_MAX)
		m->deadline = monitor_now_ms() + m->plan.timeout * 1000;
	if (m->oom_fd >= 0)
		watch(EPOLL_CTL_ADD, m->oom_fd, EPOLLPRI, TAG_OOM);

	while (!m->exited)
		io_wait(m);
	drain(m);
	close_input();
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
			client_serve(m, c);
			if (c->fd >= 0 && c->exit_sent && wait)
				client_drop(c);
			all = all && (c->fd < 0 || c->exit_sent);
		}
		if (all || !wait)
			return all;
		io_wait(m);
	}
}

void io_unlink(struct monitor *m)
{
	close_fd(&io.attach);
	close_fd(&io.ctl);
	unlinkat(m->ctr_fd, "attach.sock", 0);
	unlinkat(m->ctr_fd, "ctl.sock", 0);
	unlinkat(m->ctr_fd, "console.sock", 0);
}
