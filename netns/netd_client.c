#include "netns/netd_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "netns/answer.h"

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

int pm_netd_start(struct pm_netd_dial *d, int runroot_fd, int userns, const struct pm_userns_tools *tools,
		  pid_t *ret_pid, struct pm_err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_fail_sys(err, "make a socket for " NAME);
	_cleanup_close_ int control = pair[0], theirs = pair[1];
	struct pm_proc_fd fds[6] = {{theirs, 3}, {d->listener, 4}, {runroot_fd, 5}, {userns, 6}};
	size_t n = userns < 0 ? 3 : 4;
	for (int i = 0; tools && i < 2; i++)
		if (tools->tool[i].pid > 0)
			fds[n++] = (struct pm_proc_fd){tools->tool[i].err_fd, 7 + i};
	char fresh[] = "--userns=fresh", join[] = "--userns=join";
	char *const mode = tools ? fresh : join;
	char *const argv[] = {(char[]){NAME}, userns < 0 ? NULL : mode, NULL};
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
	int r = pm_proc_spawn(&spec, ret_pid, NULL, err);
	if (r < 0)
		return r;
	close(pm_steal_fd(&d->listener));
	close(pm_steal_fd(&d->lock));
	d->control = pm_steal_fd(&control);
	return 0;
}

int pm_netd_go(struct pm_netd_dial *d, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "go", "1");
	return pm_wire_send(d->control, &w, NULL, 0, err);
}

/* --- connecting ------------------------------------------------------------------------------ */

static int open_ns(int64_t pid, const char *kind, int *ret, struct pm_err *err)
{
	char path[64];
	if (!ret)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	*ret = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
	return *ret < 0 ? *ret : 0;
}

/* Its namespaces, where ret_userns and ret_netns are not NULL. */
static int hello(int sock, int *ret_userns, int *ret_netns, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, hello = PM_WIRE_INIT;
	int64_t pid = 0;
	pm_wire_add(&hello, "type", "hello");
	int r = pm_wire_send(sock, &hello, NULL, 0, err);
	if (r >= 0)
		r = pm_answer_poll(sock, NAME, err);
	if (r >= 0)
		r = pm_wire_recv(sock, &w, NULL, NULL, err);
	if (r == 0 || r == -ECONNRESET || r == -EPIPE) {
		pm_err_clear(err);
		return -ECONNREFUSED; /* it was killed between the two */
	}
	if (r < 0)
		return pm_wrap(err, NAME);
	if (pm_wire_get(&w, "error"))
		return pm_fail(err, PM_E_INTERNAL, "%s", pm_wire_get(&w, "error"));
	r = pm_wire_get_int(&w, "pid", 0, &pid, err);
	if (r >= 0)
		r = open_ns(pid, "user", ret_userns, err);
	return r < 0 ? r : open_ns(pid, "net", ret_netns, err);
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

void pm_netd_dial_free(struct pm_netd_dial *d)
{
	int fds[] = {d->sock, d->userns, d->dir, d->lock, d->listener, d->control};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*d = (struct pm_netd_dial)PM_NETD_DIAL_INIT;
}

/* 1: connected; 0: nobody was there, the listener is; -ECONNREFUSED: it was killed just now. */
static int dial(struct pm_netd_dial *d, bool rootless, struct pm_err *err)
{
	d->lock = pm_lock_take(d->dir, "lock", PM_LOCK_EXCLUSIVE, err);
	if (d->lock < 0)
		return d->lock;
	d->sock = connect_to(d->dir, err);
	if (nobody(d->sock)) {
		pm_err_clear(err);
		d->listener = make_listener(d->dir, err);
		d->sock = d->listener < 0 ? d->listener : connect_to(d->dir, err);
		return d->sock < 0 ? d->sock : 0;
	}
	if (d->sock < 0)
		return d->sock;
	close(pm_steal_fd(&d->lock));
	int r = hello(d->sock, rootless ? &d->userns : NULL, NULL, err);
	return r < 0 ? r : 1;
}

int pm_netd_dial(int runroot_fd, bool rootless, struct pm_netd_dial *ret, struct pm_err *err)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		*ret = (struct pm_netd_dial)PM_NETD_DIAL_INIT;
		ret->dir = open_dir(runroot_fd, err);
		int r = ret->dir < 0 ? ret->dir : dial(ret, rootless, err);
		if (r >= 0)
			return r;
		pm_netd_dial_free(ret);
		if (!nobody(r))
			return r;
	}
	return pm_fail(err, PM_E_INTERNAL, NAME " ends at once");
}

int pm_netd_connect(int runroot_fd, int userns, int *ret_sock, struct pm_err *err)
{
	struct pm_netd_dial d;
	pid_t pid;
	int r = pm_netd_dial(runroot_fd, userns >= 0, &d, err);
	if (r == 0) {
		r = pm_netd_start(&d, runroot_fd, userns, NULL, &pid, err);
		if (r >= 0 && userns >= 0)
			r = pm_netd_go(&d, err);
	}
	if (r >= 0)
		*ret_sock = pm_steal_fd(&d.sock);
	pm_netd_dial_free(&d);
	return r < 0 ? r : 0;
}

int pm_netd_namespaces(int runroot_fd, int *ret_userns, int *ret_netns, struct pm_err *err)
{
	_cleanup_close_ int dir = open_dir(runroot_fd, err);
	_cleanup_close_ int sock = dir < 0 ? dir : connect_to(dir, err);
	return sock < 0 ? sock : hello(sock, ret_userns, ret_netns, err);
}

int pm_netd_connect_live(int runroot_fd, int *ret_sock, struct pm_err *err)
{
	_cleanup_close_ int dir = open_dir(runroot_fd, err);
	_cleanup_close_ int lock = dir < 0 ? dir : pm_lock_take(dir, "lock", PM_LOCK_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	_cleanup_close_ int sock = connect_to(dir, err);
	close(pm_steal_fd(&lock));
	int r = sock < 0 ? sock : hello(sock, NULL, NULL, err);
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

int pm_netd_devices(int sock, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT, answer = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "devices");
	pm_wire_add(&w, "id", id);
	int r = pm_answer_send(sock, NAME, &w, NULL, 0, err);
	if (r >= 0)
		r = pm_answer_poll(sock, NAME, err);
	if (r >= 0)
		r = pm_wire_recv(sock, &answer, NULL, NULL, err);
	if (r <= 0 || !pm_wire_get(&answer, "ready"))
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, NAME " does not tell the devices' names");
	pm_wire_get_list(&answer, "device", ret);
	return 0;
}
