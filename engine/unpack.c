#include "engine/unpack.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/wire.h"
#include "engine/transfer/protocol.h"
#include "storage/untar.h"

static int send_request(int sock, const struct pm_unpack *u, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[3] = {u->input, u->dir, u->userns};
	pm_wire_add(&w, "type", "request");
	pm_wire_add(&w, "op", "unpack");
	pm_wire_add(&w, "fds", "input");
	pm_wire_add(&w, "fds", "dir");
	if (u->userns >= 0)
		pm_wire_add(&w, "fds", "userns");
	pm_wire_add_int(&w, "whiteouts", PM_WHITEOUT_NONE);
	pm_wire_add_int(&w, "single_id", u->single_id);
	pm_wire_add_int(&w, "keep_kinds", u->keep_kinds);
	pm_wire_add_int(&w, "devices", u->devices);
	if (u->below)
		pm_wire_add(&w, "below", u->below);
	if (u->owners) {
		_cleanup_strv_ struct pm_strv uids = PM_STRV_INIT, gids = PM_STRV_INIT;
		pm_idmap_encode(&u->owners->uids, &uids);
		pm_idmap_encode(&u->owners->gids, &gids);
		for (size_t i = 0; i < uids.n; i++)
			pm_wire_add(&w, "uids", uids.v[i]);
		for (size_t i = 0; i < gids.n; i++)
			pm_wire_add(&w, "gids", gids.v[i]);
	}
	if (u->set_owner) {
		pm_wire_add_int(&w, "uid", u->uid);
		pm_wire_add_int(&w, "gid", u->gid);
	}
	return pm_wire_send(sock, &w, fds, u->userns >= 0 ? 3 : 2, err);
}

int pm_unpack_start(const struct pm_unpack *u, struct pm_unpacker *ret, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_proc_helper("pm-transfer");
	char name[] = "pm-transfer";
	char *argv[] = {name, NULL};
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return pm_fail_sys(err, "socketpair");
	ret->sock = sv[0];
	_cleanup_close_ int theirs = sv[1];
	struct pm_proc_fd fds[] = {{theirs, PM_TRANSFER_FD}, {STDERR_FILENO, STDERR_FILENO}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = argv;
	spec.fds = fds;
	spec.n_fds = PM_ARRAY_SIZE(fds);
	spec.death_signal = SIGKILL;
	int r = pm_proc_spawn(&spec, &ret->pid, NULL, err);
	return r < 0 ? r : send_request(ret->sock, u, err);
}

static int last_word(int sock, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t code = PM_E_INTERNAL;
	int r = pm_wire_recv(sock, &w, NULL, NULL, err);
	if (r < 0)
		return r;
	if (r == 0)
		return pm_fail(err, PM_E_INTERNAL, "pm-transfer ended without a last word");
	if (pm_streq(pm_wire_get(&w, "type"), "end"))
		return 0;
	const char *text = pm_wire_get(&w, "text");
	pm_wire_get_int(&w, "code", PM_E_INTERNAL, &code, NULL);
	return pm_fail(err, code > 0 && code < 65536 ? (int)code : PM_E_INTERNAL, "%s",
		       text ? text : "pm-transfer failed");
}

int pm_unpack_finish(struct pm_unpacker *u, struct pm_err *err)
{
	int r = u->pid > 0 ? last_word(u->sock, err) : 0;
	if (u->sock >= 0)
		close(u->sock);
	int status;
	if (u->pid > 0)
		pm_proc_wait(u->pid, &status, NULL);
	*u = (struct pm_unpacker)PM_UNPACKER_INIT;
	return r;
}

int pm_unpack(const struct pm_unpack *u, struct pm_err *err)
{
	struct pm_unpacker x = PM_UNPACKER_INIT;
	int r = pm_unpack_start(u, &x, err);
	if (r < 0) {
		pm_unpack_finish(&x, NULL);
		return r;
	}
	return pm_unpack_finish(&x, err);
}
