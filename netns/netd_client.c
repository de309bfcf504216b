#include "netns/netd_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "netns/answer.h"
#include "netns/slirp_client.h"

#define NAME "pm-netd"

/* Descriptors to send in one message (base/wire.h). */
#define FDS_MAX 16

/* --- starting -------------------------------------------------------------------------------- */

static void socket_path(int dir, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir, name);
}

/* Connect: the descriptor, or -ENOENT or -ECONNREFUSED when nobody listens. */
static int connect_to(int dir, struct pm_err *err)
{
	struct sockaddr_un a;
	socket_path(dir, "sock", &a);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pm_fail_sys(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return pm_fail_sys(err, "connect to " NAME);
	return pm_steal_fd(&fd);
}

/* Listening before anybody serves it: who connects waits in the queue. Locked. */
static int make_listener(int dir, struct pm_err *err)
{
	struct sockaddr_un a;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return pm_fail_sys(err, "make a socket");
	if (unlinkat(dir, "sock", 0) < 0 && errno != ENOENT)
		return pm_fail_sys(err, "remove the socket of an earlier " NAME);
	socket_path(dir, "sock", &a);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0)
		return pm_fail_sys(err, "make the socket of " NAME);
	return pm_steal_fd(&fd);
}

/* The way out of the bridges' namespace is an ordinary user-mode network. */
static int configure_slirp(int sock, struct pm_err *err)
{
	_cleanup_slirp_config_ struct pm_slirp_config c;
	pm_slirp_config_init(&c);
	return pm_slirp_send_config(sock, &c, err);
}

/* What a user's waits for before it makes anything. */
static int say_go(int control, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "go", "1");
	return pm_wire_send(control, &w, NULL, 0, err);
}

static int map_fresh(int control, pid_t pid, const struct pm_userns_map *map, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int r = pm_wire_recv(control, &w, NULL, NULL, err);
	if (r == 0)
		return pm_fail(err, PM_E_INTERNAL, NAME " ended at its start");
	if (r >= 0 && pm_wire_get(&w, "error"))
		return pm_fail(err, PM_E_INTERNAL, "%s", pm_wire_get(&w, "error"));
	if (r >= 0)
		r = pm_userns_write_maps(pid, map, err);
	return r;
}

/* Locked, and nobody listens. */
static int start(const struct pm_netd_opts *o, int dir, struct pm_err *err)
{
	_cleanup_close_ int userns = -1, slirp = -1, control = -1, theirs = -1;
	int pair[2];
	int joined = 0;
	if (o->map && o->userns_fd > 0) {
		userns = fcntl(o->userns_fd, F_DUPFD_CLOEXEC, 3);
		joined = userns < 0 ? pm_fail_sys(err, "keep a user namespace") : 1;
	} else if (o->map) {
		joined = pm_userns_join(o->runroot_fd, o->map, &userns, err);
	}
	if (joined < 0)
		return joined;
	_cleanup_close_ int listener = make_listener(dir, err);
	if (listener < 0)
		return listener;
	pid_t slirp_pid = 0, pid;
	int r = o->map ? pm_slirp_spawn(false, &slirp_pid, &slirp, err) : 0;
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket for " NAME);
	control = pair[0];
	theirs = pair[1];

	struct pm_proc_fd fds[5];
	size_t n = 0;
	fds[n++] = (struct pm_proc_fd){theirs, 3};
	fds[n++] = (struct pm_proc_fd){listener, 4};
	fds[n++] = (struct pm_proc_fd){o->runroot_fd, 5};
	if (slirp >= 0)
		fds[n++] = (struct pm_proc_fd){slirp, 6};
	if (userns >= 0)
		fds[n++] = (struct pm_proc_fd){userns, 7};
	char join[] = "--userns=join", fresh[] = "--userns=fresh";
	char *userns_word = joined ? join : fresh;
	char *const argv[] = {(char[]){NAME}, o->map ? userns_word : NULL, NULL};
	char *const envp[] = {NULL};
	_cleanup_free_ char *path = pm_proc_helper(NAME);
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.envp = envp;
	spec.cwd = "/";
	spec.fds = fds;
	spec.n_fds = n;
	spec.new_session = true;
	r = pm_proc_spawn(&spec, &pid, NULL, err);
	if (r < 0)
		return r;
	close(pm_steal_fd(&theirs));
	if (o->map) {
		if (o->started)
			o->started(o->arg, pid, slirp_pid);
		r = configure_slirp(slirp, err);
		if (r >= 0 && !joined)
			r = map_fresh(control, pid, o->map, err);
		if (r >= 0)
			r = say_go(control, err);
		if (r < 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			unlinkat(dir, "sock", 0);
		}
	}
	return r;
}

/* --- connecting ------------------------------------------------------------------------------ */

