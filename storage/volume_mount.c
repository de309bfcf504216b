#include "storage/volume_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "storage/idmapped.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* --- the list ------------------------------------------------------------------------------------ */

void pm_volume_mounts_free(struct pm_volume_mounts *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct pm_volume_mount *m = &l->v[i];
		char *strings[] = {m->target, m->type, m->device, m->subpath, m->upper, m->work};
		for (size_t k = 0; k < PM_ARRAY_SIZE(strings); k++)
			free(strings[k]);
		pm_strv_free(&m->options);
		pm_strv_free(&m->lowers);
	}
	free(l->v);
	*l = (struct pm_volume_mounts){0};
}

struct pm_volume_mount *pm_volume_mounts_add(struct pm_volume_mounts *l)
{
	l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n] = (struct pm_volume_mount){0};
	return &l->v[l->n++];
}

struct wire_string {
	const char *name;
	size_t offset;
};

#define W(member) {#member, offsetof(struct pm_volume_mount, member)}
static const struct wire_string wire_strings[] = {W(target), W(type),  W(device),
						  W(subpath), W(upper), W(work)};

static char **string_at(const struct pm_volume_mount *m, size_t i)
{
	return (char **)(void *)((char *)(uintptr_t)m + wire_strings[i].offset);
}

void pm_volume_mounts_encode(const struct pm_volume_mounts *l, const char *prefix, struct pm_wire *w)
{
	char name[128];
	snprintf(name, sizeof(name), "%s.n", prefix);
	pm_wire_add_int(w, name, (int64_t)l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct pm_volume_mount *m = &l->v[i];
		for (size_t k = 0; k < PM_ARRAY_SIZE(wire_strings); k++) {
			snprintf(name, sizeof(name), "%s.%zu.%s", prefix, i, wire_strings[k].name);
			if (*string_at(m, k))
				pm_wire_add(w, name, *string_at(m, k));
		}
		snprintf(name, sizeof(name), "%s.%zu.option", prefix, i);
		pm_wire_add_list(w, name, &m->options);
		snprintf(name, sizeof(name), "%s.%zu.lower", prefix, i);
		pm_wire_add_list(w, name, &m->lowers);
		snprintf(name, sizeof(name), "%s.%zu.method", prefix, i);
		pm_wire_add_int(w, name, m->method);
		snprintf(name, sizeof(name), "%s.%zu.own_upper", prefix, i);
		pm_wire_add_int(w, name, m->own_upper);
		snprintf(name, sizeof(name), "%s.%zu.from", prefix, i);
		pm_wire_add_int(w, name, m->from);
		snprintf(name, sizeof(name), "%s.%zu.from_start", prefix, i);
		pm_wire_add_int(w, name, m->from_start);
	}
}

static int decode_one(const struct pm_wire *w, const char *prefix, size_t i,
		      struct pm_volume_mount *m, struct pm_err *err)
{
	char name[128];
	int64_t method = 0;
	for (size_t k = 0; k < PM_ARRAY_SIZE(wire_strings); k++) {
		snprintf(name, sizeof(name), "%s.%zu.%s", prefix, i, wire_strings[k].name);
		*string_at(m, k) = pm_strdup_null(pm_wire_get(w, name));
	}
	snprintf(name, sizeof(name), "%s.%zu.option", prefix, i);
	pm_wire_get_list(w, name, &m->options);
	snprintf(name, sizeof(name), "%s.%zu.lower", prefix, i);
	pm_wire_get_list(w, name, &m->lowers);
	snprintf(name, sizeof(name), "%s.%zu.method", prefix, i);
	int r = pm_wire_get_int(w, name, 0, &method, err);
	snprintf(name, sizeof(name), "%s.%zu.own_upper", prefix, i);
	if (r >= 0)
		r = pm_wire_get_int(w, name, 0, &m->own_upper, err);
	snprintf(name, sizeof(name), "%s.%zu.from", prefix, i);
	if (r >= 0)
		r = pm_wire_get_int(w, name, 0, &m->from, err);
	snprintf(name, sizeof(name), "%s.%zu.from_start", prefix, i);
	if (r >= 0)
		r = pm_wire_get_int(w, name, 0, &m->from_start, err);
	if (r >= 0 && (!m->target || !m->type || method < 0 || method > PM_OVERLAY_VFS))
		r = pm_fail(err, PM_E_FORMAT, "launch plan: malformed mount");
	m->method = (enum pm_overlay_method)method;
	return r;
}

