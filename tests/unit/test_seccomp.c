#include "engine/spec/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/spec/caps.h"
#include "tests/unit/test.h"

#define DEBIAN "/usr/share/containers/seccomp.json"

static void compile(const struct pm_seccomp_profile *p, uint64_t caps, struct pm_buf *out)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_seccomp_compile(p, caps, out, &err), err);
	CHECK(out->len > 0 && out->len % sizeof(struct sock_filter) == 0);
}

/* The built-in table and the file Debian ships compile to the same program, whatever the container's
 * capabilities are. */
TEST(built_in_profile_equals_debians)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (pm_fs_read_file(AT_FDCWD, DEBIAN, 1 << 20, &text, NULL) < 0)
		return;
	_cleanup_seccomp_profile_ struct pm_seccomp_profile ours = {0}, theirs = {0};
	pm_seccomp_default(&ours);
	CHECK_OK(pm_seccomp_parse(text.data, text.len, &theirs, &err), err);
	CHECK_INT(theirs.action, ours.action);
	CHECK_INT(theirs.errno_ret, ours.errno_ret);
	uint64_t all = pm_caps_all();
	for (unsigned int i = 0; i <= 42; i++) {
		uint64_t caps = i == 41 ? 0 : i == 42 ? all : UINT64_C(1) << i;
		_cleanup_buf_ struct pm_buf a = PM_BUF_INIT, b = PM_BUF_INIT;
		compile(&ours, caps, &a);
		compile(&theirs, caps, &b);
		if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
			test_fail(__FILE__, __LINE__, "programs differ with capabilities %llx",
				  (unsigned long long)caps);
		if (i >= 4 && i < 38)
			i++; /* half of them will do */
	}
}

/* What a child sees of a call under the filter: 0 or its errno. */
static int under(const struct pm_buf *bpf, long nr, long a, long b, long c)
{
	struct sock_fprog prog = {.len = (unsigned short)(bpf->len / sizeof(struct sock_filter)),
				  .filter = (void *)bpf->data};
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
			_exit(255);
		_exit(syscall(nr, a, b, c) < 0 ? errno : 0);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(filter_does_what_the_profile_says)
{
	_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {0};
	_cleanup_buf_ struct pm_buf none = PM_BUF_INIT, chroot_cap = PM_BUF_INIT;
	pm_seccomp_default(&p);
	compile(&p, 0, &none);
	compile(&p, UINT64_C(1) << pm_cap_number("sys_chroot"), &chroot_cap);
	CHECK_INT(under(&none, SYS_getpid, 0, 0, 0), 0);
	CHECK_INT(under(&none, SYS_userfaultfd, 0, 0, 0), EPERM);
	CHECK_INT(under(&none, SYS_chroot, 0, 0, 0), EPERM);
	CHECK_INT(under(&chroot_cap, SYS_chroot, 0, 0, 0), EFAULT); /* got through to the kernel */
	CHECK_INT(under(&none, 9999, 0, 0, 0), ENOSYS);
	CHECK_INT(under(&none, SYS_personality, 0xffffffff, 0, 0), 0);
	CHECK_INT(under(&none, SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */, 0, 0), ENOSYS);
	CHECK_INT(under(&none, SYS_socket, AF_NETLINK, SOCK_RAW, 9), EINVAL);
	CHECK_INT(under(&none, SYS_socket, AF_NETLINK, SOCK_RAW, 0), 0);
}

TEST(malformed_profiles)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"defaultAction\":\"x\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[3]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_KILL\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"op\":\"EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":-1,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"includes\":{\"caps\":[\"CAP_X\"]}}]}",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_seccomp_profile_ struct pm_seccomp_profile p = {0};
		if (pm_seccomp_parse(bad[i], strlen(bad[i]), &p, NULL) >= 0)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	}
}

TEST(base64_vectors)
{
	static const char *const t[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
					   {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		pm_base64(t[i][0], strlen(t[i][0]), &b);
		CHECK_STR(pm_buf_str(&b), t[i][1]);
	}
}
