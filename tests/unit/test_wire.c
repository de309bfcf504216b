#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"

TEST(round_trip)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, back = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv list = PM_STRV_INIT, got = PM_STRV_INIT;
	struct pm_err err = PM_ERR_INIT;

	pm_strv_add(&list, "one");
	pm_strv_add(&list, "");
	pm_strv_add(&list, "three words here\n");
	pm_wire_add(&w, "name", "value");
	pm_wire_add_list(&w, "arg", &list);
	pm_wire_add_int(&w, "low", INT64_MIN);
	pm_wire_add_int(&w, "high", INT64_MAX);
	pm_wire_encode(&w, &b);
	CHECK(memcmp(b.data, "pmw1", 4) == 0);

	CHECK_OK(pm_wire_decode(b.data, b.len, &back, &err), err);
	CHECK_STR(pm_wire_get(&back, "name"), "value");
	CHECK(!pm_wire_get(&back, "nam"));
	pm_wire_get_list(&back, "arg", &got);
	CHECK_INT(got.n, 3);
	CHECK_STR(got.v[1], "");
	CHECK_STR(got.v[2], "three words here\n");
	int64_t n;
	CHECK_OK(pm_wire_get_int(&back, "low", 0, &n, &err), err);
	CHECK(n == INT64_MIN);
	CHECK_OK(pm_wire_get_int(&back, "high", 0, &n, &err), err);
	CHECK(n == INT64_MAX);
	CHECK_OK(pm_wire_get_int(&back, "none", -7, &n, &err), err);
	CHECK_INT(n, -7);
}

TEST(numbers_are_checked)
{
	static const char *const bad[] = {"", " 1", "+1", "-", "1 ", "0x10", "9223372036854775808"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		struct pm_err err = PM_ERR_INIT;
		int64_t n = 42;
		pm_wire_add(&w, "n", bad[i]);
		CHECK_INT(pm_wire_get_int(&w, "n", 0, &n, &err), -PM_E_FORMAT);
		CHECK_INT(n, 42);
	}
}

static int decode(const char *bytes, size_t len)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	struct pm_err err = PM_ERR_INIT;
	int r = pm_wire_decode(bytes, len, &w, &err);
	CHECK(r == 0 || (err.text[0] && w.kv.n == 0));
	return r;
}

#define DECODE(s) decode(s, sizeof(s) - 1)

TEST(malformed_messages)
{
	CHECK_INT(DECODE("pmw1\0\0\0\0"), 0);
	CHECK_INT(DECODE("pmw1\4\0\0\0a\0b\0"), 0);
	CHECK_INT(DECODE(""), -PM_E_FORMAT);
	CHECK_INT(DECODE("pmw1\0\0\0"), -PM_E_FORMAT);
	CHECK_INT(DECODE("pmw2\0\0\0\0"), -PM_E_FORMAT);
	CHECK_INT(DECODE("pmw1\3\0\0\0a\0b"), -PM_E_FORMAT);      /* not terminated */
	CHECK_INT(DECODE("pmw1\2\0\0\0a\0"), -PM_E_FORMAT);       /* no value */
	CHECK_INT(DECODE("pmw1\5\0\0\0a\0b\0"), -PM_E_FORMAT);    /* shorter than it says */
	CHECK_INT(DECODE("pmw1\4\0\0\0a\0b\0c"), -PM_E_FORMAT);   /* longer than it says */
	CHECK_INT(DECODE("pmw1\377\377\377\377a\0b\0"), -PM_E_FORMAT);
}

TEST(stream_with_descriptors)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, got = PM_WIRE_INIT;
	struct pm_err err = PM_ERR_INIT;
	int s[2], p[2], fds[4];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
	CHECK(pipe2(p, O_CLOEXEC) == 0);

	pm_wire_add(&w, "first", "1");
	CHECK_OK(pm_wire_send(s[0], &w, &p[1], 1, &err), err);
	pm_wire_add(&w, "second", "2");
	CHECK_OK(pm_wire_send(s[0], &w, p, 2, &err), err);
	close(s[0]);

	size_t n = 4;
	CHECK_INT(pm_wire_recv(s[1], &got, fds, &n, &err), 1);
	CHECK_INT(n, 1);
	CHECK(!pm_wire_get(&got, "second"));
	CHECK_INT(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(p[1]);
	CHECK(write(fds[0], "x", 1) == 1);
	close(fds[0]);

	/* room for none: the two that come are closed, so the pipe has no writer left */
	n = 0;
	CHECK_INT(pm_wire_recv(s[1], &got, fds, &n, &err), 1);
	CHECK_INT(n, 0);
	CHECK_STR(pm_wire_get(&got, "second"), "2");
	char c[2];
	CHECK_INT(read(p[0], c, 2), 1);
	CHECK_INT(read(p[0], c, 2), 0);

	CHECK_INT(pm_wire_recv(s[1], &got, NULL, NULL, &err), 0);
}

TEST(large_message_over_pipe)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, got = PM_WIRE_INIT;
	struct pm_err err = PM_ERR_INIT;
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0); /* the worst case: neither side may spin */
	for (int i = 0; i < 100000; i++)
		pm_wire_add(&w, "some name of an entry", "a value a little longer than the name");

	pid_t pid = fork();
	if (pid == 0)
		_exit(pm_wire_send(p[1], &w, NULL, 0, NULL) < 0);
	close(p[1]);
	CHECK_INT(pm_wire_recv(p[0], &got, NULL, NULL, &err), 1);
	CHECK_INT(got.kv.n, 200000);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(cut_and_too_large)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, got = PM_WIRE_INIT;
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK(write(p[1], "pmw1\4\0\0\0a\0", 10) == 10);
	close(p[1]);
	CHECK_INT(pm_wire_recv(p[0], &got, NULL, NULL, &err), -PM_E_FORMAT);

	_cleanup_free_ char *big = pm_malloc((8 << 20) + 1);
	memset(big, 'x', 8 << 20);
	pm_wire_add(&w, "v", big);
	CHECK_INT(pm_wire_send(p[0], &w, NULL, 0, &err), -E2BIG);
}
