#include "tests/unit/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/container/attach.h"

TEST(detach_keys)
{
	struct pm_detach_keys k;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_detach_keys_parse(PM_DETACH_KEYS_DEFAULT, &k, &err), err);
	CHECK(k.n == 2 && k.key[0] == 16 && k.key[1] == 17);
	CHECK_OK(pm_detach_keys_parse("", &k, &err), err);
	CHECK_INT(k.n, 0);
	CHECK_OK(pm_detach_keys_parse("a,ctrl-@,ctrl-[,ctrl-_,Q", &k, &err), err);
	CHECK(k.n == 5 && k.key[0] == 'a' && k.key[1] == 0 && k.key[2] == 27 && k.key[3] == 31);
	static const char *const bad[] = {"ctrl-",  "ctrl-1", "ab",     "a,",
					  "ctrl-P", "a,,b",   "ctrl-ab"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		CHECK_INT(pm_detach_keys_parse(bad[i], &k, NULL), -PM_E_USAGE);
}

/* A session in a child whose standard streams are pipes; the test plays the monitor. */
struct child {
	pid_t pid;
	int channel, in, out, err;
};

static void start(struct child *c, bool terminal, const char *keys)
{
	int sock[2], in[2], out[2], er[2];
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock) == 0 && pipe(in) == 0 &&
	      pipe(out) == 0 && pipe(er) == 0);
	c->pid = fork();
	if (c->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(er[1], 2);
		close(in[1]);
		close(out[0]);
		close(er[0]);
		close(sock[1]);
		struct pm_attach_opts o = PM_ATTACH_OPTS_INIT;
		struct pm_attach_result r;
		struct pm_err e = PM_ERR_INIT;
		o.fd = sock[0];
		o.terminal = terminal;
		o.attach_stdin = true;
		pm_detach_keys_parse(keys, &o.detach, NULL);
		if (pm_attach_run(&o, &r, &e) < 0)
			_exit(100);
		_exit(r.end == PM_ATTACH_ENDED_EXIT ? r.exit_code : 200 + (int)r.end);
	}
	close(sock[0]);
	close(in[0]);
	close(out[1]);
	close(er[1]);
	*c = (struct child){
		.pid = c->pid, .channel = sock[1], .in = in[1], .out = out[0], .err = er[0]};
}

static int status_of(struct child *c)
{
	int status;
	CHECK(waitpid(c->pid, &status, 0) == c->pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void send_frame(struct child *c, int kind, const char *text, size_t len)
{
	char f[64];
	f[0] = (char)kind;
	memcpy(f + 1, text, len);
	CHECK(send(c->channel, f, len + 1, MSG_NOSIGNAL) == (ssize_t)len + 1);
}

TEST(streams_and_exit_code)
{
	struct child c;
	char buf[64];
	start(&c, false, "");
	CHECK(write(c.in, "hello", 5) == 5);
	CHECK_INT(recv(c.channel, buf, sizeof(buf), 0), 6);
	CHECK(buf[0] == PM_ATTACH_STDIN && memcmp(buf + 1, "hello", 5) == 0);
	close(c.in);
	CHECK_INT(recv(c.channel, buf, sizeof(buf), 0), 1);
	CHECK_INT(buf[0], PM_ATTACH_STDIN_END);
	send_frame(&c, PM_ATTACH_STDOUT, "out", 3);
	send_frame(&c, PM_ATTACH_STDERR, "err", 3);
	send_frame(&c, PM_ATTACH_EXIT, "\x07", 1);
	CHECK_INT(status_of(&c), 7);
	CHECK(read(c.out, buf, sizeof(buf)) == 3 && memcmp(buf, "out", 3) == 0);
	CHECK(read(c.err, buf, sizeof(buf)) == 3 && memcmp(buf, "err", 3) == 0);
}

TEST(lost_monitor_is_told)
{
	struct child c;
	start(&c, false, "");
	send_frame(&c, PM_ATTACH_STDOUT, "x", 1);
	close(c.channel);
	CHECK_INT(status_of(&c), 200 + PM_ATTACH_ENDED_LOST);
}

TEST(an_exit_is_read_though_input_was_not)
{
	struct child c;
	char buf[64];
	int status;
	start(&c, false, "");
	CHECK(write(c.in, "more", 4) == 4);
	CHECK_INT(recv(c.channel, buf, sizeof(buf), MSG_PEEK), 5);
	CHECK(kill(c.pid, SIGSTOP) == 0 && waitpid(c.pid, &status, WUNTRACED) == c.pid);
	send_frame(&c, PM_ATTACH_STDOUT, "out", 3);
	send_frame(&c, PM_ATTACH_EXIT, "\x05", 1);
	close(c.channel); /* with the input unread: the kernel says ECONNRESET, and then what was sent */
	CHECK(kill(c.pid, SIGCONT) == 0);
	CHECK_INT(status_of(&c), 5);
	CHECK(read(c.out, buf, sizeof(buf)) == 3 && memcmp(buf, "out", 3) == 0);
}

TEST(closed_output_is_an_error)
{
	struct child c;
	start(&c, false, "");
	close(c.out);
	send_frame(&c, PM_ATTACH_STDOUT, "x", 1);
	CHECK_INT(status_of(&c), 100);
}

/* What reaches the container of text typed in pieces, '|' between them. */
static void type(const char *keys, const char *pieces, const char *want, bool detaches)
{
	struct child c;
	char got[64] = "", f[64];
	size_t n = 0;
	start(&c, true, keys);
	for (const char *p = pieces; *p;) {
		size_t len = strcspn(p, "|");
		CHECK(write(c.in, p, len) == (ssize_t)len);
		usleep(20000);
		p += len + (p[len] == '|');
	}
	if (!detaches)
		close(c.in);
	for (;;) {
		ssize_t r = recv(c.channel, f, sizeof(f), 0);
		CHECK(r > 0);
		if (f[0] != PM_ATTACH_STDIN) {
			CHECK_INT(f[0], detaches ? PM_ATTACH_DETACH : PM_ATTACH_STDIN_END);
			break;
		}
		memcpy(got + n, f + 1, (size_t)r - 1);
		n += (size_t)r - 1;
	}
	CHECK_STR(got, want);
	if (!detaches)
		send_frame(&c, PM_ATTACH_EXIT, "", 1);
	CHECK_INT(status_of(&c), detaches ? 200 + PM_ATTACH_ENDED_DETACHED : 0);
}

TEST(detach_keys_are_held_back_only_while_they_may_be_it)
{
	type("ctrl-p,ctrl-q", "ab\x10|\x11", "ab", true);
	type("ctrl-p,ctrl-q", "ab\x10\x11zz", "ab", true);
	type("ctrl-p,ctrl-q", "ab\x10|c",
	     "ab\x10"
	     "c",
	     false);
	type("ctrl-p,ctrl-q", "\x10|\x10|\x11", "\x10", true);
	type("", "a\x10\x11", "a\x10\x11", false);
}
