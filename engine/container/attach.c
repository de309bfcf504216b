#include "engine/container/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"

/* --- detach keys --------------------------------------------------------------------- */

static int key_of(const char *s, size_t len)
{
	if (len == 1)
		return (unsigned char)s[0];
	if (len == 6 && strncmp(s, "ctrl-", 5) == 0) {
		char c = s[5];
		if (c >= 'a' && c <= 'z')
			return c - 'a' + 1;
		const char *p = c ? strchr("@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_", c) : NULL;
		if (p && (c < 'A' || c > 'Z'))
			return c - '@';
	}
	return -1;
}

int pm_detach_keys_parse(const char *spec, struct pm_detach_keys *ret, struct pm_err *err)
{
	struct pm_detach_keys k = {.n = 0};
	const char *p = spec;
	while (*p) {
		size_t len = strcspn(p + 1, ",") + 1; /* a key may be the comma itself */
		int key = key_of(p, len);
		if (key < 0 || k.n == sizeof(k.key))
			return pm_fail(
				err, PM_E_USAGE,
				"detach keys '%s' are not of the form KEY[,KEY...], where KEY "
				"is a character or ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, "
				"ctrl-], ctrl-^, ctrl-_",
				spec);
		k.key[k.n++] = (unsigned char)key;
		p += len;
		if (*p == ',' && !*++p)
			return pm_fail(err, PM_E_USAGE, "detach keys '%s' end with a comma", spec);
	}
	*ret = k;
	return 0;
}

/* --- the channel --------------------------------------------------------------------- */

static int connect_to(const char *ctr_dir, const char *name, struct pm_err *err)
{
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, ctr_dir, O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir, name);

	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pm_fail_sys(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return pm_fail_sys(err, "connect to %s/%s", ctr_dir, name);
	return pm_steal_fd(&fd);
}

int pm_attach_connect(const char *ctr_dir, struct pm_err *err)
{
	return connect_to(ctr_dir, "attach.sock", err);
}

int pm_attach_connect_ctl(const char *ctr_dir, struct pm_err *err)
{
	return connect_to(ctr_dir, "ctl.sock", err);
}

bool pm_attach_size(uint16_t *ret_rows, uint16_t *ret_cols)
{
	struct winsize w;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return false;
	*ret_rows = w.ws_row;
	*ret_cols = w.ws_col;
	return true;
}

void pm_attach_send_size(int fd)
{
	unsigned char frame[5] = {PM_ATTACH_WINSIZE};
	uint16_t size[2];
	if (!pm_attach_size(&size[0], &size[1]))
		return;
	memcpy(frame + 1, size, sizeof(size));
	/* not worth waiting for: the next change brings the next size */
	send(fd, frame, sizeof(frame), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- one session --------------------------------------------------------------------- */

struct session {
	const struct pm_attach_opts *opts;
	int signals; /* signalfd */
	sigset_t old_mask;
	struct sigaction old_pipe;
	bool raw;
	struct termios cooked;

	bool in_open; /* standard input is still to be read */
	bool end_due; /* its end is still to be sent */
	size_t matched; /* detach keys seen, not sent yet */
	bool detach; /* all of them */
	bool ended; /* the container has */
	size_t in_len; /* frame to be sent, with its kind; 0: none */
	size_t out_len, out_off; /* data to be written */
	int out_fd;
	size_t out_max; /* what one write may take without blocking */
	unsigned char in[1 + PM_ATTACH_DATA];
	unsigned char out[1 + PM_ATTACH_DATA];
};

static void set_raw(struct session *s, bool raw)
{
	if (raw == s->raw)
		return;
	struct termios t = s->cooked;
	if (raw)
		cfmakeraw(&t);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0)
		s->raw = raw;
}

static const int job_signals[] = {SIGTSTP, SIGCONT, SIGWINCH};

/* Those that end a process when nobody cares for them; without a callback they do that here, too,
 * after the terminal is restored. */
static const int plain_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,   SIGUSR1,
				    SIGUSR2, SIGALRM, SIGPOLL, SIGVTALRM, SIGXCPU};

static void take_signals(struct session *s)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < PM_ARRAY_SIZE(job_signals); i++)
		sigaddset(&set, job_signals[i]);
	for (size_t i = 0; i < PM_ARRAY_SIZE(plain_signals); i++) {
		struct sigaction a;
		sigaction(plain_signals[i], NULL, &a);
		if (a.sa_handler != SIG_IGN) /* nohup */
			sigaddset(&set, plain_signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, &s->old_pipe);
}

static void leave(struct session *s)
{
	set_raw(s, false);
	if (s->signals >= 0)
		close(s->signals);
	sigaction(SIGPIPE, &s->old_pipe, NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* Have the signal do what it does, with the terminal as it was before. */
static void raise_here(struct session *s, int sig)
{
	bool raw = s->raw;
	set_raw(s, false);
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
	set_raw(s, raw); /* it came back: stopped and continued, or handled */
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		int sig = (int)info.ssi_signo;
		if (sig == SIGWINCH || sig == SIGCONT) {
			if (sig == SIGCONT && s->raw) {
				s->raw = false; /* the shell may have changed it */
				set_raw(s, true);
			}
			if (s->opts->terminal)
				pm_attach_send_size(s->opts->fd);
		} else if (sig == SIGTSTP || !s->opts->signal) {
			raise_here(s, sig);
		} else {
			s->opts->signal(s->opts->signal_arg, sig);
		}
	}
}

/* Bytes of standard input into the frame, but for detach keys: those wait until it is clear that they
 * are not the whole sequence. */
static void add_input(struct session *s, const unsigned char *p, size_t len)
{
	const struct pm_detach_keys *k = &s->opts->detach;
	size_t n = 1;
	s->in[0] = PM_ATTACH_STDIN;
	if (!s->opts->terminal || k->n == 0) {
		memcpy(s->in + 1, p, len);
		s->in_len = 1 + len;
		return;
	}
	for (size_t i = 0; i < len && !s->detach; i++) {
		if (p[i] != k->key[s->matched]) {
			memcpy(s->in + n, k->key, s->matched);
			n += s->matched;
			s->matched = 0;
		}
		if (p[i] == k->key[s->matched])
			s->matched++;
		else
			s->in[n++] = p[i];
		s->detach = s->matched == k->n;
	}
	s->in_len = n > 1 ? n : 0;
}

static void on_stdin(struct session *s)
{
	/* with held back detach keys before it, it still fits one frame */
	unsigned char buf[PM_ATTACH_DATA - sizeof(s->opts->detach.key)];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		add_input(s, buf, (size_t)n);
		return;
	}
	s->in_open = false;
	/* a raw terminal has no end of file: it has been hung up, and its container goes on without it */
	s->end_due = !s->raw;
}

