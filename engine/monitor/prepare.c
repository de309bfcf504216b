#include "engine/monitor/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/cgroup/group.h"
#include "netns/answer.h"
#include "netns/netd_client.h"
#include "netns/tap.h"
#include "storage/vfs.h"
#include "storage/volume_mount.h"
#include "storage/volume.h"

int prepare_mount_namespace(struct pm_err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return pm_fail_sys(err, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return pm_fail_sys(err, "make the mount namespace private");
	return 0;
}

/* --- network ------------------------------------------------------------------------- */

/* "net.ipv4.ip_forward=1", in the network namespace that /proc/sys/net shows: ours. */
static int set_sysctl(const char *spec, struct pm_err *err)
{
	const char *eq = strchr(spec, '=');
	if (!eq || !pm_startswith(spec, "net.") || memchr(spec, '/', (size_t)(eq - spec)))
		return pm_fail(err, PM_E_USAGE, "sysctl '%s' is not of the form net.NAME=VALUE",
			       spec);

	_cleanup_free_ char *path = pm_strndup(spec, (size_t)(eq - spec));
	for (char *p = path; *p; p++) {
		if (*p != '.')
			continue;
		*p = '/'; /* so ".." cannot come out of it: it is "//" */
	}
	_cleanup_close_ int root = pm_fs_open(AT_FDCWD, "/proc/sys", O_PATH | O_DIRECTORY, 0, err);
	if (root < 0)
		return root;
	_cleanup_close_ int fd = pm_fs_open(root, path, O_WRONLY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return pm_wrap(err, "set sysctl %s", spec);
	int r = pm_fs_write_all(fd, eq + 1, strlen(eq + 1), err);
	return r < 0 ? pm_wrap(err, "set sysctl %s", spec) : 0;
}

static int start_slirp(struct monitor *m, struct pm_err *err)
{
	if (m->slirp_fd < 0)
		return pm_fail(err, PM_E_INTERNAL, "no pm-slirp for a slirp network");
	return pm_slirp_connect(m->slirp_fd, &m->plan.slirp, err);
}

static int join_network(const char *path, struct pm_err *err)
{
	_cleanup_close_ int fd = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "enter network namespace %s", path);
	return 0;
}

int prepare_network(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	int r = 0;

	if (p->netns == PM_LAUNCH_NET_CONFIG)
		return 0;
	if (p->netns == PM_LAUNCH_NET_JOIN)
		return join_network(p->netns_path, err);

	if (unshare(CLONE_NEWNET) < 0)
		return pm_fail_sys(err, "make a network namespace");
	if (p->netns == PM_LAUNCH_NET_SLIRP)
		r = start_slirp(m, err);
	else if (p->netns == PM_LAUNCH_NET_BRIDGE || p->netns == PM_LAUNCH_NET_PASTA)
		r = pm_netd_send_netns(m->slirp_fd, err);
	else
		r = pm_netns_lo_up(err);
	for (size_t i = 0; r >= 0 && i < p->net_sysctls.n; i++)
		r = set_sysctl(p->net_sysctls.v[i], err);
	return r;
}

int prepare_network_ready(struct monitor *m, struct pm_err *err)
{
	if (m->plan.netns == PM_LAUNCH_NET_BRIDGE)
		return pm_netd_wait_ready(m->slirp_fd, err);
	if (m->plan.netns == PM_LAUNCH_NET_PASTA)
		return pm_answer_wait(m->slirp_fd, "pasta's guard", err);
	if (m->plan.netns != PM_LAUNCH_NET_SLIRP)
		return 0;
	return pm_slirp_wait_ready(m->slirp_fd, err);
}

/* --- files --------------------------------------------------------------------------- */

/* Where there is no image the runtime makes mount points in it. */
static int give_upper(const struct pm_launch_plan *p, struct pm_err *err)
{
	if (p->upper && (p->root_uid || p->root_gid) &&
	    chown(p->upper, (uid_t)p->root_uid, (gid_t)p->root_gid) < 0)
		return pm_fail_sys(err, "give %s to the container's root", p->upper);
	return 0;
}

static int mount_overlay(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	struct pm_overlay o = {
		.method = p->overlay_method,
		.lowers = (const char *const *)p->lowers.v,
		.n_lowers = p->lowers.n,
		.upper = p->upper,
		.work = p->work,
		.target = p->rootfs_real ? p->rootfs_real : p->rootfs,
		.volatile_ = p->overlay_volatile,
		.idmapped = p->overlay_idmapped,
		.userns = PM_MONITOR_FD_USERNS,
	};
	return pm_overlay_mount(&o, NULL, err);
}

/* The store is its owner's alone; a container's own user namespace need not have that user. In this mount
 * namespace the root file system gets a place that every user can reach. */
static int cover_rootfs(const struct pm_launch_plan *p, struct pm_err *err)
{
	if (mount("pm", p->rootfs_cover, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") < 0)
		return pm_fail_sys(err, "mount a tmpfs over %s", p->rootfs_cover);
	if (mkdir(p->rootfs, 0755) < 0)
		return pm_fail_sys(err, "make directory %s", p->rootfs);
	if (mount(p->rootfs_real, p->rootfs, NULL, MS_BIND | MS_REC, NULL) < 0)
		return pm_fail_sys(err, "bind the root file system");
	return 0;
}

/* On an id-mapped mount only those who are there can make something: the root of the container. */
static int make_dir(int root, const struct pm_launch_dir *d, bool as_owner, struct pm_err *err)
{
	struct pm_err missing = PM_ERR_INIT;
	_cleanup_close_ int fd = pm_fs_open_in(root, d->path, O_PATH, 0, &missing);
	if (fd >= 0)
		return 0; /* whatever it is: the runtime will tell */
	if (missing.code != ENOENT)
		return pm_fail(err, missing.code, "%s", missing.text);
	if (as_owner) {
		setfsgid(d->gid);
		setfsuid(d->uid);
	}
	fd = pm_fs_mkdir_in(root, d->path, d->mode, err);
	if (as_owner) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	if (fd < 0)
		return fd;
	if ((d->uid || d->gid) && fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
		return pm_fail_sys(err, "give %s to %u:%u", d->path, d->uid, d->gid);
	return 0;
}

/* What the image has at the volume's place; what the volume has already stays as it is. */
static int fill_volume(int root, const struct pm_launch_copyup *c, int dst, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	struct stat st;

	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(dst, ".", &names, err);
	if (r < 0 || names.n > 0)
		return r;

	_cleanup_close_ int src = -1;
	if (*c->path)
		src = pm_fs_open_in(root, c->path, O_RDONLY | O_DIRECTORY, 0, &why);
	if (src < 0 && why.code && why.code != ENOENT && why.code != ENOTDIR)
		return pm_fail(err, why.code, "%s", why.text);
	if (src < 0) {
		if (c->uid != (uid_t)-1 && fchown(dst, c->uid, c->gid) < 0)
			return pm_fail_sys(err, "give %s its owner", c->host_dir);
		return 0;
	}
	r = pm_vfs_apply(src, dst, err);
	if (r < 0)
		return r;
	if (fstat(src, &st) < 0 ||
	    (c->uid != (uid_t)-1 && fchown(dst, st.st_uid, st.st_gid) < 0) ||
	    fchmod(dst, st.st_mode & 07777) < 0)
		return pm_fail_sys(err, "give %s its owner", c->host_dir);
	return 0;
}

/* Who has CAP_SYS_RESOURCE is bound by no quota (but XFS's): what is written for a container is. */
static int obey_quotas(bool obey, struct pm_err *err)
{
	const uint32_t bit = CAP_TO_MASK(CAP_SYS_RESOURCE);
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &h, d) < 0)
		return pm_fail_sys(err, "read the capabilities");
	if (obey)
		d[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~bit;
	else
		d[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective |= d[CAP_TO_INDEX(CAP_SYS_RESOURCE)].permitted & bit;
	return syscall(SYS_capset, &h, d) < 0 ? pm_fail_sys(err, "set the capabilities") : 0;
}

static int copy_up(int root, const struct pm_launch_copyup *c, struct pm_err *err)
{
	/* beside _data, where no container reaches */
	_cleanup_free_ char *dir = pm_strndup(c->host_dir, strlen(c->host_dir) - strlen("/_data"));
	_cleanup_free_ char *mark = pm_path_join(dir, PM_VOLUME_USED);
	if (access(mark, F_OK) == 0)
		return 0;
	_cleanup_close_ int dst = pm_fs_open(AT_FDCWD, c->host_dir, O_RDONLY | O_DIRECTORY, 0, err);
	if (dst < 0)
		return dst;
	int r = obey_quotas(true, err);
	if (r < 0)
		return r;
	r = fill_volume(root, c, dst, err);
	obey_quotas(false, r < 0 ? NULL : err);
	if (r < 0)
		return r;
	return pm_fs_write_file(AT_FDCWD, mark, "", 0, 0600, false, err);
}

/* Entries of /etc/passwd and /etc/group: whatever an image has put there, nothing else is written to. */
static int append(int root, const struct pm_launch_append *a, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	struct stat st;
	_cleanup_close_ int fd = pm_fs_open_in(root, a->path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY, 0,
					       &why);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return pm_fs_write_all(fd, a->text, strlen(a->text), err);
}

static int chown_tree(int dirfd, const char *name, uid_t uid, gid_t gid, int depth,
		      struct pm_err *err)
{
	if (fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "give %s to %u:%u", name, uid, gid);

	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pm_fail_sys(err, "look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth > 200)
		return pm_fail(err, ELOOP, "%s lies too deep", name);
	_cleanup_close_ int fd =
		pm_fs_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	if (fd < 0)
		return fd;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(fd, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = chown_tree(fd, names.v[i], uid, gid, depth + 1, err);
	return r;
}

/*
 * Runtimes make their first mount points before they have entered the container: where an image has a
 * symlink at one of these, crun 1.8 follows it and makes files on the host.
 */
static int check_mount_points(int root, struct pm_err *err)
{
	static const char *const names[] = {"dev", "proc", "sys"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		struct stat st;
		if (fstatat(root, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
			return pm_fail(err, PM_E_FORMAT,
				       "/%s of the image is not a directory: refused, since it would lead "
				       "the runtime out of the container",
				       names[i]);
	}
	return 0;
}

static int make_dirs(const struct pm_launch_plan *p, int root, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_dirs; i++) {
		int r = make_dir(root, &p->dirs[i], p->root_mounts.n > 0, err);
		if (r < 0)
			return pm_wrap(err, "make %s in the container", p->dirs[i].path);
	}
	return 0;
}

int prepare_again(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	_cleanup_close_ int root = pm_fs_open(AT_FDCWD, p->rootfs, O_PATH | O_DIRECTORY, 0, err);
	if (root < 0)
		return root;
	int r = check_mount_points(root, err);
	return r < 0 ? r : make_dirs(p, root, err);
}

int prepare_pod_group(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	bool after = p->cgroup_manager == PM_CGROUP_SYSTEMD;
	int r = 0;
	if (!p->pod_group || after != (m->init > 0))
		return 0;
	if (!after) {
		r = pm_group_make(p->pod_group, &p->pod_limits, err);
	} else {
		/* its slice has been made by the start of this scope */
		_cleanup_group_ struct pm_group g = PM_GROUP_INIT;
		r = pm_group_open(m->init, p->pod_group, &g) > 0
			    ? pm_group_write_all(&g, &p->pod_limits, err)
			    : pm_fail(err, PM_E_UNSUPPORTED, "%s is no cgroup", p->pod_group);
	}
	return r < 0 ? pm_wrap(err, "limits of the pod") : 0;
}

static int share_shm(const struct pm_launch_plan *p, struct pm_err *err)
{
	_cleanup_close_ int tree = pm_mount_borrow(p->shm_pid, p->shm_pid_start, p->shm_from, err);
	int r = tree < 0 ? tree : pm_mount_place(tree, p->shm_dir, err);
	return r < 0 ? pm_wrap(err, "share /dev/shm with another container") : 0;
}

/* The container's /dev/shm is made here and not by the runtime, so that containers which join its IPC
 * namespace find it, too: by our mount namespace. */
/* What was in it at the checkpoint: its processes have files there open. */
static int fill_shm(const struct pm_launch_plan *p, struct pm_err *err)
{
	_cleanup_close_ int from = pm_fs_open(AT_FDCWD, p->restore_shm, O_RDONLY | O_DIRECTORY, 0, err);
	_cleanup_close_ int to =
		from < 0 ? from : pm_fs_open(AT_FDCWD, p->shm_dir, O_RDONLY | O_DIRECTORY, 0, err);
	return to < 0 ? to : pm_vfs_apply(from, to, err);
}

static int mount_shm(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	char options[128];
	monitor_owner_begin(m);
	int r = mkdir(p->shm_dir, 0700) < 0 && errno != EEXIST
			? pm_fail_sys(err, "make directory %s", p->shm_dir)
			: 0;
	monitor_owner_end(m);
	if (r < 0)
		return r;
	if (p->shm_from)
		return share_shm(p, err);
	snprintf(options, sizeof(options), "mode=1777,size=%lld,uid=%lld,gid=%lld",
		 (long long)p->shm_size, (long long)p->root_uid, (long long)p->root_gid);
	if (mount("shm", p->shm_dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return pm_fail_sys(err, "mount a tmpfs for the container's /dev/shm");
	return p->restore_shm ? fill_shm(p, err) : 0;
}

/* From where pm put it into the tmpfs, which no other namespace sees. */
static int move_secret(int from, int to, const struct pm_launch_secret *s, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf data = PM_BUF_INIT;
	_cleanup_free_ char *above = pm_strdup(s->path);
	char *slash = strrchr(above, '/');
	int r = 0;

	if (slash) {
		*slash = '\0';
		r = pm_fs_mkdirs(to, above, 0755, err);
	}
	if (r >= 0)
		r = pm_fs_read_file(from, s->path, 8 << 20, &data, err);
	if (r >= 0)
		r = pm_fs_write_file(to, s->path, data.data, data.len, s->mode, false, err);
	if (data.data)
		explicit_bzero(data.data, data.cap);
	if (r >= 0 && fchownat(to, s->path, s->uid, s->gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = pm_fail_sys(err, "give %s to %u:%u", s->path, s->uid, s->gid);
	/* chown has cleared what is special about the mode */
	if (r >= 0 && pm_fs_chmod(to, s->path, s->mode) < 0)
		r = pm_fail_sys(err, "set the mode of %s", s->path);
	return r;
}

static int mount_secrets(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	_cleanup_free_ char *target = pm_asprintf("%s/secret-fs", p->ctr_dir);
	if (mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64m") < 0)
		return pm_fail_sys(err, "mount a tmpfs for secrets");
	_cleanup_close_ int from = pm_fs_open(m->ctr_fd, "secrets", O_RDONLY | O_DIRECTORY, 0, err);
	_cleanup_close_ int to =
		from < 0 ? from : pm_fs_open(AT_FDCWD, target, O_RDONLY | O_DIRECTORY, 0, err);
	int r = to < 0 ? to : 0;
	for (size_t i = 0; r >= 0 && i < p->n_secrets; i++)
		r = move_secret(from, to, &p->secrets[i], err);
	int removed = pm_fs_remove_tree(m->ctr_fd, "secrets", r < 0 ? NULL : err);
	return r < 0 ? r : removed;
}

int prepare_files(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	int r;

	if (p->shm_dir && (r = mount_shm(m, err)) < 0)
		return r;
	if (p->n_secrets && (r = mount_secrets(m, err)) < 0)
		return pm_wrap(err, "secrets");

	if (p->cgroup_private_mount) {
		r = pm_cgroup_private_mount(err);
		if (r < 0)
			return r;
	}
	r = give_upper(p, err);
	if (r < 0)
		return r;
	if (p->overlay) {
		r = mount_overlay(m, err);
		if (r < 0)
			return pm_wrap(err, "mount the root file system");
	}
	r = pm_volume_mount_all(&p->root_mounts, err);
	if (r < 0)
		return r;
	if (p->rootfs_cover && (r = cover_rootfs(p, err)) < 0)
		return r;

	_cleanup_close_ int root = -1;
	if (p->rootfs) {
		root = pm_fs_open(AT_FDCWD, p->rootfs, O_PATH | O_DIRECTORY, 0, err);
		if (root < 0)
			return root;
		r = check_mount_points(root, err);
		if (r < 0)
			return r;
	}
	r = pm_volume_mount_all(&p->mounts, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_copyups; i++) {
		r = copy_up(root, &p->copyups[i], err);
		if (r < 0)
			return pm_wrap(err, "fill the volume for %s", p->copyups[i].path);
	}
	r = make_dirs(p, root, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_appends; i++) {
		r = append(root, &p->appends[i], err);
		if (r < 0)
			return pm_wrap(err, "add to %s in the container", p->appends[i].path);
	}
	for (size_t i = 0; i < p->n_chowns; i++) {
		const struct pm_launch_chown *c = &p->chowns[i];
		r = chown_tree(AT_FDCWD, c->path, c->uid, c->gid, 0, err);
		if (r < 0)
			return pm_wrap(err, "change the owner of %s", c->path);
	}
	return 0;
}
