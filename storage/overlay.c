#include "storage/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "storage/idmapped.h"
#include "storage/vfs.h"

/* mount(2) takes one page of options. */
#define OPTIONS_MAX 4095

/*
 * Directories are named to the kernel as /proc/self/fd/N: short, so that any image's layers fit into
 * one page, and free of ':' and ',' whatever the store's path holds.
 */
struct dirs {
	int *fds;
	size_t n;
	struct pm_strv covered; /* layers that an id-mapped mount lies on */
};

static void dirs_close(struct dirs *d)
{
	for (size_t i = 0; i < d->n; i++)
		close(d->fds[i]);
	free(d->fds);
	for (size_t i = 0; i < d->covered.n; i++)
		umount2(d->covered.v[i], MNT_DETACH);
	pm_strv_free(&d->covered);
}

static int dirs_open(struct dirs *d, const char *path, struct pm_err *err)
{
	int fd = pm_fs_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	d->fds = pm_reallocarray(d->fds, d->n + 1, sizeof(int));
	d->fds[d->n++] = fd;
	return fd;
}

/* The overlay takes no mount that is in no namespace: it is put onto the layer, and copied by the overlay's own. */
static int cover(struct dirs *d, const char *path, int userns, struct pm_err *err)
{
	_cleanup_close_ int tree = pm_idmapped_open(path, userns, err);
	if (tree < 0)
		return tree;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return pm_fail_sys(err, "mount at %s", path);
	pm_strv_add(&d->covered, path);
	return 0;
}

/* "lowerdir=...,upperdir=...,workdir=..." with descriptors held by d. */
static int dir_options(const struct pm_overlay *o, struct dirs *d, struct pm_buf *out,
		       struct pm_err *err)
{
	pm_buf_add_str(out, "lowerdir=");
	for (size_t i = o->n_lowers; i > 0; i--) {
		int fd = o->idmapped ? cover(d, o->lowers[i - 1], o->userns, err) : 0;
		if (fd >= 0)
			fd = dirs_open(d, o->lowers[i - 1], err);
		if (fd < 0)
			return pm_wrap(err, "open a layer");
		pm_buf_printf(out, "%s/proc/self/fd/%d", i < o->n_lowers ? ":" : "", fd);
	}
	if (!o->upper)
		return 0;
	int upper = dirs_open(d, o->upper, err);
	int work = upper < 0 ? upper : dirs_open(d, o->work, err);
	if (work < 0)
		return work;
	pm_buf_printf(out, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	return 0;
}

unsigned long pm_overlay_flags_of(const char *path)
{
	static const struct {
		unsigned long st, ms;
	} flags[] = {{ST_NOSUID, MS_NOSUID},   {ST_NOEXEC, MS_NOEXEC},
		     {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME},
		     {ST_RDONLY, MS_RDONLY},   {ST_RELATIME, MS_RELATIME}};
	struct statvfs s;
	unsigned long ms = 0;
	if (statvfs(path, &s) < 0)
		return 0;
	for (size_t i = 0; i < PM_ARRAY_SIZE(flags); i++)
		if (s.f_flag & flags[i].st)
			ms |= flags[i].ms;
	return ms;
}

static int bind_mount(const char *from, const char *to, bool read_only, struct pm_err *err)
{
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return pm_fail_sys(err, "bind mount %s at %s", from, to);
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_NODEV | pm_overlay_flags_of(to);
	if (mount(NULL, to, NULL, flags | (read_only ? MS_RDONLY : 0), NULL) < 0)
		return pm_fail_sys(err, "change the mount %s", to);
	return 0;
}

/* Two layers are the least that overlay takes without an upper. */
static bool only_one(const struct pm_overlay *o)
{
	return o->n_lowers + (o->upper ? 1 : 0) == 1;
}

static int mount_single(const struct pm_overlay *o, struct pm_err *err)
{
	return o->upper ? bind_mount(o->upper, o->target, false, err)
			: bind_mount(o->lowers[0], o->target, true, err);
}

static int mount_native(const struct pm_overlay *o, struct pm_err *err)
{
	_cleanup_(dirs_close) struct dirs d = {0};
	_cleanup_buf_ struct pm_buf opts = PM_BUF_INIT;

	int r = dir_options(o, &d, &opts, err);
	if (r < 0)
		return r;
	/* the layers' opaque marks are user.overlay.*, for root too: a store has one format */
	pm_buf_add_str(&opts, ",userxattr");
	if (o->volatile_ && o->upper)
		pm_buf_add_str(&opts, ",volatile");
	if (opts.len > OPTIONS_MAX)
		return pm_fail(err, PM_E_UNSUPPORTED, "mount overlay: %zu layers are too many",
			       o->n_lowers);
	if (mount("overlay", o->target, "overlay", MS_NODEV, opts.data) == 0)
		return 0;
	if (errno == EINVAL && o->volatile_) {
		/* Linux before 5.10 */
		struct pm_overlay again = *o;
		again.volatile_ = false;
		return mount_native(&again, err);
	}
	if (errno == EPERM || errno == ENODEV || errno == EINVAL || errno == EOPNOTSUPP)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "this kernel or file system does not mount an overlay in a user "
			       "namespace (%s): use --storage-driver fuse-overlayfs",
			       strerrordesc_np(errno));
	return pm_fail_sys(err, "mount overlay at %s", o->target);
}

