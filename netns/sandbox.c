#include "netns/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define NOBODY 65534

/* --- the empty root -------------------------------------------------------------------------- */

static int write_map(const char *path, const char *text, struct pm_err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return pm_fail_sys(err, "write %s", path);
	return 0;
}

/* A user that may not mount makes a namespace where it may; its ids stay what they are. */
static int enter_userns(struct pm_err *err)
{
	char line[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (unshare(CLONE_NEWUSER) < 0)
		return pm_fail_sys(err, "make a user namespace");
	int r = write_map("/proc/self/setgroups", "deny", err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%u %u 1\n", uid, uid);
	r = write_map("/proc/self/uid_map", line, err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%u %u 1\n", gid, gid);
	return write_map("/proc/self/gid_map", line, err);
}

/* mkdir -p below the current directory for an absolute path. */
static int make_dirs(const char *path, struct pm_err *err)
{
	_cleanup_free_ char *p = pm_strdup(path + 1);
	for (char *c = p;; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char saved = *c;
		*c = '\0';
		if (*p && mkdir(p, 0755) < 0 && errno != EEXIST)
			return pm_fail_sys(err, "mkdir %s", p);
		*c = saved;
		if (!saved)
			return 0;
	}
}

/* Show the host's directory path, read-only, at the same place below the current directory. */
static int show_dir(const char *path, struct pm_err *err)
{
	int r = make_dirs(path, err);
	if (r < 0)
		return r;
	/* recursive: what is mounted over parts of it may not be uncovered by us */
	if (mount(path, path + 1, NULL, MS_BIND | MS_REC, NULL) < 0)
		return pm_fail_sys(err, "bind %s", path);
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					   MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	if (mount_setattr(AT_FDCWD, path + 1, AT_RECURSIVE, &a, sizeof(a)) < 0)
		return pm_fail_sys(err, "make %s read-only", path);
	return 0;
}

/* libslirp reads /etc/resolv.conf anew when it changes, and programs replace it by rename: so it is
 * the directory that has to be seen. Where resolv.conf is a symlink (systemd-resolved,
 * NetworkManager, resolvconf) that is the small directory it points into, else /etc. */
static int show_resolv_conf(struct pm_err *err)
{
	_cleanup_free_ char *real = realpath("/etc/resolv.conf", NULL);
	if (!real)
		return errno == ENOENT ? 0 : pm_fail_sys(err, "resolve /etc/resolv.conf");
	char *slash = strrchr(real, '/');
	bool in_etc = strcmp(real, "/etc/resolv.conf") == 0;
	if (!in_etc) {
		int r = make_dirs("/etc", err);
		if (r < 0)
			return r;
		if (symlink(real, "etc/resolv.conf") < 0)
			return pm_fail_sys(err, "symlink /etc/resolv.conf");
	}
	if (slash == real)
		return pm_fail(err, PM_E_UNSUPPORTED, "/etc/resolv.conf points into /");
	*slash = '\0';
	return show_dir(real, err);
}

static int enter_root(const struct pm_sandbox *s, struct pm_err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return pm_fail_sys(err, "make mounts private");
	/* /tmp is everywhere; what it holds is not needed */
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755") <
	    0)
		return pm_fail_sys(err, "mount an empty root");
	if (chdir("/tmp") < 0)
		return pm_fail_sys(err, "chdir /tmp");
	int r = s->no_files ? 0 : show_resolv_conf(err);
	if (r < 0)
		return r;
	/* the old root comes to lie over the new one, from where it is detached */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return pm_fail_sys(err, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return pm_fail_sys(err, "detach the old root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0)
		return pm_fail_sys(err, "make the root read-only");
	if (chdir("/") < 0)
		return pm_fail_sys(err, "chdir /");
	return 0;
}

int pm_sandbox_enter(const struct pm_sandbox *s, struct pm_err *err)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0) {
		int r = enter_userns(err);
		if (r < 0)
			return pm_wrap(err, "%s's sandbox", s->name);
		if (unshare(CLONE_NEWNS) < 0)
			return pm_fail_sys(err, "%s's sandbox: make a mount namespace", s->name);
	}
	int r = enter_root(s, err);
	return r < 0 ? pm_wrap(err, "%s's sandbox", s->name) : 0;
}

/* --- privileges ------------------------------------------------------------------------------ */

/* A namespace of one id has no nobody: then the capabilities are all there is to give up. */
static int become_nobody(struct pm_err *err)
{
	if (geteuid() != 0)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return pm_fail_sys(err, "keep capabilities");
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return pm_fail_sys(err, "drop groups");
	if ((setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) &&
	    errno != EINVAL)
		return pm_fail_sys(err, "become nobody");
	return 0;
}

static int drop_privileges(uint64_t keep, struct pm_err *err)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return pm_fail_sys(err, "drop capability %d", cap);
	int r = become_nobody(err);
	if (r < 0)
		return r;
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[2] = {0};
	for (size_t i = 0; i < 2; i++)
		kept[i].permitted = kept[i].effective = (uint32_t)(keep >> (32 * i));
	if (syscall(SYS_capset, &h, kept) < 0)
		return pm_fail_sys(err, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return pm_fail_sys(err, "set no_new_privs");
	return 0;
}

static int limit(int what, rlim_t value, struct pm_err *err)
{
	struct rlimit now;
	if (getrlimit(what, &now) < 0)
		return pm_fail_sys(err, "read a resource limit");
	if (now.rlim_max < value)
		value = now.rlim_max;
	struct rlimit l = {value, value};
	if (setrlimit(what, &l) < 0)
		return pm_fail_sys(err, "set a resource limit");
	return 0;
}

static int set_limits(unsigned int max_files, struct pm_err *err)
{
	int r = limit(RLIMIT_NOFILE, max_files, err);
	if (r >= 0)
		r = limit(RLIMIT_CORE, 0, err);
	if (r >= 0)
		r = limit(RLIMIT_FSIZE, 0, err);
	if (r >= 0)
		r = limit(RLIMIT_NPROC, 0, err);
	if (r >= 0)
		r = limit(RLIMIT_MEMLOCK, 0, err);
	return r;
}

/* --- system calls ---------------------------------------------------------------------------- */

/* What sockets, timers and libc's memory and stdio need; nothing that starts a program, sees
 * another process or makes a file. */
static const int allowed[] = {
	SCMP_SYS(read),		SCMP_SYS(readv),	SCMP_SYS(write),
	SCMP_SYS(writev),	SCMP_SYS(close),	SCMP_SYS(lseek),
	SCMP_SYS(fstat),	SCMP_SYS(stat),		SCMP_SYS(newfstatat),
	SCMP_SYS(statx),	SCMP_SYS(fcntl),	SCMP_SYS(poll),
	SCMP_SYS(ppoll),	SCMP_SYS(bind),		SCMP_SYS(connect),
	SCMP_SYS(listen),	SCMP_SYS(accept),	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),	SCMP_SYS(getpeername),	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),	SCMP_SYS(shutdown),	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),	SCMP_SYS(recvfrom),	SCMP_SYS(recvmsg),
	SCMP_SYS(munmap),	SCMP_SYS(brk),		SCMP_SYS(mremap),
	SCMP_SYS(madvise),	SCMP_SYS(futex),	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),		SCMP_SYS(getrandom),
	SCMP_SYS(exit),		SCMP_SYS(exit_group),	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),	SCMP_SYS(gettid),
};

