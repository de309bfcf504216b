#include "engine/monitor/health.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "engine/monitor/io.h"
#include "engine/monitor/life.h"
#include "engine/monitor/notify.h"
#include "engine/monitor/probe.h"
#include "engine/monitor/runtime.h"

#define OUTPUT_MAX (1 << 20) /* of a check whose output is not limited */

static struct {
	pid_t runtime; /* executes the check, or is the probe; 0: none */
	int out;       /* what the check prints, read end; -1: none */
	int kept;      /* memory file with the first of it; -1: none */
	int64_t len;
	int64_t began; /* ns since the epoch */
	bool late;
	bool startup; /* the start-up check has not passed yet */
	int64_t passed, failed; /* start-up checks in a row, in all */
	int64_t lines; /* in the log since it was trimmed; < 0: not known */
} h = {.out = -1, .kept = -1, .lines = -1};

/* What io_tell_check tells. */
enum {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_NONE,
};

static const struct pm_launch_check *current(const struct monitor *m)
{
	return h.startup ? &m->plan.startup : &m->plan.check;
}

static void schedule(struct monitor *m)
{
	int64_t interval = current(m)->interval;
	m->timers[TIMER_CHECK] = interval > 0 ? monitor_now_ms() + interval : 0;
}

void health_reset(struct monitor *m)
{
	m->health = pm_launch_has_check(&m->plan.check) ? HEALTH_STARTING : HEALTH_NONE;
	m->health_streak = 0;
	h.startup = pm_launch_has_check(&m->plan.startup);
	h.passed = h.failed = 0;
}

void health_start(struct monitor *m)
{
	if (pm_launch_has_check(&m->plan.check) && current(m)->interval > 0)
		m->timers[TIMER_CHECK] = monitor_now_ms();
}

static void close_fds(void)
{
	if (h.out >= 0)
		close(h.out);
	if (h.kept >= 0)
		close(h.kept);
	h.out = h.kept = -1;
	h.len = 0;
}

/* --- executing ----------------------------------------------------------------------- */

static int begin(struct monitor *m, struct pm_err *err)
{
	int fds[2];
	unlinkat(m->ctr_fd, "health.pid", 0);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	h.out = fds[0];
	h.kept = memfd_create("health", MFD_CLOEXEC);
	h.began = pm_time_now();
	h.late = false;
	const struct pm_launch_check *c = current(m);
	int r = c->process ? runtime_check(m, c->process, fds[1], &h.runtime, err)
			   : probe_start(m, &c->probe, fds[1], &h.runtime, err);
	close(fds[1]);
	if (r >= 0)
		io_watch_check(h.out);
	return r;
}

static void end(struct monitor *m, int code);

void health_now(struct monitor *m)
{
	struct pm_err err = PM_ERR_INIT;
	if (!pm_launch_has_check(&m->plan.check) || m->exited || m->init <= 0) {
		io_tell_check(CHECK_NONE);
		return;
	}
	if (h.runtime > 0)
		return; /* whoever asks gets that one's result */
	m->timers[TIMER_CHECK] = 0;
	if (runtime_frozen(m)) {
		/* whoever is paused is neither well nor ill */
		schedule(m);
		io_tell_check(CHECK_NONE);
		return;
	}
	if (begin(m, &err) < 0) {
		h.runtime = 0;
		if (h.kept >= 0)
			h.len = dprintf(h.kept, "%s", err.text);
		end(m, 125);
		return;
	}
	int64_t limit = current(m)->timeout;
	m->timers[TIMER_CHECK_LIMIT] = limit > 0 ? monitor_now_ms() + limit : 0;
}

/* The process that the runtime has started, by the file that it wrote: killed if it is the runtime's
 * child still. */
