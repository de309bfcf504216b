#include "engine/transfer/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/wire.h"
#include "engine/transfer/pipeline.h"
#include "engine/transfer/sandbox.h"

enum {
	PIPE_SIZE = 1 << 20,
};

/* --- the child -------------------------------------------------------------------------------- */

static void add_number(struct pm_wire *w, const char *name, uint64_t value)
{
	pm_wire_add_int(w, name, (int64_t)value);
}

static void report_result(int fd, const struct pm_extract_result *r)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf bytes = PM_BUF_INIT;
	pm_wire_add(&w, "blob_digest", r->blob_digest);
	pm_wire_add(&w, "diff_id", r->diff_id);
	pm_wire_add_int(&w, "blob_size", r->blob_size);
	pm_wire_add_int(&w, "stream_size", r->stream_size);
	add_number(&w, "bytes", r->files.bytes);
	add_number(&w, "entries", r->files.entries);
	add_number(&w, "skipped_devices", r->files.skipped_devices);
	add_number(&w, "skipped_xattrs", r->files.skipped_xattrs);
	add_number(&w, "has_root", r->files.has_root);
	pm_wire_encode(&w, &bytes);
	if (pm_fs_write_all(fd, bytes.data, bytes.len, NULL) < 0)
		return; /* the parent is gone */
}

static void report_error(int fd, const struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf bytes = PM_BUF_INIT;
	pm_wire_add_int(&w, "code", err->code);
	pm_wire_add(&w, "error", err->text);
	pm_wire_encode(&w, &bytes);
	if (pm_fs_write_all(fd, bytes.data, bytes.len, NULL) < 0)
		return;
}

static int confine(const struct pm_extract_spec *spec, int report, pid_t parent, struct pm_err *err)
{
	const int keep[] = {spec->input, report, spec->directory, spec->recipe,
			    spec->userns};
	int r = pm_sandbox_close_others(keep, PM_ARRAY_SIZE(keep), err);
	if (r >= 0 && spec->userns >= 0) {
		r = pm_sandbox_enter_userns(spec->userns, err);
		close(spec->userns);
	}
	if (r >= 0)
		r = pm_sandbox_chroot(spec->directory, err);
	if (r >= 0)
		r = pm_sandbox_drop_capabilities(PM_SANDBOX_EXTRACT, err);
	if (r < 0)
		return r;
	/* after the change of credentials, which clears it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return pm_fail(err, PM_E_CANCELLED, "pm-transfer has ended");
	umask(0);
	return 0;
}

static int child_work(const struct pm_extract_spec *spec, int report, pid_t parent,
		      struct pm_extract_result *ret, struct pm_err *err)
{
	struct pm_pipeline *p;
	int r = confine(spec, report, parent, err);
	if (r >= 0)
		r = pm_pipeline_new(spec, &p, err);
	if (r < 0)
		return r;
	r = pm_sandbox_filter(PM_SANDBOX_EXTRACT, err);
	if (r < 0)
		return r;
	/* p is not freed: the process ends, and its reader may be waiting for input */
	return pm_pipeline_run(p, ret, err);
}

