#include "engine/monitor/io_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "engine/monitor/io.h"
#include "engine/monitor/notify.h"
#include "engine/monitor/runtime.h"

void io_close_input(void)
{
	/* a terminal's input and output are one open file, which stays in the set when one is
	 * closed */
	if (io.in >= 0 && io.in_on)
		io_watch(EPOLL_CTL_DEL, io.in, 0, TAG_STDIN);
	io.in_on = false;
	io_close_fd(&io.in);
}

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
	io_watch(EPOLL_CTL_ADD, io.signals, EPOLLIN, TAG_SIGNAL);
	io_watch(EPOLL_CTL_ADD, m->control_fd, EPOLLIN, TAG_CONTROL);

	/* an exec session has the client that began it, and no other */
	if (!monitor_execs(m)) {
		int r = open_sockets(m, err);
		if (r < 0)
			return r;
		io_watch(EPOLL_CTL_ADD, io.attach, EPOLLIN, TAG_ATTACH);
		io_watch(EPOLL_CTL_ADD, io.ctl, EPOLLIN, TAG_CTL);
	}
	if (m->notify_in >= 0)
		io_watch(EPOLL_CTL_ADD, m->notify_in, EPOLLIN, TAG_NOTIFY);
	m->attached = m->attach_fd >= 0;
	if (m->attached)
		io_client_add(pm_steal_fd(&m->attach_fd), true, false);
	return 0;
}

int io_open_streams(struct monitor *m, const char **ret_console, struct pm_err *err)
{
	static char console[64];
	if (io.ended) {
		for (unsigned int i = 0; i < MAX_CLIENTS; i++)
			if (io.client[i].fd >= 0 && !io.client[i].control)
				io_client_drop(&io.client[i]);
		io_close_fd(&io.spool);
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
	io_close_input();
	for (size_t i = 0; i < PM_ARRAY_SIZE(fds); i++)
		io_close_fd(fds[i]);
	unlinkat(m->ctr_fd, "console.sock", 0);
}

void io_set_size(uint16_t rows, uint16_t cols)
{
	struct winsize w = {.ws_row = rows, .ws_col = cols};
	if (io.slave >= 0 && rows && cols)
		ioctl(io.out[0], TIOCSWINSZ, &w);
}

int io_accept_terminal(struct monitor *m, struct pm_err *err)
{
	_cleanup_close_ int fd = accept4(io.console, NULL, NULL, SOCK_CLOEXEC);
	io_close_fd(&io.console);
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

void io_close_stdin(struct monitor *m)
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
		io_close_input();
	}
}

void io_end_input(struct monitor *m)
{
	if (!m->plan.stdin_once || io.in < 0)
		return;
	if (io.in_off < io.in_len)
		io.in_end = true;
	else
		io_close_stdin(m);
}
