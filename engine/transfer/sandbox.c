#include "engine/transfer/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

int pm_sandbox_close_others(const int *keep, size_t n, struct pm_err *err)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return pm_fail_sys(err, "open /dev/null");
	/* between one kept descriptor and the next higher */
	unsigned int from = STDERR_FILENO + 1;
	for (;;) {
		unsigned int next = ~0U;
		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from && close_range(from, next == ~0U ? next : next - 1, 0) < 0)
			return pm_fail_sys(err, "close descriptors");
		if (next == ~0U)
			break;
		from = next + 1;
	}
	null = -1;
	return 0;
}

int pm_sandbox_enter_userns(int userns, struct pm_err *err)
{
	if (setns(userns, CLONE_NEWUSER) < 0)
		return pm_fail_sys(err, "enter the user namespace");
	/* a single-id namespace denies setgroups, and has nothing to drop */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return pm_fail_sys(err, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return pm_fail_sys(err, "become root in the user namespace");
	return 0;
}

int pm_sandbox_chroot(int dirfd, struct pm_err *err)
{
	if (fchdir(dirfd) < 0)
		return pm_fail_sys(err, "enter the layer's directory");
	if (chroot(".") < 0) {
		if (errno == EPERM && geteuid() != 0)
			return 0;
		return pm_fail_sys(err, "make the layer's directory the root");
	}
	return 0;
}

void pm_sandbox_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGQUIT, SIGHUP};
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &action, NULL); /* fails for SIGKILL and the like */
	action.sa_handler = SIG_IGN;
	for (size_t i = 0; i < PM_ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int pm_sandbox_drop_capabilities(enum pm_sandbox_work work, struct pm_err *err)
{
	const uint32_t keep = work == PM_SANDBOX_PACK
				      ? 1U << CAP_DAC_READ_SEARCH
				      : 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
						1U << CAP_FSETID | 1U << CAP_MKNOD |
						1U << CAP_SETFCAP;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {0};
	if (syscall(SYS_capget, &header, caps) < 0)
		return pm_fail_sys(err, "read capabilities");
	for (size_t i = 0; i < 2; i++) {
		caps[i].permitted &= i == 0 ? keep : 0;
		caps[i].effective = caps[i].permitted;
		caps[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, caps) < 0)
		return pm_fail_sys(err, "drop capabilities");
	return 0;
}

#ifdef SANITIZED

static int add_rules(scmp_filter_ctx ctx, enum pm_sandbox_work work)
{
	(void)work;
	static const int denied[] = {
		SCMP_SYS(socket),         SCMP_SYS(socketpair), SCMP_SYS(connect),
		SCMP_SYS(bind),           SCMP_SYS(execve),     SCMP_SYS(execveat),
		SCMP_SYS(ptrace),         SCMP_SYS(fork),       SCMP_SYS(vfork),
		SCMP_SYS(mount),          SCMP_SYS(umount2),    SCMP_SYS(pivot_root),
		SCMP_SYS(unshare),        SCMP_SYS(setns),      SCMP_SYS(bpf),
		SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl),     SCMP_SYS(process_vm_writev),
		SCMP_SYS(kill),           SCMP_SYS(chroot),
	};
	int r = 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(denied) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), denied[i], 0);
	return r;
}

static const uint32_t default_action = SCMP_ACT_ALLOW;

#else

static int add_calls(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int add_rules(scmp_filter_ctx ctx, enum pm_sandbox_work work)
{
	static const int allowed[] = {
		/* the input, the layer's files, the report */
		SCMP_SYS(read),
		SCMP_SYS(pread64),
		SCMP_SYS(write),
		SCMP_SYS(close),
		SCMP_SYS(lseek),
		SCMP_SYS(openat),
		SCMP_SYS(openat2),
		SCMP_SYS(fstat),
		SCMP_SYS(newfstatat),
		SCMP_SYS(statx),
		SCMP_SYS(fstatfs),
		SCMP_SYS(getdents64),
		SCMP_SYS(readlinkat),
		SCMP_SYS(fcntl),
		/* memory and threads */
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(sched_yield),
		SCMP_SYS(set_robust_list),
		SCMP_SYS(rseq),
		SCMP_SYS(sched_getaffinity),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(getrandom),
		SCMP_SYS(restart_syscall),
		/* the end, also by abort() */
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(gettid),
		SCMP_SYS(getpid),
		SCMP_SYS(tgkill),
	};
	static const int extract[] = {
		SCMP_SYS(pwrite64),  SCMP_SYS(mkdirat),   SCMP_SYS(mknodat),  SCMP_SYS(symlinkat),
		SCMP_SYS(linkat),    SCMP_SYS(unlinkat),  SCMP_SYS(ftruncate), SCMP_SYS(fchmod),
		SCMP_SYS(fchmodat),  SCMP_SYS(fchown),    SCMP_SYS(fchownat), SCMP_SYS(fsetxattr),
		SCMP_SYS(utimensat), SCMP_SYS(sync_file_range),
	};
	static const int pack[] = {SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr)};
	static const int maps[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int r = add_calls(ctx, allowed, PM_ARRAY_SIZE(allowed));
	if (r == 0)
		r = work == PM_SANDBOX_PACK ? add_calls(ctx, pack, PM_ARRAY_SIZE(pack))
					    : add_calls(ctx, extract, PM_ARRAY_SIZE(extract));
	for (size_t i = 0; i < PM_ARRAY_SIZE(maps) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, maps[i], 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static const uint32_t default_action = SCMP_ACT_ERRNO(ENOSYS);

#endif

int pm_sandbox_filter(enum pm_sandbox_work work, struct pm_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(default_action);
	if (!ctx)
		return pm_fail(err, PM_E_INTERNAL, "make a seccomp filter");
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 1);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = add_rules(ctx, work);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? pm_fail_errno(err, -r, "install the seccomp filter") : 0;
}
