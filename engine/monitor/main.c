/*
 * pm-monitor - stays with one container: prepares its world, starts it, copies its output, takes
 * its exit and cleans up. Descriptors, messages and the plan: launch.h. Nothing is on its command
 * line but whether it makes a user namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "netns/answer.h"
#include "netns/netd_client.h"
#include "base/timefmt.h"
#include "engine/monitor/health.h"
#include "engine/monitor/io.h"
#include "engine/monitor/life.h"
#include "engine/monitor/nested.h"
#include "engine/monitor/notify.h"
#include "engine/monitor/pasta.h"
#include "engine/monitor/prepare.h"
#include "engine/monitor/runtime.h"
#include "engine/monitor/trash.h"

enum {
	FD_CONTROL = 3,
	FD_ATTACH,
	FD_SLIRP,
	FD_USERNS,
	FD_MNTNS,
	/* and from PM_MONITOR_FD_PRESERVED on those of --preserve-fds */
};

#define ACKNOWLEDGE_MS 10000
#define EXIT_TIMED_OUT 255 /* as conmon has it */

static struct monitor mon;

/* Descriptor fd if it is open, made close-on-exec. */
static int inherited(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
}

/* Signals of a terminal or a service manager end containers through their first process, not by
 * taking away who watches over them. */
static void set_signals(void)
{
	static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE,
				      SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < PM_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM); /* read by io: the machine, or the service, goes down */
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void set_signals_default(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int say(struct monitor *m, const char *event, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "event", event);
	return pm_wire_send(m->control_fd, &w, NULL, 0, err);
}

static void say_ints(struct monitor *m, const char *event, const char *const *names,
		     const int64_t *values, size_t n)
{
	char buf[512];
	size_t len = monitor_encode_ints(buf, sizeof(buf), event, names, values, n);
	if (m->control_fd >= 0)
		send(m->control_fd, buf, len, MSG_NOSIGNAL);
}

static int enter_namespaces(struct monitor *m, struct pm_err *err)
{
	int userns = inherited(FD_USERNS), mntns = inherited(FD_MNTNS);
	int r = 0;

	if (m->fresh_userns) {
		if (unshare(CLONE_NEWUSER) < 0)
			return pm_fail_sys(err, "make a user namespace");
		m->in_userns = true;
		r = say(m, "unshared", err);
	} else if (userns >= 0) {
		r = pm_userns_enter(userns, err);
		m->in_userns = true;
		close(userns);
	}
	if (r < 0)
		return r;
	if (mntns >= 0) {
		if (setns(mntns, CLONE_NEWNS) < 0)
			return pm_fail_sys(err, "enter the container's mount namespace");
		close(mntns);
		return 0;
	}
	return prepare_mount_namespace(err);
}

/* Started inside of a user namespace already: its mapping is not the whole of all ids. */
static bool inside_userns(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	unsigned int in, out, n;
	if (pm_fs_read_file(AT_FDCWD, "/proc/self/uid_map", 4096, &b, NULL) < 0)
		return false;
	return sscanf(pm_buf_str(&b), "%u %u %u", &in, &out, &n) != 3 || n != UINT32_MAX;
}

/* The plan, or the end of pm before it had one: then nothing has happened. */
static int receive_plan(struct monitor *m, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int r = pm_wire_recv(m->control_fd, &w, NULL, NULL, err);
	if (r == 0)
		_exit(0);
	if (r < 0)
		return r;
	if (!pm_streq(pm_wire_get(&w, "op"), "launch"))
		return pm_fail(err, PM_E_INTERNAL, "the monitor was not told to launch");
	return pm_launch_plan_decode(&w, &m->plan, err);
}

static int become_owner(struct monitor *m, struct pm_err *err)
{
	if (m->fresh_userns) {
		int r = pm_userns_become_root(err);
		if (r < 0)
			return r;
		prctl(PR_SET_DUMPABLE, 1);
		if (m->plan.userns_hint_dir) {
			/* only a hint: who misses it makes a namespace of its own */
			int dir = pm_fs_open(AT_FDCWD, m->plan.userns_hint_dir,
					     O_RDONLY | O_DIRECTORY, 0, NULL);
			if (dir >= 0) {
				pm_userns_publish_hint(dir, NULL);
				close(dir);
			}
		}
	}
	struct ucred pm;
	socklen_t len = sizeof(pm);
	if (getsockopt(m->control_fd, SOL_SOCKET, SO_PEERCRED, &pm, &len) < 0)
		return pm_fail_sys(err, "look who started the monitor");
	m->owner_uid = pm.uid;
	m->owner_gid = pm.gid;
	return 0;
}