/* --- fuse-overlayfs ------------------------------------------------------------------------------ */

int pm_overlay_find_fuse(char **ret, struct pm_err *err)
{
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "fuse-overlayfs needs /dev/fuse: %s; load the module fuse, or let the "
			       "user read and write it",
			       strerrordesc_np(errno));
	if (pm_proc_find("fuse-overlayfs", getenv("PATH"), ret, NULL) < 0 &&
	    pm_proc_find("fuse-overlayfs", NULL, ret, NULL) < 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "the program fuse-overlayfs was not found: install the package "
			       "fuse-overlayfs");
	return 0;
}

struct fuse_child {
	const char *program, *options;
	int fuse_fd, go_fd;
	sigset_t mask;
};

/*
 * The server waits, in a mount namespace made before the mount, until the mount is there: were it to
 * live in the namespace that has the mount, it would keep it alive for ever.
 */
static _Noreturn void serve(const struct fuse_child *f)
{
	char go, point[32], fd_opt[32];
	struct pm_err err = PM_ERR_INIT;

	prctl(PR_SET_NAME, "pm-fuse");
	sigprocmask(SIG_SETMASK, &f->mask, NULL);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		pm_fail_sys(&err, "make a mount namespace for fuse-overlayfs");
		pm_err_send(f->go_fd, &err);
		_exit(1);
	}
	if (write(f->go_fd, "", 1) != 1 || read(f->go_fd, &go, 1) != 1)
		_exit(1);
	snprintf(point, sizeof(point), "/dev/fd/%d", f->fuse_fd);
	snprintf(fd_opt, sizeof(fd_opt), "%d", f->fuse_fd);
	fcntl(f->fuse_fd, F_SETFD, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	execl(f->program, "fuse-overlayfs", "-f", "-o", f->options, point, (char *)NULL);
	_exit(127);
}

/* The options name directories by path here: fuse-overlayfs resolves them itself, with '\' before
 * a ':' that is part of one. */
static void escaped(struct pm_buf *out, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == ',' || *path == '\\')
			pm_buf_add_char(out, '\\');
		pm_buf_add_char(out, *path);
	}
}

static void fuse_options(const struct pm_overlay *o, struct pm_buf *out)
{
	pm_buf_add_str(out, "lowerdir=");
	for (size_t i = o->n_lowers; i > 0; i--) {
		escaped(out, o->lowers[i - 1]);
		if (i > 1)
			pm_buf_add_char(out, ':');
	}
	if (o->upper) {
		pm_buf_add_str(out, ",upperdir=");
		escaped(out, o->upper);
		pm_buf_add_str(out, ",workdir=");
		escaped(out, o->work);
	}
	if (o->volatile_)
		pm_buf_add_str(out, ",fsync=0");
}

