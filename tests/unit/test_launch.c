#include "tests/unit/test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "engine/monitor/launch.h"
#include "engine/monitor/runtime.h"

static void fill(struct pm_launch_plan *p)
{
	pm_launch_plan_init(p);
	p->id = pm_strdup("abc");
	p->name = pm_strdup("n");
	p->bundle = pm_strdup("/b");
	p->rootfs = pm_strdup("/b/merged");
	p->runtime = pm_strdup("/usr/bin/crun");
	p->runtime_root = pm_strdup("/r");
	p->ctr_dir = pm_strdup("/c");
	p->overlay = true;
	p->overlay_method = PM_OVERLAY_FUSE;
	pm_strv_add(&p->lowers, "/l1");
	pm_strv_add(&p->lowers, "/l:2,");
	p->log_max_size = -1;
	pm_launch_plan_add_dir(p, "/a:b", 0755, 1, 4294967294u);
	pm_launch_plan_add_copyup(p, "/data", "/v/_data", 7, 8);
	pm_launch_plan_add_chown(p, "/v", 7, 8);
}

TEST(plan_survives_the_wire)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_launch_plan_ struct pm_launch_plan p, q;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	fill(&p);
	pm_launch_plan_encode(&p, &w);
	CHECK_OK(pm_launch_plan_decode(&w, &q, &err), err);
	CHECK_STR(q.id, "abc");
	CHECK(q.overlay && q.overlay_method == PM_OVERLAY_FUSE && !q.terminal);
	CHECK_INT(q.lowers.n, 2);
	CHECK_STR(q.lowers.v[1], "/l:2,");
	CHECK(q.upper == NULL);
	CHECK_INT(q.log_max_size, -1);
	CHECK_INT(q.n_dirs, 1);
	CHECK_STR(q.dirs[0].path, "/a:b");
	CHECK(q.dirs[0].mode == 0755 && q.dirs[0].uid == 1 && q.dirs[0].gid == 4294967294u);
	CHECK_STR(q.copyups[0].host_dir, "/v/_data");
	CHECK(q.chowns[0].uid == 7 && q.chowns[0].gid == 8);
}

TEST(incomplete_or_wrong_plans_are_refused)
{
	static const char *const wrong[][2] = {{"kind", "2"},
					       {"kind", "-1"},
					       {"terminal", "2"},
					       {"dir", "1:2:/x"},
					       {"dir", "x"},
					       {"chown", "0:1:99999999999:/x"},
					       {"copyup.path", "/only"},
					       {"log_driver", "k8s"}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(wrong); i++) {
		_cleanup_launch_plan_ struct pm_launch_plan p, q;
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		fill(&p);
		pm_wire_add(&w, wrong[i][0], wrong[i][1]);
		pm_launch_plan_encode(&p, &w);
		struct pm_err err = PM_ERR_INIT;
		CHECK_INT(pm_launch_plan_decode(&w, &q, &err), -PM_E_FORMAT);
	}
	_cleanup_wire_ struct pm_wire empty = PM_WIRE_INIT;
	_cleanup_launch_plan_ struct pm_launch_plan q;
	CHECK_INT(pm_launch_plan_decode(&empty, &q, NULL), -PM_E_FORMAT);
}

/* What the monitor says, as pm understands it. */
static int hear(const char *event, const char *name, const char *value, pid_t *pid,
		struct pm_err *err)
{
	int s[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	if (event) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add(&w, "event", event);
		pm_wire_add(&w, name, value);
		if (pm_streq(event, "error"))
			pm_wire_add(&w, "text", "no");
		CHECK(pm_wire_send(s[1], &w, NULL, 0, err) >= 0);
	}
	close(s[1]);
	struct pm_monitor m = {.control_fd = s[0], .attach_fd = -1};
	int r = pm_monitor_wait_started(&m, pid, err);
	m.gone = false;
	pm_monitor_close(&m);
	return r;
}

TEST(answers_of_the_monitor)
{
	struct pm_err err = PM_ERR_INIT;
	pid_t pid = 0;
	CHECK_OK(hear("started", "pid", "42", &pid, &err), err);
	CHECK_INT(pid, 42);
	CHECK_INT(hear("error", "code", "4108", &pid, &err), -PM_E_NOTFOUND);
	CHECK_STR(err.text, "no");
	CHECK_INT(hear("error", "code", "-5", &pid, &err), -PM_E_INTERNAL);
	CHECK_INT(hear("exited", "exit_code", "0", &pid, &err), -PM_E_INTERNAL);
	CHECK_INT(hear(NULL, NULL, NULL, &pid, &err), -PM_E_STATE);
}

static void expect_runtime(const char *name, const char *stderr_text, int code, const char *want)
{
	char buf[1024];
	struct pm_err err = PM_ERR_INIT;
	snprintf(buf, sizeof(buf), "%s", stderr_text);
	CHECK_INT(runtime_error(name, buf, strlen(buf), &err), -code);
	if (code)
		CHECK_STR(err.text, want);
}

TEST(runtime_messages)
{
	expect_runtime(
		"crun", "executable file `nope` not found in $PATH: No such file or directory\n",
		PM_E_NOTFOUND,
		"crun: executable file `nope` not found in $PATH: No such file or directory: "
		"OCI runtime attempted to invoke a command that was not found");
	expect_runtime("crun", "2026-11-23T23:17:22.123456Z: open executable: Permission denied\n",
		       PM_E_NOTEXEC,
		       "crun: open executable: Permission denied: OCI permission denied");
	expect_runtime(
		"runc",
		"time=\"2026\" level=warning msg=\"w\"\ntime=\"2026\" level=error msg=\"runc run "
		"failed: unable to start container process: exec: \\\"nope\\\": executable file "
		"not found in $PATH\"\n",
		PM_E_NOTFOUND,
		"runc: unable to start container process: exec: \"nope\": executable file not "
		"found in $PATH: OCI runtime attempted to invoke a command that was not found");
	expect_runtime("runc",
		       "time=\"2026\" level=error msg=\"runc run failed: unable to start container "
		       "process: exec /x: exec format error\"",
		       PM_E_NOTEXEC,
		       "runc: unable to start container process: exec /x: exec format error: OCI "
		       "permission denied");
	/* a mount's source is not the command */
	expect_runtime("crun", "error stat'ing file `/nonexist`: No such file or directory\n",
		       PM_E_UNSUPPORTED,
		       "OCI runtime error: crun: error stat'ing file `/nonexist`: No such file or "
		       "directory");
	expect_runtime("kata", "a\x1b[31mb\n\n", PM_E_UNSUPPORTED,
		       "OCI runtime error: kata: a [31mb");
	expect_runtime("crun", "\n \n", 0, NULL);
}