static int write_pid(const struct monitor *m, const char *path, pid_t pid, struct pm_err *err)
{
	char text[32];
	if (!path)
		return 0;
	int n = snprintf(text, sizeof(text), "%d", pid);
	monitor_owner_begin(m);
	int r = pm_fs_write_file(AT_FDCWD, path, text, (size_t)n, 0644, false, err);
	monitor_owner_end(m);
	return r;
}

static int write_state(struct monitor *m, struct pm_err *err)
{
	m->started = pm_time_now();
	m->started_ms = monitor_now_ms();
	int r = write_pid(m, m->plan.pidfile, m->init, err);
	if (r >= 0)
		r = write_pid(m, m->plan.conmon_pidfile, getpid(), err);
	if (r >= 0 && !monitor_execs(m))
		r = monitor_write_state(m, err);
	return r;
}

static int claim(struct monitor *m, struct pm_err *err)
{
	m->ctr_fd = pm_fs_open(AT_FDCWD, m->plan.ctr_dir, O_RDONLY | O_DIRECTORY, 0, err);
	if (m->ctr_fd < 0)
		return m->ctr_fd;
	monitor_owner_begin(m);
	m->live_fd = pm_lock_try(m->ctr_fd, "live", PM_LOCK_EXCLUSIVE, err);
	monitor_owner_end(m);
	if (m->live_fd == -EAGAIN)
		return pm_fail(err, PM_E_STATE, "container %s has a monitor already", m->plan.name);
	if (m->live_fd < 0)
		return m->live_fd;
	if (monitor_execs(m))
		return 0; /* its directory is new */
	/* of an earlier start */
	unlinkat(m->ctr_fd, "exit", 0);
	unlinkat(m->ctr_fd, "state", 0);
	unlinkat(m->ctr_fd, "pidfile", 0);
	return 0;
}

static int open_log(struct monitor *m, struct pm_err *err)
{
	const struct pm_launch_plan *p = &m->plan;
	if (p->log_driver == PM_LOG_DRIVER_JOURNALD)
		return pm_logfile_open_journal(&m->log, p->log_fields, err);
	monitor_owner_begin(m);
	int r = pm_logfile_open(&m->log, p->log_driver, p->log_path, p->log_max_size,
				p->log_max_files, p->log_tag, err);
	monitor_owner_end(m);
	return r;
}

static void tell_slirp(struct monitor *m)
{
	if (m->slirp_fd < 0)
		return;
	int pidfd = (int)syscall(SYS_pidfd_open, m->init, 0);
	if (pidfd >= 0) {
		pm_slirp_send_container(m->slirp_fd, pidfd, NULL);
		close(pidfd);
	}
}

/* The runtime, between the streams and what is to be known of the process. */
static int start_process(struct monitor *m, const char *console, struct pm_err *err)
{
	health_reset(m);
	m->created = m->plan.create_only && !m->restarts;
	int r = prepare_pod_group(m, err);
	if (r >= 0)
		r = runtime_start(m, console, err);
	if (r >= 0 && console)
		r = io_accept_terminal(m, err);
	if (m->plan.process)
		unlink(m->plan.process);
	if (r >= 0) {
		tell_slirp(m);
		runtime_open_oom(m);
		r = prepare_pod_group(m, err);
	}
	if (r >= 0)
		r = write_state(m, err);
	return r;
}

static int start(struct monitor *m, struct pm_err *err)
{
	const char *console = NULL;
	int r = claim(m, err);
	if (r >= 0)
		r = notify_open(m, err);
	if (r >= 0 && m->plan.netns == PM_LAUNCH_NET_PASTA)
		r = pasta_guard(m, err);
	if (r >= 0)
		r = nested_wanted(m) ? nested_prepare(m, err) : prepare_network(m, err);
	if (r >= 0)
		r = prepare_files(m, err);
	if (r >= 0)
		r = open_log(m, err);
	if (r >= 0)
		r = io_open(m, err);
	if (r >= 0)
		r = io_open_streams(m, &console, err);
	if (r >= 0)
		r = prepare_network_ready(m, err);
	return r < 0 ? r : start_process(m, console, err);
}

static void tell_started(struct monitor *m)
{
	if (monitor_execs(m)) {
		monitor_event(m, &(struct pm_event_what){.status = "exec"});
		return;
	}
	if (monitor_restores(m)) {
		monitor_event(m, &(struct pm_event_what){.status = "restore"});
	} else {
		monitor_event(m, &(struct pm_event_what){.status = "init"});
		if (m->created)
			return;
		monitor_event(m, &(struct pm_event_what){.status = "start"});
	}
	if (m->attached)
		monitor_event(m, &(struct pm_event_what){.status = "attach"});
	m->attached = false;
	notify_started(m);
}

static void kill_init(struct monitor *m)
{
	if (m->init > 0) {
		kill(m->init, SIGKILL);
		waitpid(m->init, NULL, 0);
	}
	m->init = 0;
}