static int mount_fuse_at(const char *target, int fuse_fd, bool read_only, struct pm_err *err)
{
	char opts[160];
	snprintf(opts, sizeof(opts),
		 "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions",
		 fuse_fd, (unsigned int)geteuid(), (unsigned int)getegid());
	if (mount("fuse-overlayfs", target, "fuse", MS_NODEV | (read_only ? MS_RDONLY : 0),
		  opts) < 0)
		return pm_fail_sys(err, "mount fuse at %s", target);
	return 0;
}

/* The server is there when the root answers. */
static int fuse_answers(const char *target, pid_t pid, struct pm_err *err)
{
	struct stat st;
	if (stat(target, &st) == 0)
		return 0;
	int e = errno, status = 0;
	umount2(target, MNT_DETACH);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pm_fail_errno(err, e, "fuse-overlayfs did not take the layers (exit code %d)",
			     pm_proc_exit_code(status));
}

static int mount_fuse(const struct pm_overlay *o, pid_t *ret_pid, struct pm_err *err)
{
	_cleanup_free_ char *program = NULL;
	_cleanup_buf_ struct pm_buf opts = PM_BUF_INIT;
	_cleanup_close_ int fuse_fd = -1;
	int pair[2];

	int r = pm_overlay_find_fuse(&program, err);
	if (r < 0)
		return r;
	fuse_options(o, &opts);
	fuse_fd = pm_fs_open(AT_FDCWD, "/dev/fuse", O_RDWR, 0, err);
	if (fuse_fd < 0)
		return fuse_fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");

	struct fuse_child f = {program, opts.data, fuse_fd, pair[1], {{0}}};
	sigemptyset(&f.mask);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve(&f);
	}
	close(pair[1]);
	if (pid < 0) {
		r = pm_fail_sys(err, "fork for fuse-overlayfs");
		close(pair[0]);
		return r;
	}

	char ready = 1;
	if (read(pair[0], &ready, 1) != 1 || ready != 0)
		r = pm_fail(err, PM_E_UNSUPPORTED,
			    "fuse-overlayfs cannot have a mount namespace of its own");
	if (r >= 0)
		r = mount_fuse_at(o->target, fuse_fd, !o->upper, err);
	if (r >= 0 && write(pair[0], "", 1) != 1)
		r = pm_fail_sys(err, "start fuse-overlayfs");
	close(pair[0]);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	/* our descriptor would keep the file system waiting for an answer when the server dies */
	close(pm_steal_fd(&fuse_fd));
	r = fuse_answers(o->target, pid, err);
	if (r >= 0 && ret_pid)
		*ret_pid = pid;
	return r;
}

/* --- vfs ------------------------------------------------------------------------------------------- */

/* Copied once: a mark beside the upper says that it is complete. */
static int mount_vfs(const struct pm_overlay *o, struct pm_err *err)
{
	if (!o->upper)
		return pm_fail(err, PM_E_UNSUPPORTED, "the vfs driver has no read-only view");
	_cleanup_free_ char *mark = pm_asprintf("%s/vfs-complete", o->work);
	if (access(mark, F_OK) < 0) {
		/* what an interrupted copy left is part of this copy: the same files once more */
		int r = pm_vfs_populate(o->lowers, o->n_lowers, o->upper, NULL, err);
		if (r >= 0)
			r = pm_fs_write_file(AT_FDCWD, mark, "", 0, 0600, false, err);
		if (r < 0)
			return pm_wrap(err, "copy the image's files");
	}
	return bind_mount(o->upper, o->target, false, err);
}