static int add_rules(scmp_filter_ctx ctx, const struct pm_sandbox *s)
{
	int r = 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(allowed) && r == 0; i++) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
		if (r == -EDOM) /* not a call of this architecture */
			r = 0;
	}
	for (size_t i = 0; i < s->n_calls && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, s->calls[i], 0);
	static const uint32_t families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};
	for (size_t i = 0; i < PM_ARRAY_SIZE(families) && r == 0 && !s->no_raw_sockets; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	for (size_t i = 0; i < 4 && r == 0 && s->no_raw_sockets; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				     SCMP_A0_32(SCMP_CMP_EQ, families[i / 2]),
				     SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, types[i % 2]));
	/* FIONREAD and FIONBIO of libslirp */
	static const uint32_t ioctls[] = {0x541b, 0x5421};
	for (size_t i = 0; i < PM_ARRAY_SIZE(ioctls) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1_32(SCMP_CMP_EQ, ioctls[i]));
	/* files only for reading; no memory that can be executed */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

/* Other calls fail as if the kernel did not know them: a newer libc then takes its older way. */
static int load_filter(const struct pm_sandbox *s, struct pm_err *err)
{
#ifdef __SANITIZE_ADDRESS__
	/* the sanitizer's own system calls are not in the list */
	(void)s;
	(void)err;
	(void)add_rules;
	return 0;
#else
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!ctx)
		return pm_fail(err, ENOMEM, "make a seccomp filter");
	int r = add_rules(ctx, s);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? pm_fail_errno(err, -r, "load the seccomp filter") : 0;
#endif
}

int pm_sandbox_seal(const struct pm_sandbox *s, struct pm_err *err)
{
	int r = set_limits(s->max_files, err);
	if (r >= 0)
		r = drop_privileges(s->keep_caps, err);
	if (r >= 0)
		r = load_filter(s, err);
	return r < 0 ? pm_wrap(err, "%s's sandbox", s->name) : 0;
}