int pm_volume_mounts_decode(const struct pm_wire *w, const char *prefix, struct pm_volume_mounts *l,
			    struct pm_err *err)
{
	char name[128];
	int64_t n = 0;
	snprintf(name, sizeof(name), "%s.n", prefix);
	int r = pm_wire_get_int(w, name, 0, &n, err);
	if (r >= 0 && (n < 0 || n > 10000))
		r = pm_fail(err, PM_E_FORMAT, "launch plan: malformed mounts");
	for (size_t i = 0; r >= 0 && i < (size_t)n; i++)
		r = decode_one(w, prefix, i, pm_volume_mounts_add(l), err);
	return r < 0 ? r : 0;
}

/* --- mount options ------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	unsigned long set, clear;
} words_known[] = {
	{"defaults", 0, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
};

/* What is the kernel's own is put into data. */
static unsigned long mount_flags(const struct pm_strv *words, struct pm_buf *data)
{
	unsigned long flags = 0;
	for (size_t i = 0; i < words->n; i++) {
		size_t k = 0;
		while (k < PM_ARRAY_SIZE(words_known) &&
		       !pm_streq(words_known[k].word, words->v[i]))
			k++;
		if (k < PM_ARRAY_SIZE(words_known))
			flags = (flags | words_known[k].set) & ~words_known[k].clear;
		else if (*words->v[i])
			pm_buf_printf(data, "%s%s", data->len ? "," : "", words->v[i]);
	}
	return flags;
}

int pm_mount_words_check(const struct pm_strv *words, struct pm_err *err)
{
	static const char *const refused[] = {"remount", "move", "loop", "user", "users", "owner"};
	for (size_t i = 0; i < words->n; i++)
		for (size_t k = 0; k < PM_ARRAY_SIZE(refused); k++)
			if (pm_streq(words->v[i], refused[k]))
				return pm_fail(err, PM_E_USAGE,
					       "mount option \"%s\" is not for volumes", words->v[i]);
	return 0;
}

/* --- taking a mount from another namespace --------------------------------------------------------- */

/* In a child, so that the caller stays where it is. */
static int open_there(int ns, const char *path, struct pm_err *err)
{
	struct statx sx;
	if (setns(ns, CLONE_NEWNS) < 0)
		return pm_fail_sys(err, "enter the other mount namespace");
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
		return pm_fail_sys(err, "look at %s", path);
	if (!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return pm_fail(err, ENOENT, "%s is not mounted there", path);
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
	return fd < 0 ? pm_fail_sys(err, "copy the mount %s", path) : fd;
}

static _Noreturn void borrow_child(int ns, const char *path, int socket)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fd = open_there(ns, path, &err);
	pm_wire_add_int(&w, "code", fd < 0 ? err.code : 0);
	pm_wire_add(&w, "text", err.text);
	pm_wire_send(socket, &w, &fd, fd >= 0, NULL);
	_exit(0);
}

static int receive_tree(int socket, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[1];
	size_t n = 1;
	int64_t code = 0;
	int r = pm_wire_recv(socket, &w, fds, &n, err);
	if (r <= 0)
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "the copy of a mount did not come");
	r = pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, err);
	if (r < 0)
		return r;
	if (code != 0 || n != 1)
		return pm_fail(err, code ? (int)code : PM_E_INTERNAL, "%s", pm_wire_get(&w, "text"));
	return fds[0];
}