static int hello(int sock, int *ret_userns, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t pid = 0;
	char path[64];
	int r = pm_answer_poll(sock, NAME, err);
	if (r >= 0)
		r = pm_wire_recv(sock, &w, NULL, NULL, err);
	if (r == 0 || r == -ECONNRESET)
		return -ECONNREFUSED; /* it was killed between the two */
	if (r < 0)
		return pm_wrap(err, NAME);
	if (pm_wire_get(&w, "error"))
		return pm_fail(err, PM_E_INTERNAL, "%s", pm_wire_get(&w, "error"));
	r = pm_wire_get_int(&w, "pid", 0, &pid, err);
	if (r < 0 || !ret_userns)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	*ret_userns = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	return *ret_userns < 0 ? *ret_userns : 0;
}

static int open_dir(int runroot_fd, struct pm_err *err)
{
	if (mkdirat(runroot_fd, "netd", 0700) < 0 && errno != EEXIST)
		return pm_fail_sys(err, "make the directory of " NAME);
	return pm_fs_open(runroot_fd, "netd", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}

static bool nobody(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

int pm_netd_connect(const struct pm_netd_opts *o, int *ret_sock, int *ret_userns,
		    struct pm_err *err)
{
	_cleanup_close_ int dir = open_dir(o->runroot_fd, err);
	if (dir < 0)
		return dir;
	*ret_userns = -1;
	for (int attempt = 0; attempt < 3; attempt++) {
		_cleanup_close_ int lock = pm_lock_take(dir, "lock", PM_LOCK_EXCLUSIVE, err);
		if (lock < 0)
			return lock;
		_cleanup_close_ int sock = connect_to(dir, err);
		if (nobody(sock)) {
			pm_err_clear(err);
			int r = start(o, dir, err);
			if (r < 0)
				return r;
			sock = connect_to(dir, err);
		}
		if (sock < 0)
			return sock;
		close(pm_steal_fd(&lock));
		int r = hello(sock, o->map ? ret_userns : NULL, err);
		if (nobody(r))
			continue;
		if (r >= 0)
			*ret_sock = pm_steal_fd(&sock);
		return r;
	}
	return pm_fail(err, PM_E_INTERNAL, NAME " ends at once");
}

int pm_netd_connect_live(int runroot_fd, int *ret_sock, struct pm_err *err)
{
	_cleanup_close_ int dir = open_dir(runroot_fd, err);
	_cleanup_close_ int lock = dir < 0 ? dir : pm_lock_take(dir, "lock", PM_LOCK_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	_cleanup_close_ int sock = connect_to(dir, err);
	close(pm_steal_fd(&lock));
	int r = sock < 0 ? sock : hello(sock, NULL, err);
	if (nobody(r)) {
		pm_err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	*ret_sock = pm_steal_fd(&sock);
	return 1;
}

/* --- messages -------------------------------------------------------------------------------- */

static int send_listen(int sock, const struct pm_listen *l, struct pm_err *err)
{
	int r = 0;
	for (size_t from = 0; from < l->n && r >= 0; from += FDS_MAX) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[FDS_MAX];
		size_t n = 0;
		pm_wire_add(&w, "type", "listen");
		for (; n < FDS_MAX && from + n < l->n; n++) {
			char to[32];
			snprintf(to, sizeof(to), "%s %u", pm_proto_name(l->v[from + n].proto),
				 l->v[from + n].port);
			pm_wire_add(&w, "to", to);
			fds[n] = l->v[from + n].fd;
		}
		r = pm_answer_send(sock, NAME, &w, fds, n, err);
	}
	return r;
}

int pm_netd_send_attach(int sock, const struct pm_netd_config *c, const struct pm_listen *l,
			struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "attach");
	pm_netd_config_encode(c, &w);
	int r = pm_answer_send(sock, NAME, &w, NULL, 0, err);
	return r < 0 ? r : send_listen(sock, l, err);
}

int pm_netd_send_netns_of(int sock, int netns, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "netns");
	return pm_answer_send(sock, NAME, &w, &netns, 1, err);
}

int pm_netd_send_netns(int sock, struct pm_err *err)
{
	_cleanup_close_ int ns = pm_fs_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0, err);
	return ns < 0 ? ns : pm_netd_send_netns_of(sock, ns, err);
}

int pm_netd_wait_ready(int sock, struct pm_err *err)
{
	return pm_answer_wait(sock, NAME, err);
}

int pm_netd_request(int sock, const char *type, const struct pm_netd_config *c,
		    struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", type);
	pm_netd_config_encode(c, &w);
	int r = pm_answer_send(sock, NAME, &w, NULL, 0, err);
	return r < 0 ? r : pm_answer_wait(sock, NAME, err);
}