/* Send what is due; false when the channel is full. */
static bool send_due(struct session *s)
{
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	for (;;) {
		ssize_t r;
		const unsigned char end = PM_ATTACH_STDIN_END;
		if (s->in_len > 0)
			r = send(s->opts->fd, s->in, s->in_len, flags);
		else if (s->end_due)
			r = send(s->opts->fd, &end, 1, flags);
		else
			return true;
		if (r < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return false;
		if (r < 0 && errno == EINTR)
			continue;
		/* a monitor that has gone is found out by reading, after its last frames */
		if (s->in_len > 0)
			s->in_len = 0;
		else
			s->end_due = false;
		if (r < 0)
			s->in_open = s->end_due = false;
	}
}

static void begin_output(struct session *s, int fd, size_t len)
{
	struct stat st;
	s->out_fd = fd;
	s->out_off = 1;
	s->out_len = len;
	/* a pipe that poll calls writable takes this much at once */
	s->out_max = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? sizeof(s->out) : 4096;
}

/* A frame from the monitor: 1, or 0 when it is gone. */
static int on_frame(struct session *s, struct pm_attach_result *ret)
{
	ssize_t n = recv(s->opts->fd, s->out, sizeof(s->out), MSG_DONTWAIT);
	/* closed with something of ours unread: said once, before what it had sent till then */
	if (n < 0 && errno == ECONNRESET)
		n = recv(s->opts->fd, s->out, sizeof(s->out), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n <= 0)
		return 0;
	if (s->out[0] == PM_ATTACH_STDOUT && s->opts->attach_stdout) {
		begin_output(s, STDOUT_FILENO, (size_t)n);
	} else if (s->out[0] == PM_ATTACH_STDERR && s->opts->attach_stderr) {
		begin_output(s, STDERR_FILENO, (size_t)n);
	} else if (s->out[0] == PM_ATTACH_EXIT && n >= 2) {
		ret->end = PM_ATTACH_ENDED_EXIT;
		ret->exit_code = s->out[1];
		s->ended = true;
	}
	return 1;
}

static int write_output(struct session *s, struct pm_err *err)
{
	size_t len = s->out_len - s->out_off;
	if (len > s->out_max)
		len = s->out_max;
	ssize_t n = write(s->out_fd, s->out + s->out_off, len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return pm_fail_sys(err, "write to standard %s",
				   s->out_fd == STDOUT_FILENO ? "output" : "error");
	s->out_off += (size_t)n;
	if (s->out_off >= s->out_len)
		s->out_off = s->out_len = 0;
	return 0;
}

/* One round: 1 to go on, 0 when the session has ended. */
static int step(struct session *s, struct pm_attach_result *ret, struct pm_err *err)
{
	bool sent = send_due(s);
	bool writing = s->out_off < s->out_len;
	if (s->detach && sent) {
		const unsigned char f = PM_ATTACH_DETACH;
		send(s->opts->fd, &f, 1, MSG_NOSIGNAL);
		ret->end = PM_ATTACH_ENDED_DETACHED;
		return 0;
	}

	struct pollfd p[4] = {
		{.fd = s->signals, .events = POLLIN},
		{.fd = s->in_open && sent ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = s->opts->fd,
		 .events = (short)((writing ? 0 : POLLIN) | (sent ? 0 : POLLOUT))},
		{.fd = writing ? s->out_fd : -1, .events = POLLOUT},
	};
	if (!p[2].events)
		p[2].fd = -1; /* or its hang-up would be told again and again */
	if (poll(p, 4, -1) < 0)
		return errno == EINTR ? 1 : pm_fail_sys(err, "wait for the container");

	if (p[0].revents)
		on_signal(s);
	if (p[3].revents) {
		int r = write_output(s, err);
		if (r < 0)
			return r;
	}
	if (!writing && p[2].revents & (POLLIN | POLLHUP | POLLERR) && !on_frame(s, ret)) {
		ret->end = PM_ATTACH_ENDED_LOST;
		return 0;
	}
	if (s->ended)
		return 0;
	if (p[1].revents)
		on_stdin(s);
	return 1;
}

int pm_attach_run(const struct pm_attach_opts *opts, struct pm_attach_result *ret,
		  struct pm_err *err)
{
	struct session s = {.opts = opts, .in_open = opts->attach_stdin};
	*ret = (struct pm_attach_result){.end = PM_ATTACH_ENDED_LOST};
	take_signals(&s);
	if (opts->terminal) {
		pm_attach_send_size(opts->fd);
		if (opts->attach_stdin && tcgetattr(STDIN_FILENO, &s.cooked) == 0)
			set_raw(&s, true);
	}
	int r;
	do
		r = step(&s, ret, err);
	while (r > 0);
	leave(&s);
	return r;
}