int pm_mount_borrow(int64_t pid, int64_t start, const char *path, struct pm_err *err)
{
	char ns[64];
	uint64_t now = 0;
	int pair[2];

	snprintf(ns, sizeof(ns), "/proc/%lld/ns/mnt", (long long)pid);
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, ns, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	/* after the descriptor is held: the pid cannot have come to mean another meanwhile */
	if (start && (pm_proc_start_time((pid_t)pid, &now, NULL) < 0 || now != (uint64_t)start))
		return pm_fail(err, ESRCH, "process %lld has ended", (long long)pid);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	pid_t child = fork();
	if (child == 0)
		borrow_child(fd, path, pair[1]);
	close(pair[1]);
	int r = child < 0 ? pm_fail_sys(err, "fork") : receive_tree(pair[0], err);
	close(pair[0]);
	if (child > 0)
		pm_proc_wait(child, NULL, NULL);
	return r;
}

int pm_mount_place(int tree, const char *path, struct pm_err *err)
{
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return pm_fail_sys(err, "mount at %s", path);
	return 0;
}

/* --- kinds --------------------------------------------------------------------------------------- */

static int change_flags(const char *path, unsigned long flags, struct pm_err *err)
{
	const unsigned long ours = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
				   MS_NODIRATIME | MS_RELATIME;
	if (!(flags & ours))
		return 0;
	unsigned long keep = pm_overlay_flags_of(path);
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | keep | (flags & ours), NULL) < 0)
		return pm_fail_sys(err, "set the options of the mount at %s", path);
	return 0;
}

static int mount_bind(const struct pm_volume_mount *m, unsigned long flags, struct pm_err *err)
{
	if (mount(m->device, m->target, NULL, MS_BIND | (flags & MS_REC), NULL) < 0)
		return pm_fail_sys(err, "bind mount %s", m->device);
	return change_flags(m->target, flags, err);
}

/* The target is made as what it is for: a file or a directory. */
static int make_point(const char *path, bool dir, struct pm_err *err)
{
	if (dir)
		return mkdir(path, 0700) < 0 && errno != EEXIST ? pm_fail_sys(err, "make %s", path) : 0;
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600, err);
	return fd < 0 ? fd : 0;
}