int pm_overlay_mount(const struct pm_overlay *o, pid_t *ret_pid, struct pm_err *err)
{
	if (ret_pid)
		*ret_pid = 0;
	if (o->method != PM_OVERLAY_VFS && only_one(o))
		return mount_single(o, err);
	switch (o->method) {
	case PM_OVERLAY_NATIVE:
		return mount_native(o, err);
	case PM_OVERLAY_FUSE:
		return mount_fuse(o, ret_pid, err);
	case PM_OVERLAY_VFS:
		return mount_vfs(o, err);
	}
	return pm_fail(err, PM_E_INTERNAL, "unknown overlay method");
}

int pm_overlay_umount(const char *target, struct pm_err *err)
{
	if (umount2(target, MNT_DETACH) < 0)
		return pm_fail_sys(err, "unmount %s", target);
	return 0;
}

/* --- probe ----------------------------------------------------------------------------------------- */

static int write_proc(const char *path, const char *text, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY, 0, err);
	return fd < 0 ? fd : pm_fs_write_all(fd, text, strlen(text), err);
}

static int become_root_alone(uid_t uid, gid_t gid, struct pm_err *err)
{
	char map[64];
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return pm_fail_sys(err, "make a user namespace");
	if (write_proc("/proc/self/setgroups", "deny", err) < 0)
		return -err->code;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)uid);
	if (write_proc("/proc/self/uid_map", map, err) < 0)
		return -err->code;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)gid);
	return write_proc("/proc/self/gid_map", map, err);
}

/* In a child: mount an overlay and have it make a whiteout. */
static int try_mount(const char *base, struct pm_err *err)
{
	static const char *const names[] = {"l", "u", "w", "m"};
	_cleanup_strv_ struct pm_strv dir = PM_STRV_INIT;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r;

	if (uid != 0)
		r = become_root_alone(uid, gid, err);
	else
		r = unshare(CLONE_NEWNS) < 0 ? pm_fail_sys(err, "make a mount namespace") : 0;
	if (r < 0)
		return r;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return pm_fail_sys(err, "make the mounts private");
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		pm_strv_addf(&dir, "%s/%s", base, names[i]);
		if (mkdir(dir.v[i], 0755) < 0)
			return pm_fail_sys(err, "make %s", dir.v[i]);
	}

	_cleanup_free_ char *below = pm_asprintf("%s/f", dir.v[0]);
	_cleanup_free_ char *above = pm_asprintf("%s/f", dir.v[3]);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, below, O_CREAT | O_WRONLY, 0600, err);
	if (fd < 0)
		return fd;
	const char *const lowers[] = {dir.v[0]};
	struct pm_overlay o = {.method = PM_OVERLAY_NATIVE,
			       .lowers = lowers,
			       .n_lowers = 1,
			       .upper = dir.v[1],
			       .work = dir.v[2],
			       .target = dir.v[3]};
	r = mount_native(&o, err);
	if (r >= 0 && unlink(above) < 0)
		r = pm_fail_sys(err, "overlay cannot make a whiteout");
	return r;
}

int pm_overlay_probe(const char *dir, struct pm_err *why, struct pm_err *err)
{
	_cleanup_free_ char *base = pm_asprintf("%s/probe-XXXXXX", dir);
	int pair[2];

	if (!mkdtemp(base))
		return pm_fail_sys(err, "make a directory in %s", dir);
	if (pipe2(pair, O_CLOEXEC) < 0) {
		int r = pm_fail_sys(err, "make a pipe");
		rmdir(base);
		return r;
	}
	pid_t pid = fork();
	if (pid == 0) {
		struct pm_err e = PM_ERR_INIT;
		if (try_mount(base, &e) < 0)
			pm_err_send(pair[1], &e);
		_exit(0);
	}
	close(pair[1]);
	int r = pid < 0 ? pm_fail_sys(err, "fork") : 1;
	if (pid > 0) {
		struct pm_err e = PM_ERR_INIT;
		if (pm_err_recv(pair[0], &e) < 0) {
			r = 0;
			if (why)
				*why = e;
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pair[0]);
	pm_fs_remove_tree(AT_FDCWD, base, NULL);
	return r;
}
