#include "engine/container/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/container/logfiles.h"

#define READ_SIZE 65536
#define LINE_MAX_BYTES (4u << 20) /* a longer line is no log's, and is left out */
#define LAST_ENTRY_MS 1000

/* One source being read: a queue of files, oldest first, of which the last is the live one. */
struct source {
	const struct pm_logs_source *of;
	int *fds;
	size_t n_fds, at;
	struct stat live; /* of the last file in the queue; st_ino 0: none */
	struct pm_buf buf;
	size_t pos; /* of the next line in buf */
	bool skip; /* within a line that is too long */
	struct pm_buf scratch;
	bool have; /* entry is the next one */
	struct pm_log_entry entry;
	int monitor; /* pidfd of the monitor, -1 when it does not live */
	pid_t helper; /* journald: pm-journal, whose output is the one file; 0: none */
	bool ended; /* its output has */
	bool following, done;
};

struct reading {
	const struct pm_logs_opts *opts;
	struct source *v;
	size_t n;
	int inotify;
};

static int64_t entry_ns(const struct pm_log_entry *e)
{
	return e->sec * PM_NS_PER_SEC + e->nsec;
}

/* --- the files ----------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Append to the queue what is newer than known (NULL: all). */
static void open_newer(struct source *s, const struct stat *known)
{
	struct stat newest;
	if (pm_logfiles_newer(s->of->path, known, &s->fds, &s->n_fds, &newest, NULL, NULL) > 0)
		s->live = newest;
}