static int mount_subpath(const struct pm_volume_mount *m, unsigned long flags, struct pm_err *err)
{
	char self[64];
	struct stat st;
	_cleanup_close_ int root = pm_fs_open(AT_FDCWD, m->device, O_PATH | O_DIRECTORY, 0, err);
	if (root < 0)
		return root;
	_cleanup_close_ int fd = pm_fs_open_in(root, m->subpath, O_PATH, 0, err);
	if (fd < 0)
		return pm_wrap(err, "subpath of %s", m->device);
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "look at %s", m->subpath);
	int r = make_point(m->target, S_ISDIR(st.st_mode), err);
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (mount(self, m->target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return pm_fail_sys(err, "bind mount %s of %s", m->subpath, m->device);
	return change_flags(m->target, flags, err);
}

/* The merged directory has its upper's owner and mode. An owner that this user namespace has not is left out. */
static int upper_like_lower(const struct pm_volume_mount *m, struct pm_err *err)
{
	struct stat st;
	const char *lower = m->lowers.v[m->lowers.n - 1];
	if (stat(lower, &st) < 0)
		return pm_fail_sys(err, "look at %s", lower);
	if (chown(m->upper, st.st_uid, st.st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return pm_fail_sys(err, "change the owner of %s", m->upper);
	if (chmod(m->upper, st.st_mode & 07777) < 0)
		return pm_fail_sys(err, "change the mode of %s", m->upper);
	return 0;
}

static int mount_idmap(const struct pm_volume_mount *m, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv uids = PM_STRV_INIT, gids = PM_STRV_INIT;
	struct stat st;
	for (size_t i = 0; i < m->options.n; i++)
		pm_strv_add(m->options.v[i][0] == 'u' ? &uids : &gids, strchr(m->options.v[i], '=') + 1);
	if (stat(m->device, &st) < 0)
		return pm_fail_sys(err, "look at %s", m->device);
	int r = make_point(m->target, S_ISDIR(st.st_mode), err);
	if (r < 0)
		return r;
	_cleanup_close_ int userns = pm_idmapped_userns(&uids, &gids, err);
	if (userns < 0)
		return userns;
	_cleanup_close_ int tree = pm_idmapped_open(m->device, userns, err);
	return tree < 0 ? tree : pm_mount_place(tree, m->target, err);
}

static int mount_overlay(const struct pm_volume_mount *m, unsigned long flags, struct pm_err *err)
{
	if (m->own_upper && upper_like_lower(m, err) < 0)
		return -err->code;
	struct pm_overlay o = {
		.method = m->method,
		.lowers = (const char *const *)m->lowers.v,
		.n_lowers = m->lowers.n,
		.upper = m->upper,
		.work = m->work,
		.target = m->target,
	};
	int r = pm_overlay_mount(&o, NULL, err);
	return r < 0 ? r : change_flags(m->target, flags, err);
}

/* File systems that need a helper of their own (mount.nfs) are root's: mount(8) finds it. */
static int mount_other(const struct pm_volume_mount *m, unsigned long flags, const char *data,
		       struct pm_err *err)
{
	const char *device = m->device ? m->device : m->type;
	if (mount(device, m->target, m->type, flags & ~(unsigned long)(MS_BIND | MS_REC), data) == 0)
		return 0;
	int e = errno;
	_cleanup_free_ char *helper = pm_asprintf("/sbin/mount.%s", m->type);
	if (access(helper, X_OK) < 0)
		return pm_fail_errno(err, e, "mount file system %s of type %s", device, m->type);
	_cleanup_free_ char *words = pm_strv_join(&m->options, ",");
	char *const argv[] = {helper, (char *)(uintptr_t)device, m->target,
			      m->options.n ? (char *)(uintptr_t)"-o" : NULL, words, NULL};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = helper;
	spec.argv = argv;
	_cleanup_buf_ struct pm_buf said = PM_BUF_INIT;
	int code = 0, r = pm_proc_run(&spec, NULL, 0, &said, &code, err);
	if (r >= 0 && code != 0)
		r = pm_fail(err, EIO, "%s %s: %s", helper, device, pm_buf_str(&said));
	return r;
}

static int mount_one(const struct pm_volume_mount *m, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf data = PM_BUF_INIT;
	unsigned long flags = mount_flags(&m->options, &data);

	if (m->from) {
		struct pm_err why = PM_ERR_INIT;
		_cleanup_close_ int tree = pm_mount_borrow(m->from, m->from_start, m->target, &why);
		if (tree >= 0)
			return pm_mount_place(tree, m->target, err);
		if (tree != -ESRCH && tree != -ENOENT) /* who had it has ended meanwhile: a fresh one */
			return pm_fail(err, why.code, "share the mount: %s", why.text);
	}
	if (pm_streq(m->type, "overlay") && m->lowers.n)
		return mount_overlay(m, flags, err);
	if (pm_streq(m->type, "idmap"))
		return mount_idmap(m, err);
	if (pm_streq(m->type, "subpath"))
		return mount_subpath(m, flags, err);
	if (pm_streq(m->type, "bind") || (flags & MS_BIND))
		return mount_bind(m, flags, err);
	return mount_other(m, flags, data.data, err);
}

int pm_volume_mount_all(const struct pm_volume_mounts *l, struct pm_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = mount_one(&l->v[i], err);
		if (r < 0)
			return pm_wrap(err, "mount %s", l->v[i].target);
	}
	return 0;
}

void pm_volume_umount_all(const struct pm_volume_mounts *l)
{
	for (size_t i = l->n; i > 0; i--)
		umount2(l->v[i - 1].target, MNT_DETACH);
}
