#include "engine/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/wire.h"
#include "netns/userns.h"

/* --- the holder ---------------------------------------------------------------------------------- */

/* The place for a mount, made as what it is for. Symlinks stay inside of root. */
static int open_place(int root, const char *dest, bool dir, struct pm_err *err)
{
	if (dir)
		return pm_fs_mkdir_in(root, dest, 0755, err);
	int fd = pm_fs_open_in(root, dest, O_PATH, 0, NULL);
	if (fd != -ENOENT)
		return fd < 0 ? pm_fs_open_in(root, dest, O_PATH, 0, err) : fd;
	_cleanup_free_ char *above = pm_path_join(dest, "..");
	_cleanup_close_ int parent = pm_fs_mkdir_in(root, above, 0755, err);
	if (parent < 0)
		return parent;
	_cleanup_close_ int made = pm_fs_open_in(root, dest, O_WRONLY | O_CREAT, 0755, err);
	return made < 0 ? made : pm_fs_open_in(root, dest, O_PATH, 0, err);
}

static int bind_one(int root, const struct pm_view_bind *b, struct pm_err *err)
{
	char place[64];
	struct stat st;
	_cleanup_close_ int from = pm_fs_open(AT_FDCWD, b->source, O_PATH, 0, err);
	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return pm_fail_sys(err, "look at %s", b->source);
	_cleanup_close_ int to = open_place(root, b->dest, S_ISDIR(st.st_mode), err);
	if (to < 0)
		return to;
	snprintf(place, sizeof(place), "/proc/self/fd/%d", to);
	if (mount(b->source, place, NULL, MS_BIND | MS_REC, NULL) < 0)
		return pm_fail_sys(err, "bind mount %s", b->source);
	if (!b->read_only)
		return 0;
	/* the descriptor is of what is below the new mount: look again */
	_cleanup_close_ int top = pm_fs_open_in(root, b->dest, O_PATH, 0, err);
	if (top < 0)
		return top;
	snprintf(place, sizeof(place), "/proc/self/fd/%d", top);
	unsigned long keep = pm_overlay_flags_of(place);
	if (mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | keep, NULL) < 0)
		return pm_fail_sys(err, "make %s read-only", b->dest);
	return 0;
}

static int prepare(const struct pm_view_spec *s, struct pm_err *err)
{
	int r = 0;
	if (s->userns >= 0)
		r = pm_userns_enter(s->userns, err);
	if (r < 0)
		return r;
	/* after the change of credentials, which clears it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->root || (s->mounts && s->mounts->n) || s->n_binds) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
			return pm_fail_sys(err, "make a mount namespace");
	}
	if (s->root)
		r = pm_overlay_mount(s->root, NULL, err);
	if (r >= 0 && s->mounts)
		r = pm_volume_mount_all(s->mounts, err);
	if (r < 0)
		return r;
	int dir = pm_fs_open(AT_FDCWD, s->dir, O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	for (size_t i = 0; i < s->n_binds; i++) {
		r = bind_one(dir, &s->binds[i], err);
		if (r < 0)
			return pm_wrap(err, "mount at %s", s->binds[i].dest);
	}
	return dir;
}

static _Noreturn void hold(const struct pm_view_spec *s, int sock)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	char byte;
	int dir = prepare(s, &err);
	pm_wire_add_int(&w, "code", dir < 0 ? err.code : 0);
	pm_wire_add(&w, "text", err.text);
	if (pm_wire_send(sock, &w, &dir, dir >= 0, NULL) >= 0 && dir >= 0)
		while (read(sock, &byte, 1) > 0)
			;
	_exit(0);
}

/* --- pm's side ----------------------------------------------------------------------------------- */

static int receive(struct pm_view *v, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[1];
	size_t n = 1;
	int64_t code = PM_E_INTERNAL;
	int r = pm_wire_recv(v->holder, &w, fds, &n, err);
	if (r <= 0)
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "the process that mounts has ended");
	r = pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, err);
	if (r >= 0 && code)
		r = pm_fail(err, (int)code, "%s", pm_wire_get(&w, "text"));
	if (r >= 0 && n != 1)
		r = pm_fail(err, PM_E_INTERNAL, "no directory came from the process that mounts");
	if (r >= 0)
		v->dir = fds[0];
	return r;
}

int pm_view_open(const struct pm_view_spec *spec, struct pm_view *ret, struct pm_err *err)
{
	struct pm_view v = PM_VIEW_INIT;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket pair");
	v.holder = pair[0];
	v.pid = fork();
	if (v.pid == 0) {
		close(pair[0]); /* or it would wait for its own end */
		hold(spec, pair[1]);
	}
	close(pair[1]);
	int r = v.pid < 0 ? pm_fail_sys(err, "fork") : receive(&v, err);
	if (r < 0) {
		pm_view_close(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void pm_view_close(struct pm_view *v)
{
	int status;
	if (v->dir >= 0)
		close(v->dir);
	if (v->holder >= 0)
		close(v->holder);
	if (v->pid > 0)
		pm_proc_wait(v->pid, &status, NULL);
	*v = (struct pm_view)PM_VIEW_INIT;
}