/* The file that path names now is another than the one read last: queue what has come. */
static bool look_for_rotation(struct source *s)
{
	struct stat st;
	if (s->helper || stat(s->of->path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (s->live.st_ino && same_file(&st, &s->live))
		return false;
	size_t before = s->n_fds;
	struct stat known = s->live;
	open_newer(s, known.st_ino ? &known : NULL);
	return s->n_fds > before;
}

/* More bytes into the buffer: 1, or 0 when there are none now. */
static int fill(struct source *s, struct pm_err *err)
{
	if (s->pos > 0) {
		memmove(s->buf.data, s->buf.data + s->pos, s->buf.len - s->pos);
		s->buf.len -= s->pos;
		s->pos = 0;
	}
	if (s->buf.len > LINE_MAX_BYTES) {
		s->skip = true;
		s->buf.len = 0;
	}
	while (s->at < s->n_fds) {
		char *to = pm_buf_reserve(&s->buf, READ_SIZE);
		ssize_t n = read(s->fds[s->at], to, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n == 0 && s->helper)
			s->ended = true;
		if (n < 0)
			return pm_fail_sys(err, "read log %s", s->of->path);
		s->buf.len += (size_t)n;
		if (n > 0)
			return 1;
		if (s->at + 1 == s->n_fds)
			return 0;
		/* a rotated file is complete; what is left of it is no line */
		close(s->fds[s->at++]);
		s->buf.len = 0;
		s->skip = false;
	}
	return 0;
}

/* pm-journal prints as k8s-file has it. */
static enum pm_log_driver line_format(const struct source *s)
{
	return s->helper ? PM_LOG_DRIVER_K8S_FILE : s->of->driver;
}

/* The next entry into s->entry: 1, or 0 when there is none now. */
static int next_entry(struct source *s, struct pm_err *err)
{
	s->have = false;
	for (;;) {
		char *line = s->buf.len > s->pos ? s->buf.data + s->pos : NULL;
		char *nl = line ? memchr(line, '\n', s->buf.len - s->pos) : NULL;
		if (!nl) {
			int r = fill(s, err);
			if (r <= 0)
				return r;
			continue;
		}
		size_t len = (size_t)(nl - line);
		s->pos += len + 1;
		if (s->skip) {
			s->skip = false;
			continue;
		}
		s->scratch.len = 0;
		char *scratch = pm_buf_reserve(&s->scratch, len + 1);
		if (pm_log_parse_line(line_format(s), line, len, scratch, &s->entry, NULL) < 0)
			continue;
		s->have = true;
		return 1;
	}
}

/* --- the last lines ------------------------------------------------------------------ */

struct tail {
	struct source *s;
	int64_t wanted; /* lines still to be found */
	bool open_end; /* nothing was seen yet: a line that goes on counts, too */
};

/* line is a whole one, and those after it have been counted. True when the lines wanted begin right
 * after it. */
static bool count_line(struct tail *t, const char *line, size_t len)
{
	struct pm_log_entry e;
	struct source *s = t->s;
	s->scratch.len = 0;
	char *scratch = pm_buf_reserve(&s->scratch, len + 1);
	if (pm_log_parse_line(s->of->driver, line, len, scratch, &e, NULL) < 0)
		return false;
	if (e.partial && !t->open_end)
		return false;
	t->open_end = false;
	return t->wanted-- == 0;
}

/* From the end of fd backwards; 1 with the offset when it is found in this file. */
static int tail_in_file(struct tail *t, int fd, off_t *ret, struct pm_err *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return pm_fail_sys(err, "look at the log");
	_cleanup_buf_ struct pm_buf b =
		PM_BUF_INIT; /* from offset start to the line counted last */
	off_t start = st.st_size;
	bool torn = true; /* bytes after the last newline are no line yet */
	for (;;) {
		/* whole lines of b, last first */
		for (;;) {
			char *nl = b.len > 0 ? memrchr(b.data, '\n', b.len - (torn ? 0 : 1)) : NULL;
			if (!nl && start > 0)
				break;
			char *line = nl ? nl + 1 : b.data;
			size_t len = b.len - (size_t)(line - b.data);
			if (!torn && len > 0 && count_line(t, line, len - 1)) {
				*ret = start + (off_t)b.len;
				return 1;
			}
			torn = false;
			b.len = nl ? (size_t)(nl - b.data) + 1 : 0;
			if (!nl)
				return 0;
		}
		size_t n = start < READ_SIZE ? (size_t)start : READ_SIZE;
		if (b.len > LINE_MAX_BYTES) {
			b.len = 0;
			torn = true;
		}
		pm_buf_reserve(&b, n);
		memmove(b.data + n, b.data, b.len);
		ssize_t got = pread(fd, b.data, n, start - (off_t)n);
		if (got != (ssize_t)n)
			return got < 0 ? pm_fail_sys(err, "read the log") : 0;
		b.len += n;
		start -= (off_t)n;
	}
}

/* Drop from the queue what lies before the last lines. */
static int seek_tail(struct source *s, int64_t lines, struct pm_err *err)
{
	struct tail t = {.s = s, .wanted = lines, .open_end = true};
	for (size_t i = s->n_fds; i > s->at; i--) {
		off_t offset = 0;
		int r = tail_in_file(&t, s->fds[i - 1], &offset, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		while (s->at < i - 1)
			close(s->fds[s->at++]);
		if (lseek(s->fds[s->at], offset, SEEK_SET) < 0)
			return pm_fail_sys(err, "read the log");
		return 0;
	}
	return 0;
}

/* --- following ----------------------------------------------------------------------- */

static int read_state(int dir, struct pm_wire *ret)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_file(dir, "state", 4096, &b, NULL);
	return r < 0 ? r : pm_wire_decode(b.data, b.len, ret, NULL);
}

/* The monitor as its state file names it, for as long as it lives. */
static int monitor_pidfd(const char *ctr_dir)
{
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, ctr_dir, O_PATH | O_DIRECTORY, 0, NULL);
	if (dir < 0 || pm_lock_is_held(dir, "live", NULL) != 1)
		return -1;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t pid, start;
	if (read_state(dir, &w) < 0 ||
	    pm_wire_get_int(&w, "monitor", 0, &pid, NULL) < 0 ||
	    pm_wire_get_int(&w, "monitor_start", 0, &start, NULL) < 0 || pid <= 1)
		return -1;
	return pm_proc_pidfd((pid_t)pid, (uint64_t)start, NULL);
}

static bool has_exit(const char *ctr_dir)
{
	_cleanup_free_ char *path = pm_asprintf("%s/exit", ctr_dir);
	return access(path, F_OK) == 0;
}

static void begin_follow(struct reading *r, struct source *s)
{
	const char *slash = strrchr(s->of->path, '/');
	_cleanup_free_ char *dir =
		slash ? pm_strndup(s->of->path, (size_t)(slash - s->of->path) + 1) : pm_strdup(".");
	inotify_add_watch(r->inotify, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	inotify_add_watch(r->inotify, s->of->ctr_dir, IN_MOVED_TO | IN_ONLYDIR);
	s->monitor = monitor_pidfd(s->of->ctr_dir);
	s->following = s->monitor >= 0;
}

/* Is what s has now all that it will ever have? */
static bool has_ended(const struct source *s)
{
	if (s->helper)
		return s->ended;
	struct pollfd p = {.fd = s->monitor, .events = POLLIN};
	return s->monitor < 0 || poll(&p, 1, 0) != 0 || has_exit(s->of->ctr_dir);
}

/* --- reading ------------------------------------------------------------------------- */

static int emit(struct reading *r, struct source *s, struct pm_err *err)
{
	const struct pm_logs_opts *o = r->opts;
	int64_t ns = entry_ns(&s->entry);
	if (o->has_until && ns >= o->until) {
		s->done = true;
		return 0;
	}
	if (o->has_since && ns < o->since)
		return 0;
	return o->entry(o->arg, (size_t)(s - r->v), &s->entry, err);
}

/* What is there now, of all sources, oldest first. */
static int read_merged(struct reading *r, struct pm_err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		int q = next_entry(&r->v[i], err);
		if (q < 0)
			return q;
	}
	for (;;) {
		struct source *oldest = NULL;
		for (size_t i = 0; i < r->n; i++) {
			struct source *s = &r->v[i];
			if (!s->have || s->done)
				continue;
			if (!oldest || entry_ns(&s->entry) < entry_ns(&oldest->entry))
				oldest = s;
		}
		if (!oldest)
			return 0;
		int q = emit(r, oldest, err);
		if (q >= 0)
			q = next_entry(oldest, err);
		if (q < 0)
			return q;
	}
}

static int read_new(struct reading *r, struct source *s, struct pm_err *err)
{
	bool last = has_ended(s);
	do {
		int q;
		while (!s->done && (q = next_entry(s, err)) != 0) {
			if (q > 0)
				q = emit(r, s, err);
			if (q < 0)
				return q;
		}
	} while (!s->done && look_for_rotation(s));
	s->done = s->done || last;
	return 0;
}

/* The monitor writes a last entry that ends pm-journal. When it was killed none will come: what the journal
 * has by then is read, and that is all. */
static void end_late_helper(struct source *s)
{
	struct pollfd dead = {.fd = s->monitor, .events = POLLIN};
	struct pollfd more = {.fd = s->fds[0], .events = POLLIN};
	if (s->ended || (s->monitor >= 0 && poll(&dead, 1, 0) == 0))
		return;
	if (poll(&more, 1, LAST_ENTRY_MS) == 0)
		kill(s->helper, SIGTERM);
}

static int wait_for_more(struct reading *r, struct pm_err *err)
{
	_cleanup_free_ struct pollfd *p = pm_calloc(2 * r->n + 1, sizeof(*p));
	size_t n = 0;
	int timeout = -1;

	if (r->opts->has_until) {
		int64_t left = r->opts->until - pm_time_now();
		if (left <= 0)
			return 0;
		int64_t ms = left / 1000000 + 1;
		timeout = ms > INT32_MAX ? INT32_MAX : (int)ms;
	}
	p[n++] = (struct pollfd){.fd = r->inotify, .events = POLLIN};
	for (size_t i = 0; i < r->n; i++) {
		struct source *s = &r->v[i];
		if (s->done)
			continue;
		if (s->helper)
			p[n++] = (struct pollfd){.fd = s->fds[0], .events = POLLIN};
		p[n++] = (struct pollfd){.fd = s->monitor, .events = POLLIN};
	}
	if (poll(p, n, timeout) < 0 && errno != EINTR)
		return pm_fail_sys(err, "wait for the log");
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].helper && !r->v[i].done)
			end_late_helper(&r->v[i]);

	char events[4096];
	while (read(r->inotify, events, sizeof(events)) > 0)
		;
	return 1;
}

