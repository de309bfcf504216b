#include "storage/idmapped.h"

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
#include "storage/overlay.h"

/* --- a user namespace ---------------------------------------------------------------------------- */

static int fill_maps(pid_t pid, const struct pm_strv *uids, const struct pm_strv *gids, struct pm_err *err)
{
	char path[64];
	int r = pm_proc_write_maps(pid, uids, gids, err);
	if (r == -EPERM)
		return pm_fail(err, PM_E_UNSUPPORTED, "only root can map these ids");
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
}

int pm_idmapped_userns(const struct pm_strv *uids, const struct pm_strv *gids, struct pm_err *err)
{
	int pair[2];
	char byte = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (unshare(CLONE_NEWUSER) == 0 && send(pair[1], "", 1, MSG_NOSIGNAL) == 1 &&
		    recv(pair[1], &byte, 1, 0) < 0)
			_exit(1);
		_exit(0);
	}
	close(pair[1]);
	int r = pid < 0 ? pm_fail_sys(err, "fork") : 0;
	if (r >= 0 && recv(pair[0], &byte, 1, 0) != 1)
		r = pm_fail(err, PM_E_UNSUPPORTED, "no user namespace can be made");
	if (r >= 0)
		r = fill_maps(pid, uids, gids, err);
	close(pair[0]);
	if (pid > 0)
		pm_proc_wait(pid, NULL, NULL);
	return r;
}

/* --- the mount ----------------------------------------------------------------------------------- */

int pm_idmapped_open(const char *path, int userns, struct pm_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
	_cleanup_close_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return errno == EPERM || errno == ENOSYS
			       ? pm_fail(err, PM_E_UNSUPPORTED, "mount %s with other owners (idmap): %s", path,
					 strerrordesc_np(errno))
			       : pm_fail_sys(err, "copy the mount of %s", path);
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return pm_steal_fd(&tree);
	if (errno == EPERM)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "mount %s with other owners (idmap): the kernel lets only root of the host do that", path);
	if (errno == EINVAL || errno == ENOSYS)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "mount %s with other owners (idmap): its file system or this kernel cannot do it", path);
	return pm_fail_sys(err, "mount %s with other owners (idmap)", path);
}

/* --- probe --------------------------------------------------------------------------------------- */

/* In a child. The second layer makes it an overlay without an upper. */
static int try_overlay(const char *layer, const char *dir, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv map = PM_STRV_INIT;
	_cleanup_free_ char *empty = pm_path_join(dir, "idmapped-probe");
	pm_strv_add(&map, "0:1:1");
	if (mkdir(empty, 0700) < 0 && errno != EEXIST)
		return pm_fail_sys(err, "make directory %s", empty);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return pm_fail_sys(err, "make a mount namespace");
	_cleanup_close_ int userns = pm_idmapped_userns(&map, &map, err);
	if (userns < 0)
		return userns;
	const char *const lowers[] = {empty, layer};
	struct pm_overlay o = {.method = PM_OVERLAY_NATIVE,
			       .lowers = lowers,
			       .n_lowers = 2,
			       .target = empty,
			       .idmapped = true,
			       .userns = userns};
	return pm_overlay_mount(&o, NULL, err);
}

int pm_idmapped_probe(const char *layer, const char *dir, struct pm_err *why, struct pm_err *err)
{
	int pair[2];
	struct pm_err e = PM_ERR_INIT;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		if (try_overlay(layer, dir, &e) < 0)
			pm_err_send(pair[1], &e);
		_exit(0);
	}
	close(pair[1]);
	int r = pid < 0 ? pm_fail_sys(err, "fork") : pm_err_recv(pair[0], &e) == 0;
	close(pair[0]);
	if (pid > 0)
		pm_proc_wait(pid, NULL, NULL);
	if (r == 0 && why)
		*why = e;
	return r;
}
