#include "engine/transfer/verify.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/wire.h"
#include "engine/transfer/sandbox.h"
#include "storage/layer_compare.h"
#include "storage/recipe.h"

struct reading {
	struct pm_sha256 digest;
	struct pm_layer_compare *compare;
};

static int take(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct reading *rd = arg;
	pm_sha256_add(&rd->digest, data, len);
	return pm_layer_compare_push(rd->compare, data, len, err);
}

/* By write(2): the filter leaves no sendmsg. */
static int report_to(int fd, const struct pm_wire *w, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf bytes = PM_BUF_INIT;
	pm_wire_encode(w, &bytes);
	return pm_fs_write_all(fd, bytes.data, bytes.len, err);
}

/* In the process that reads: the answer goes to report. */
static int verify(const struct pm_session *s, int spool, int report, struct pm_err *err)
{
	const int keep[] = {s->dir, s->recipe, s->userns, spool, report};
	struct pm_recipe_source src = {.recipe = s->recipe, .diff = s->dir, .spool = spool};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	struct reading rd = {.compare = pm_layer_compare_new()}; /* the process's end frees it */
	uint64_t size = 0;
	char hex[65];
	int r = pm_sandbox_close_others(keep, PM_ARRAY_SIZE(keep), err);
	if (r >= 0 && s->userns >= 0) {
		r = pm_sandbox_enter_userns(s->userns, err);
		close(s->userns);
	}
	if (r >= 0)
		r = pm_sandbox_chroot(s->dir, err);
	if (r >= 0)
		r = pm_sandbox_drop_capabilities(PM_SANDBOX_PACK, err);
	if (r < 0)
		return r;
	/* after the change of credentials, which clears it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = pm_sandbox_filter(PM_SANDBOX_PACK, err);
	pm_sha256_init(&rd.digest);
	if (r >= 0)
		r = pm_recipe_replay(&src, take, &rd, &size, err);
	if (r >= 0)
		r = pm_layer_compare_finish(rd.compare, s->dir, err);
	if (r < 0)
		return r;
	pm_sha256_hex(&rd.digest, hex);
	pm_wire_add(&w, "diff_id", hex);
	pm_wire_add_int(&w, "size", (int64_t)size);
	return report_to(report, &w, err);
}

static _Noreturn void child_main(const struct pm_session *s, int spool, int report)
{
	struct pm_err err = PM_ERR_INIT;
	if (verify(s, spool, report, &err) < 0) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add_int(&w, "code", err.code);
		pm_wire_add(&w, "error", err.text);
		report_to(report, &w, NULL);
	}
	_exit(0);
}

static int answer(struct pm_session *s, int report, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t code = 0, size = 0;
	int r = pm_wire_recv(report, &w, NULL, NULL, err);
	if (r == 0)
		r = pm_fail(err, PM_E_INTERNAL, "the process that reads the layer has ended");
	if (r >= 0)
		r = pm_wire_get_int(&w, "code", 0, &code, err);
	if (r >= 0)
		r = pm_wire_get_int(&w, "size", 0, &size, err);
	if (r < 0)
		return r;
	const char *text = pm_wire_get(&w, "error"), *hex = pm_wire_get(&w, "diff_id");
	if (text || !hex || !pm_hex64_valid(hex))
		return pm_fail(err, code > 0 && code <= PM_E_INTERNAL ? (int)code : PM_E_INTERNAL, "%s",
			       text ? text : "malformed answer");
	_cleanup_free_ char *diff_id = pm_asprintf("sha256:%s", hex);
	return pm_session_send_layer(s, 0, diff_id, diff_id, size, size, err);
}

int pm_verify_serve(struct pm_session *s, struct pm_err *err)
{
	int fds[2];
	_cleanup_close_ int spool =
		s->stage >= 0 ? openat(s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	_cleanup_close_ int report = fds[0];
	pid_t pid = fork();
	if (pid == 0)
		child_main(s, spool, fds[1]);
	close(fds[1]);
	if (pid < 0)
		return pm_fail_sys(err, "start a process");
	struct pollfd p[2] = {{.fd = s->sock, .events = POLLIN}, {.fd = report, .events = POLLIN}};
	while (poll(p, 2, -1) < 0)
		;
	/* pm says nothing more: it is gone */
	int r = p[1].revents ? answer(s, report, err) : pm_fail(err, PM_E_CANCELLED, "pm is gone");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}