static int follow(struct reading *r, struct pm_err *err)
{
	for (size_t i = 0; i < r->n; i++)
		r->v[i].done = r->v[i].done || !r->v[i].following;
	for (;;) {
		bool all = true;
		for (size_t i = 0; i < r->n; i++) {
			struct source *s = &r->v[i];
			int q = s->done ? 0 : read_new(r, s, err);
			if (q < 0)
				return q;
			all = all && s->done;
		}
		if (all)
			return 0;
		int q = wait_for_more(r, err);
		if (q <= 0)
			return q;
	}
}

/* When the last run began, ns; 0: not since boot. */
static int64_t started_at(const char *ctr_dir)
{
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, ctr_dir, O_PATH | O_DIRECTORY, 0, NULL);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int64_t started;
	if (dir < 0 || read_state(dir, &w) < 0 || pm_wire_get_int(&w, "started", 0, &started, NULL) < 0)
		return 0;
	return started;
}

/* The journal's entries as one file, a pipe. */
static int open_journal(struct reading *r, struct source *s, struct pm_err *err)
{
	const struct pm_logs_opts *o = r->opts;
	_cleanup_free_ char *path = pm_proc_helper("pm-journal");
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	int fds[2];
	pm_strv_add(&argv, "pm-journal");
	pm_strv_add(&argv, "logs");
	pm_strv_add(&argv, s->of->id);
	pm_strv_addf(&argv, "%lld", o->has_since ? (long long)o->since : 0LL);
	pm_strv_addf(&argv, "%lld", (long long)o->tail);
	pm_strv_addf(&argv, "%lld", (long long)started_at(s->of->ctr_dir));
	bool follow = o->follow && s->following, live = s->monitor >= 0;
	if (!o->follow) {
		int monitor = monitor_pidfd(s->of->ctr_dir);
		live = monitor >= 0;
		if (live)
			close(monitor);
	}
	pm_strv_add(&argv, follow ? "follow" : live ? "end" : "ended");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	if (follow)
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
	_cleanup_close_ int out = fds[1];
	s->fds = pm_calloc(1, sizeof(int));
	s->fds[s->n_fds++] = fds[0];
	struct pm_proc_fd give[] = {{out, 1}, {2, 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = pm_strv_argv(&argv);
	spec.fds = give;
	spec.n_fds = PM_ARRAY_SIZE(give);
	spec.death_signal = SIGTERM;
	return pm_proc_spawn(&spec, &s->helper, NULL, err);
}

static int read_all(struct reading *r, const struct pm_logs_source *sources, struct pm_err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		struct source *s = &r->v[i];
		s->of = &sources[i];
		s->monitor = -1;
		if (s->of->driver == PM_LOG_DRIVER_NONE)
			return pm_fail(err, PM_E_STATE,
				       "container %s is using the 'none' log driver, cannot read "
				       "logs: this container is not logging output",
				       s->of->name);
	}
	if (r->opts->follow) {
		r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (r->inotify < 0)
			return pm_fail_sys(err, "watch the log");
	}
	for (size_t i = 0; i < r->n; i++) {
		struct source *s = &r->v[i];
		if (r->opts->follow)
			begin_follow(r, s);
		int q = 0;
		if (s->of->driver == PM_LOG_DRIVER_JOURNALD)
			q = open_journal(r, s, err);
		else
			open_newer(s, NULL);
		if (q >= 0 && r->opts->tail >= 0 && !s->helper)
			q = seek_tail(s, r->opts->tail, err);
		if (q < 0)
			return q;
	}
	int q = read_merged(r, err);
	if (q >= 0 && r->opts->follow)
		q = follow(r, err);
	return q;
}

int pm_logs_read(const struct pm_logs_source *sources, size_t n, const struct pm_logs_opts *opts,
		 struct pm_err *err)
{
	struct reading r = {
		.opts = opts, .v = pm_calloc(n, sizeof(struct source)), .n = n, .inotify = -1};
	for (size_t i = 0; i < n; i++)
		r.v[i].monitor = -1;
	int q = read_all(&r, sources, err);
	for (size_t i = 0; i < n; i++) {
		struct source *s = &r.v[i];
		while (s->at < s->n_fds)
			close(s->fds[s->at++]);
		free(s->fds);
		pm_buf_free(&s->buf);
		pm_buf_free(&s->scratch);
		if (s->monitor >= 0)
			close(s->monitor);
		if (s->helper > 0) {
			kill(s->helper, SIGTERM);
			pm_proc_wait(s->helper, NULL, NULL);
		}
	}
	free(r.v);
	if (r.inotify >= 0)
		close(r.inotify);
	return q < 0 ? q : 0;
}