/* A launch that failed leaves nothing behind. */
static _Noreturn void give_up(struct monitor *m, const struct pm_err *err)
{
	kill_init(m);
	if (m->live_fd >= 0) {
		io_unlink(m);
		unlinkat(m->ctr_fd, "pidfile", 0);
		unlinkat(m->ctr_fd, "state", 0);
		runtime_forget(m);
	}
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "event", "error");
	pm_wire_add_int(&w, "code", err->code);
	pm_wire_add(&w, "text", err->text);
	pm_wire_send(m->control_fd, &w, NULL, 0, NULL);
	_exit(1);
}

static int exit_code(const struct monitor *m)
{
	return m->timed_out ? EXIT_TIMED_OUT : pm_proc_exit_code(m->status);
}

static void write_exit(struct monitor *m, bool restarting)
{
	static const char *const names[] = {"exit_code", "oom_killed", "finished", "restarting"};
	const int64_t values[] = {exit_code(m), m->oom_killed, m->finished, restarting};
	char buf[512];
	size_t len = monitor_encode_ints(buf, sizeof(buf), NULL, names, values, PM_ARRAY_SIZE(values));
	monitor_write_file(m, "exit", buf, len, NULL);
}

/* The exit, first where everybody finds it, then to those who wait. */
static void tell_exit(struct monitor *m, bool restarting)
{
	static const char *const names[] = {"exit_code", "oom_killed"};
	const int code = exit_code(m);
	m->oom_killed = runtime_oom_killed(m);
	m->finished = pm_time_now();
	const int64_t values[] = {code, m->oom_killed};
	const bool exec = monitor_execs(m);
	if (!exec)
		write_exit(m, restarting);
	monitor_event(m, &(struct pm_event_what){.status = exec ? "exec_died" : "died",
						 .has_exit = true,
						 .exit_code = code});
	io_finish(m, code, false);
	say_ints(m, "exited", names, values, 2);
}

/* What start() does, in the world that is still there. */
static int start_again(struct monitor *m, struct pm_err *err)
{
	const char *console = NULL;
	if (m->oom_fd >= 0)
		close(m->oom_fd);
	if (m->freeze_fd >= 0)
		close(m->freeze_fd);
	m->oom_fd = m->freeze_fd = -1;
	m->init = 0;
	m->exited = m->oom_killed = m->acknowledged = false;
	m->status = 0;
	m->restarts++;
	unlinkat(m->ctr_fd, "exit", 0);
	unlinkat(m->ctr_fd, "pidfile", 0);
	monitor_event(m, &(struct pm_event_what){.status = "restart"});

	pm_logfile_close(&m->log);
	int r = prepare_again(m, err);
	if (r >= 0)
		r = open_log(m, err);
	if (r >= 0)
		r = io_open_streams(m, &console, err);
	return r < 0 ? r : start_process(m, console, err);
}

/* A restart that failed counts as a run that failed: the policy decides again. */
static void restart(struct monitor *m)
{
	struct pm_err err = PM_ERR_INIT;
	runtime_forget(m);
	int r = start_again(m, &err);
	if (r >= 0) {
		tell_started(m);
		/* who stops it now did not see it running: he left his mark first */
		if (life_stopped(m))
			kill(m->init, SIGKILL);
		return;
	}
	kill_init(m);
	io_close_streams(m);
	pm_logfile_write(&m->log, PM_LOG_STDERR, err.text, strlen(err.text));
	pm_logfile_write(&m->log, PM_LOG_STDERR, "\n", 1);
	m->exited = true;
	m->status = (r == -PM_E_NOTFOUND ? 127 : r == -PM_E_NOTEXEC ? 126 : 125) << 8;
}

/* What was only created is started when somebody says so, or ended. */
static void await_start(struct monitor *m)
{
	struct pm_err err = PM_ERR_INIT;
	m->waiting = true;
	while (m->waiting && !m->exited)
		io_wait(m);
	m->waiting = false;
	if (m->exited)
		return;
	int r = life_stopped(m) ? -1 : runtime_go(m, &err);
	if (r >= 0) {
		m->created = false;
		monitor_event(m, &(struct pm_event_what){.status = "start"});
		r = write_state(m, &err);
	}
	if (r < 0) {
		if (err.code) {
			pm_logfile_write(&m->log, PM_LOG_STDERR, err.text, strlen(err.text));
			pm_logfile_write(&m->log, PM_LOG_STDERR, "\n", 1);
		}
		kill(m->init, SIGKILL);
	}
}