static void kill_process(struct monitor *m)
{
	char text[512], path[64];
	int fd = openat(m->ctr_fd, "health.pid", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, text, 32) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	long pid = strtol(text, NULL, 10);
	if (pid <= 1 || pid > INT32_MAX)
		return;
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (pidfd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	int parent = 0;
	const char *p = strrchr(text, ')');
	if (p && sscanf(p, ") %*c %d", &parent) == 1 && parent == h.runtime)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	close(pidfd);
}

void health_late(struct monitor *m)
{
	if (h.runtime <= 0)
		return;
	if (runtime_frozen(m)) { /* the pause overtook it: it has its time again */
		m->timers[TIMER_CHECK_LIMIT] = monitor_now_ms() + current(m)->timeout;
		return;
	}
	h.late = true;
	kill_process(m);
	kill(h.runtime, SIGKILL);
}

void health_stop(struct monitor *m)
{
	m->timers[TIMER_CHECK] = m->timers[TIMER_CHECK_LIMIT] = 0;
	if (h.runtime > 0)
		kill(h.runtime, SIGKILL); /* reaped as any other child, and not looked at */
	h.runtime = 0;
	close_fds();
	io_tell_check(CHECK_NONE);
}

void health_output(struct monitor *m)
{
	char buf[4096];
	int64_t max = m->plan.health_log_size > 0 ? m->plan.health_log_size : OUTPUT_MAX;
	while (h.out >= 0) {
		ssize_t n = read(h.out, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(h.out);
			h.out = -1;
			return;
		}
		int64_t room = max - h.len;
		if (n > room)
			n = (ssize_t)room;
		if (n > 0 && h.kept >= 0 && pwrite(h.kept, buf, (size_t)n, h.len) == n)
			h.len += n;
	}
}

bool health_child(struct monitor *m, pid_t pid, int status)
{
	if (h.runtime <= 0 || pid != h.runtime)
		return false;
	h.runtime = 0;
	health_output(m);
	int code = h.late ? -1 : pm_proc_exit_code(status);
	if (code != 0 && !h.late && runtime_frozen(m)) { /* the runtime could not execute it */
		health_stop(m);
		schedule(m);
		return true;
	}
	end(m, code);
	return true;
}

/* --- the log ------------------------------------------------------------------------- */

struct out {
	int fd; /* -1: kept in buf, which must be large enough */
	size_t len;
	char buf[PM_EVENT_HEALTH_LOG];
};

static void flush(struct out *o)
{
	if (o->len > 0)
		pm_fs_write_all(o->fd, o->buf, o->len, NULL); /* a full disk loses an entry */
	o->len = 0;
}

static void put(struct out *o, const char *s, size_t n)
{
	if (o->len + n > sizeof(o->buf))
		flush(o);
	memcpy(o->buf + o->len, s, n);
	o->len += n;
}

/* As JSON. Returns how much was taken: a character that is cut off at the end is left, unless last. */
static size_t put_text(struct out *o, const char *s, size_t n, bool last)
{
	size_t i = 0;
	while (i < n) {
		uint32_t c;
		char esc[8];
		size_t k = pm_utf8_decode(s + i, n - i, &c);
		if (k == 0 && !last && n - i < 4)
			break;
		if (k == 0) {
			put(o, "\\ufffd", 6);
			k = 1;
		} else if (c < 0x20 || c == 0x7f) {
			put(o, esc, (size_t)snprintf(esc, sizeof(esc), "\\u%04x", (unsigned int)c));
		} else {
			if (c == '"' || c == '\\')
				put(o, "\\", 1);
			put(o, s + i, k);
		}
		i += k;
	}
	return i;
}

/* The first bytes of what the check has printed. */
static void put_output(struct out *o, int64_t most)
{
	char buf[1024];
	int64_t at = 0, len = h.len < most ? h.len : most;
	while (h.kept >= 0 && at < len) {
		size_t want = len - at < (int64_t)sizeof(buf) ? (size_t)(len - at) : sizeof(buf);
		ssize_t n = pread(h.kept, buf, want, at);
		if (n <= 0)
			break;
		at += (int64_t)put_text(o, buf, (size_t)n, at + n >= len);
	}
	if (h.late)
		put(o, "Health check exceeded timeout", 29);
}

/* Where the last wanted lines of fd begin; 0 when it has no more. */
static off_t find_tail(int fd, off_t size, int64_t wanted)
{
	char buf[1024];
	while (size > 0) {
		size_t n = size < (off_t)sizeof(buf) ? (size_t)size : sizeof(buf);
		if (pread(fd, buf, n, size - (off_t)n) != (ssize_t)n)
			return 0;
		for (size_t i = n; i > 0; i--)
			if (buf[i - 1] == '\n' && wanted-- == 0)
				return size - (off_t)(n - i);
		size -= (off_t)n;
	}
	return 0;
}

static void copy_tail(int from, off_t at, int to)
{
	char buf[1024];
	ssize_t n;
	while ((n = pread(from, buf, sizeof(buf), at)) > 0) {
		if (pm_fs_write_all(to, buf, (size_t)n, NULL) < 0)
			return;
		at += n;
	}
}

/* Keep the last lines only: a new file in the old one's place. */
static void trim(const struct monitor *m)
{
	const char *path = m->plan.health_log;
	char tmp[4200];
	struct stat st;
	_cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0 || fstat(from, &st) < 0)
		return;
	off_t at = find_tail(from, st.st_size, m->plan.health_log_count);
	h.lines = m->plan.health_log_count;
	if (at == 0)
		return;
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	_cleanup_close_ int to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return;
	copy_tail(from, at, to);
	rename(tmp, path);
}