static _Noreturn void child_main(const struct pm_extract_spec *spec, int report, pid_t parent)
{
	struct pm_extract_result result;
	struct pm_err err = PM_ERR_INIT;
	pm_sandbox_signals();
	if (child_work(spec, report, parent, &result, &err) < 0)
		report_error(report, &err);
	else
		report_result(report, &result);
	_exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

int pm_extract_spawn(const struct pm_extract_spec *spec, struct pm_extract *ret, struct pm_err *err)
{
	_cleanup_close_ int in_read = -1, in_write = -1, report_read = -1, report_write = -1;
	struct pm_extract_spec s = *spec;
	int fds[2];

	if (s.input < 0) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return pm_fail_sys(err, "make a pipe");
		in_read = fds[0];
		in_write = fds[1];
		/* refused beyond the user's share of pipe memory; it works with less */
		fcntl(in_write, F_SETPIPE_SZ, PIPE_SIZE);
		s.input = in_read;
		s.input_offset = -1;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	report_read = fds[0];
	report_write = fds[1];

	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return pm_fail_sys(err, "start an extractor");
	if (pid == 0)
		child_main(&s, report_write, parent);

	*ret = (struct pm_extract){
		.pid = pid, .input = pm_steal_fd(&in_write), .report = pm_steal_fd(&report_read)};
	return 0;
}

void pm_extract_end_input(struct pm_extract *x)
{
	if (x->input >= 0)
		close(x->input);
	x->input = -1;
}

static int parse_number(const struct pm_wire *w, const char *name, uint64_t *ret,
			struct pm_err *err)
{
	int64_t n;
	int r = pm_wire_get_int(w, name, -1, &n, err);
	if (r >= 0 && n < 0)
		r = pm_fail(err, PM_E_INTERNAL, "the extractor's report has no '%s'", name);
	*ret = (uint64_t)n;
	return r;
}

static int parse_digest(const struct pm_wire *w, const char *name, char ret[PM_EXTRACT_DIGEST],
			struct pm_err *err)
{
	const char *s = pm_wire_get(w, name);
	if (!s || strlen(s) >= PM_EXTRACT_DIGEST)
		return pm_fail(err, PM_E_INTERNAL, "the extractor's report has no '%s'", name);
	memcpy(ret, s, strlen(s) + 1);
	return 0;
}

static int parse_report(const struct pm_wire *w, struct pm_extract_result *ret, struct pm_err *err)
{
	const char *text = pm_wire_get(w, "error");
	if (text) {
		int64_t code = PM_E_INTERNAL;
		int r = pm_wire_get_int(w, "code", PM_E_INTERNAL, &code, err);
		if (r < 0)
			return r;
		if (code <= 0 || code > 65535)
			code = PM_E_INTERNAL;
		return pm_fail(err, (int)code, "%s", text);
	}
	struct pm_extract_result x = {0};
	uint64_t blob_size = 0, stream_size = 0, has_root = 0;
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{"blob_size", &blob_size},
		{"stream_size", &stream_size},
		{"bytes", &x.files.bytes},
		{"entries", &x.files.entries},
		{"skipped_devices", &x.files.skipped_devices},
		{"skipped_xattrs", &x.files.skipped_xattrs},
		{"has_root", &has_root},
	};
	int r = parse_digest(w, "blob_digest", x.blob_digest, err);
	if (r >= 0)
		r = parse_digest(w, "diff_id", x.diff_id, err);
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers) && r >= 0; i++)
		r = parse_number(w, numbers[i].name, numbers[i].value, err);
	if (r < 0)
		return r;
	x.blob_size = (int64_t)blob_size;
	x.stream_size = (int64_t)stream_size;
	x.files.has_root = has_root != 0;
	*ret = x;
	return 0;
}

/* Close everything and wait; the exit status as waitpid gives it. */
static int reap(struct pm_extract *x)
{
	int status = -1;
	pm_extract_end_input(x);
	if (x->report >= 0)
		close(x->report);
	if (x->pid > 0)
		while (waitpid(x->pid, &status, 0) < 0 && errno == EINTR)
			;
	*x = (struct pm_extract)PM_EXTRACT_INIT;
	return status;
}

int pm_extract_finish(struct pm_extract *x, struct pm_extract_result *ret, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_extract_end_input(x);
	int got = pm_wire_recv(x->report, &w, NULL, NULL, err);
	int status = reap(x);
	if (got > 0)
		return parse_report(&w, ret, err);
	if (status != -1 && WIFSIGNALED(status))
		return pm_fail(err, PM_E_INTERNAL, "the extractor was killed by signal %d (%s)",
			       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	return pm_fail(err, PM_E_INTERNAL, "the extractor ended without a report");
}

void pm_extract_cancel(struct pm_extract *x)
{
	if (x->pid > 0)
		kill(x->pid, SIGKILL);
	reap(x);
}