/* One run after the other, as long as they are wanted. */
static void live(struct monitor *m)
{
	if (m->created)
		await_start(m);
	for (;;) {
		if (!m->exited)
			health_start(m);
		io_run(m);
		health_stop(m);
		while (io_held())
			io_wait(m);
		bool again = life_restarts(m, exit_code(m));
		tell_exit(m, again);
		if (!again)
			return;
		if (!life_await_restart(m)) {
			write_exit(m, false);
			return;
		}
		restart(m);
	}
}

static void clean_up(struct monitor *m)
{
	const struct pm_launch_plan *p = &m->plan;
	runtime_forget(m);
	if (p->netns == PM_LAUNCH_NET_BRIDGE || p->netns == PM_LAUNCH_NET_PASTA ||
	    (p->netns == PM_LAUNCH_NET_SLIRP && p->slirp.ports.n))
		pm_answer_release(m->slirp_fd);
	else if (m->slirp_fd >= 0)
		close(m->slirp_fd);
	pm_logfile_finish(&m->log, p->id);
	pm_logfile_close(&m->log);
	if (monitor_execs(m)) {
		unlinkat(m->ctr_fd, "live", 0); /* no session any more; its directory goes when pm has */
		return;
	}
	monitor_event(m, &(struct pm_event_what){.status = "cleanup"});
	pm_volume_umount_all(&p->mounts);
	if (p->rootfs_cover)
		umount2(p->rootfs_cover, MNT_DETACH);
	if (p->overlay)
		pm_overlay_umount(p->rootfs_real ? p->rootfs_real : p->rootfs, NULL);
	if (p->shm_dir)
		umount2(p->shm_dir, MNT_DETACH);
	if (p->n_secrets) {
		_cleanup_free_ char *fs = pm_asprintf("%s/secret-fs", p->ctr_dir);
		umount2(fs, MNT_DETACH);
	}
	/* a config.json with secrets is kept no longer than it may be started again */
	pm_fs_remove_tree(m->ctr_fd, "bundle", NULL);
	trash_fill(m);
}

/* pm acknowledges the exit when it has been told; a pm that has gone, or does not answer, leaves
 * the row to the clean-up command. */
static bool acknowledged(struct monitor *m)
{
	if (m->acknowledged || m->control_fd < 0)
		return m->acknowledged;
	struct pollfd p = {.fd = m->control_fd, .events = POLLIN};
	char buf[256];
	if (poll(&p, 1, ACKNOWLEDGE_MS) <= 0)
		return false;
	return recv(m->control_fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
}

int main(int argc, char **argv)
{
	struct pm_err err = PM_ERR_INIT;
	struct monitor *m = &mon;

	m->control_fd = inherited(FD_CONTROL);
	if (m->control_fd < 0) {
		fprintf(stderr, "pm-monitor is started by pm\n");
		return 125;
	}
	m->attach_fd = inherited(FD_ATTACH);
	m->slirp_fd = inherited(FD_SLIRP);
	m->fresh_userns = argc > 1 && pm_streq(argv[1], "--userns=fresh");
	m->ctr_fd = m->trash_fd = m->live_fd = m->give_in = m->give_out = m->give_err = m->runtime_err =
		m->oom_fd = m->freeze_fd = -1;
	runtime_take_preserved();
	set_signals();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(022);
	if (chdir("/") < 0)
		return 125;

	/* what the service manager told pm is not for the runtime, which would act on it */
	static const char *const told[] = {"NOTIFY_SOCKET", "LISTEN_FDS",    "LISTEN_PID",
					   "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(told); i++)
		unsetenv(told[i]);

	m->in_userns = inside_userns();
	int r = enter_namespaces(m, &err);
	if (r >= 0)
		r = receive_plan(m, &err);
	if (r >= 0)
		r = become_owner(m, &err);
	if (r >= 0)
		r = start(m, &err);
	if (r < 0)
		give_up(m, &err);

	tell_started(m);
	const int64_t pid = m->init;
	say_ints(m, "started", (const char *const[]){"pid"}, &pid, 1);
	live(m);
	if (!monitor_execs(m))
		io_unlink(m);
	clean_up(m);
	io_finish(m, exit_code(m), true);

	if (m->control_fd >= 0)
		shutdown(m->control_fd, SHUT_WR);
	trash_empty(m); /* nobody waits for that */
	/* the container's exit code is its monitor's, for whom this is a service's main process */
	const int code = pm_proc_exit_code(m->status);
	if (m->plan.cleanup.n > 0 && !acknowledged(m)) {
		char text[16];
		snprintf(text, sizeof(text), "%d", code);
		setenv("_PM_EXIT_CODE", text, 1);
		setenv("_PM_USERNS", "1", 1);
		set_signals_default();
		/* with the log driver passthrough standard output is the user's, and the command names the container */
		const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null_fd >= 0)
			dup2(null_fd, STDOUT_FILENO);
		execv(m->plan.cleanup.v[0], m->plan.cleanup.v);
	}
	return code;
}