static void put_entry(struct out *o, int code, int64_t most)
{
	char start[PM_TIME_SIZE], stop[PM_TIME_SIZE], head[256];
	pm_time_rfc3339(h.began, 0, start);
	pm_time_rfc3339(pm_time_now(), 0, stop);
	int n = snprintf(head, sizeof(head),
			 "{\"Start\":\"%s\",\"End\":\"%s\",\"ExitCode\":%d,\"Output\":\"", start, stop,
			 code);
	put(o, head, (size_t)n);
	put_output(o, most);
	put(o, "\"}", 2);
}

static void log_result(const struct monitor *m, int code)
{
	if (!m->plan.health_log)
		return;
	monitor_owner_begin(m);
	struct out o = {.fd = open(m->plan.health_log,
				   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
	if (o.fd >= 0) {
		put_entry(&o, code, INT64_MAX);
		put(&o, "\n", 1);
		flush(&o);
		close(o.fd);
		h.lines = h.lines < 0 ? INT32_MAX : h.lines + 1;
		/* not each time: a file of twice the lines is bounded, too */
		if (m->plan.health_log_count > 0 && h.lines >= 2 * m->plan.health_log_count)
			trim(m);
	}
	monitor_owner_end(m);
}

/* --- results ------------------------------------------------------------------------- */

static void act(struct monitor *m)
{
	switch (m->plan.health_action) {
	case PM_HEALTH_NONE:
		break;
	case PM_HEALTH_KILL:
		life_end(m, true, THEN_POLICY);
		break;
	case PM_HEALTH_RESTART:
		life_end(m, false, THEN_RESTART);
		break;
	case PM_HEALTH_STOP:
		life_end(m, false, THEN_END);
		break;
	}
}

static void startup_result(struct monitor *m, bool passed)
{
	const struct pm_launch_check *c = &m->plan.startup;
	if (!passed) {
		h.passed = 0;
		if (++h.failed >= c->retries && c->retries > 0)
			life_end(m, false, m->plan.health_action == PM_HEALTH_STOP ? THEN_END : THEN_RESTART);
		schedule(m);
	} else if (++h.passed >= c->successes) {
		h.startup = false;
		m->timers[TIMER_CHECK] = m->plan.check.interval > 0 ? monitor_now_ms() : 0;
	} else {
		schedule(m);
	}
}

/* entry: of the log, when the result of each check is an event; else NULL. */
static void result(struct monitor *m, bool passed, const char *entry)
{
	static const char *const words[] = {
		[HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy"};
	const struct pm_launch_check *c = &m->plan.check;
	enum monitor_health before = m->health;
	int64_t streak = m->health_streak;

	if (passed) {
		m->health_streak = 0;
		m->health = HEALTH_HEALTHY;
		notify_healthy(m);
	} else if (monitor_now_ms() - m->started_ms >= c->start_period) {
		m->health_streak++;
		if (m->health_streak >= c->retries)
			m->health = HEALTH_UNHEALTHY;
	}
	if (m->health != before || m->health_streak != streak)
		monitor_write_state(m, NULL);
	if (m->health != before || entry)
		monitor_event(m, &(struct pm_event_what){.status = "health_status",
							 .health = words[m->health],
							 .health_log = entry});
	schedule(m);
	if (m->health == HEALTH_UNHEALTHY && !passed)
		act(m);
}

static void end(struct monitor *m, int code)
{
	struct out entry = {.fd = -1};
	m->timers[TIMER_CHECK_LIMIT] = 0;
	log_result(m, code);
	if (m->plan.health_events) {
		/* a byte may become six */
		put_entry(&entry, code, (PM_EVENT_HEALTH_LOG - 512) / 6);
		put(&entry, "", 1);
	}
	close_fds();
	if (h.startup)
		startup_result(m, code == 0);
	else
		result(m, code == 0, m->plan.health_events ? entry.buf : NULL);
	io_tell_check(code == 0 ? CHECK_PASSED : CHECK_FAILED);
}
