#include "engine/events/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/timefmt.h"
#include "engine/events/events.h"
#include "engine/labels.h"

#define READ_SIZE 65536
#define LINE_MAX_BYTES (4u << 20)

struct reading {
	const struct pm_events_query *q;
	struct pm_buf buf; /* what is not yet a whole line */
	bool done;         /* until has been reached */
};

/* --- one event ----------------------------------------------------------------------- */

static void copy_text(struct pm_json_pool *pool, const struct pm_json *from, const char *name,
		      struct pm_json *to, const char *as)
{
	const char *s = pm_json_get_str(from, name);
	if (s && *s)
		pm_json_set_str(pool, to, as, s);
}

int pm_event_parse(struct pm_json_pool *pool, const char *line, size_t len, struct pm_json **ret,
		   int64_t *ret_time, struct pm_err *err)
{
	struct pm_json *in;
	int r = pm_json_parse(pool, line, len, &in, err);
	if (r < 0)
		return r;
	const char *when = pm_json_get_str(in, "Time");
	if (!when || !pm_json_get_str(in, "Status") || !pm_json_get_str(in, "Type"))
		return pm_fail(err, PM_E_FORMAT, "no event");
	r = pm_time_parse_rfc3339(when, ret_time, NULL, err);
	if (r < 0)
		return r;

	struct pm_json *ev = pm_json_object(pool);
	const struct pm_json *code = pm_json_get(in, "ContainerExitCode");
	int64_t n;
	if (code && pm_json_as_int(code, &n, NULL) >= 0)
		pm_json_set_int(pool, ev, "ContainerExitCode", n);
	copy_text(pool, in, "ID", ev, "ID");
	copy_text(pool, in, "Image", ev, "Image");
	copy_text(pool, in, "Name", ev, "Name");
	copy_text(pool, in, "network", ev, "Network");
	copy_text(pool, in, "PodID", ev, "PodID");
	copy_text(pool, in, "Status", ev, "Status");
	copy_text(pool, in, "Time", ev, "Time");
	copy_text(pool, in, "Type", ev, "Type");
	copy_text(pool, in, "health_status", ev, "HealthStatus");
	copy_text(pool, in, "health_log", ev, "HealthLog");
	struct pm_json *labels = pm_json_get(in, "Attributes");
	if (pm_json_is(labels, PM_JSON_OBJECT)) {
		labels->hint = PM_JSON_MAP;
		pm_json_set(pool, ev, "Attributes", labels);
	}
	*ret = ev;
	return 0;
}

static bool text_is(const struct pm_json *ev, const char *name, const char *value)
{
	return pm_streq(pm_json_get_str(ev, name), value);
}

static bool id_begins(const struct pm_json *ev, const char *value)
{
	const char *id = pm_json_get_str(ev, "ID");
	return id && *value && pm_startswith(id, value);
}

/* of: the type of object that the key names, NULL: any. */
static bool match_object(const struct pm_json *ev, const char *of, const char *value)
{
	return text_is(ev, "Type", of) && (text_is(ev, "Name", value) || id_begins(ev, value));
}

static bool match_event(const struct pm_json *ev, const char *of, const char *value)
{
	(void)of;
	/* the manual says "exited" for what the events call "died" */
	return text_is(ev, "Status", strcmp(value, "exited") == 0 ? "died" : value);
}

static bool match_type(const struct pm_json *ev, const char *of, const char *value)
{
	(void)of;
	return text_is(ev, "Type", value);
}

static bool match_network(const struct pm_json *ev, const char *of, const char *value)
{
	return text_is(ev, "Network", value) || match_object(ev, of, value);
}

static bool match_label(const struct pm_json *ev, const char *of, const char *value)
{
	(void)of;
	return pm_labels_has(pm_json_get(ev, "Attributes"), value);
}

static const struct {
	const char *key, *of;
	bool (*match)(const struct pm_json *ev, const char *of, const char *value);
} filters_known[] = {
	{"container", "container", match_object}, {"event", NULL, match_event},
	{"image", "image", match_object},	  {"label", NULL, match_label},
	{"network", "network", match_network},	  {"pod", "pod", match_object},
	{"secret", "secret", match_object},	  {"type", NULL, match_type},
	{"volume", "volume", match_object},
};

/* The filter's index in filters_known, -1: none. */
static int filter_key(const char *filter)
{
	size_t len = strcspn(filter, "=");
	for (size_t i = 0; i < PM_ARRAY_SIZE(filters_known); i++)
		if (strlen(filters_known[i].key) == len &&
		    strncasecmp(filters_known[i].key, filter, len) == 0)
			return (int)i;
	return -1;
}

int pm_events_check_filters(const struct pm_strv *filters, struct pm_err *err)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i];
		if (!strchr(f, '='))
			return pm_fail(err, PM_E_USAGE, "%s is an invalid filter: must be filter=value", f);
		if (filter_key(f) < 0)
			return pm_fail(err, PM_E_USAGE, "%.*s is an invalid filter", (int)strcspn(f, "="), f);
	}
	return 0;
}

bool pm_event_matches(const struct pm_json *ev, const struct pm_strv *filters)
{
	bool wanted[PM_ARRAY_SIZE(filters_known)] = {0}, matched[PM_ARRAY_SIZE(filters_known)] = {0};
	for (size_t i = 0; filters && i < filters->n; i++) {
		int k = filter_key(filters->v[i]);
		const char *value = strchr(filters->v[i], '=');
		if (k < 0 || !value)
			continue;
		wanted[k] = true;
		matched[k] |= filters_known[k].match(ev, filters_known[k].of, value + 1);
	}
	for (size_t k = 0; k < PM_ARRAY_SIZE(filters_known); k++)
		if (wanted[k] && !matched[k])
			return false;
	return true;
}

static int handle_line(struct reading *r, const char *line, size_t len, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	const struct pm_events_query *q = r->q;
	struct pm_json *ev;
	int64_t when;
	if (pm_event_parse(pool, line, len, &ev, &when, NULL) < 0)
		return 0;
	if (q->has_until && when > q->until) {
		r->done = true;
		return 0;
	}
	if ((q->has_since && when < q->since) || !pm_event_matches(ev, q->filters))
		return 0;
	return q->event(q->arg, ev, err);
}

/* What fd has now, by lines. Returns whether anything came, or < 0. */
static int read_lines(struct reading *r, int fd, struct pm_err *err)
{
	int any = 0;
	while (!r->done) {
		if (r->buf.len > LINE_MAX_BYTES)
			pm_buf_cut(&r->buf, 0); /* no line of ours */
		char *to = pm_buf_reserve(&r->buf, READ_SIZE);
		ssize_t n = read(fd, to, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read events");
		if (n == 0)
			break;
		any = 1;
		r->buf.len += (size_t)n;
		char *line = r->buf.data, *end = line + r->buf.len, *nl;
		for (; !r->done && (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1) {
			int q = handle_line(r, line, (size_t)(nl - line), err);
			if (q < 0)
				return q;
		}
		memmove(r->buf.data, line, (size_t)(end - line));
		r->buf.len = (size_t)(end - line);
	}
	return any;
}

/* ms until the stream is to end; -1: never, 0: now. */
static int time_left(const struct pm_events_query *q)
{
	if (!q->has_until)
		return -1;
	int64_t left = q->until - pm_time_now();
	int64_t ms = left / 1000000 + 1;
	return left <= 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* --- the file ------------------------------------------------------------------------ */

/* Opens path when it is another file than fd, or fd is -1. */
static int open_next(const char *path, int fd)
{
	struct stat a, b;
	int next = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (next < 0)
		return -1;
	if (fstat(next, &b) < 0 || !S_ISREG(b.st_mode) ||
	    (fd >= 0 && fstat(fd, &a) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)) {
		close(next);
		return -1;
	}
	return next;
}

static int follow_file(struct reading *r, const char *path, int watch, int *fd, struct pm_err *err)
{
	for (;;) {
		int q = *fd >= 0 ? read_lines(r, *fd, err) : 0;
		if (q < 0 || r->done)
			return q;
		int next = open_next(path, *fd);
		if (next >= 0) {
			/* what came between the last read and the rename */
			if (*fd >= 0 && (q = read_lines(r, *fd, err)) < 0) {
				close(next);
				return q;
			}
			if (*fd >= 0)
				close(*fd);
			*fd = next;
			pm_buf_cut(&r->buf, 0);
			continue;
		}
		int ms = time_left(r->q);
		if (ms == 0)
			return 0;
		struct pollfd p = {.fd = watch, .events = POLLIN};
		if (poll(&p, 1, ms) < 0 && errno != EINTR)
			return pm_fail_sys(err, "wait for events");
		char drop[4096];
		while (read(watch, drop, sizeof(drop)) > 0)
			;
	}
}

static int read_file(struct reading *r, const char *path, struct pm_err *err)
{
	const struct pm_events_query *q = r->q;
	_cleanup_free_ char *old = pm_asprintf("%s.1", path);
	_cleanup_free_ char *dir = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	_cleanup_close_ int watch = -1, fd = -1;
	bool past = q->has_since || q->has_until || !q->stream;

	if (q->stream) {
		int made = pm_fs_mkdirs(AT_FDCWD, dir, 0700, err);
		if (made < 0)
			return made;
		watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (watch < 0 || inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE) < 0)
			return pm_fail_sys(err, "watch %s", dir);
	}
	/* the live file first: should it be renamed now, it is not the one taken for the old */
	fd = open_next(path, -1);
	if (past) {
		_cleanup_close_ int before = open_next(old, fd);
		int n = before >= 0 ? read_lines(r, before, err) : 0;
		pm_buf_cut(&r->buf, 0);
		if (n >= 0 && fd >= 0)
			n = read_lines(r, fd, err);
		if (n < 0)
			return n;
	} else if (fd >= 0) {
		lseek(fd, 0, SEEK_END);
	}
	if (!q->stream || r->done)
		return 0;
	int n = follow_file(r, path, watch, &fd, err);
	return n < 0 ? n : 0;
}

/* --- the journal --------------------------------------------------------------------- */

static int read_journal(struct reading *r, struct pm_err *err)
{
	const struct pm_events_query *q = r->q;
	_cleanup_free_ char *path = pm_proc_helper("pm-journal");
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	bool past = q->has_since || q->has_until || !q->stream;
	int pipe_fds[2];

	pm_strv_add(&argv, "pm-journal");
	pm_strv_add(&argv, "events");
	pm_strv_addf(&argv, "%lld", q->has_since ? (long long)q->since : past ? 0LL : -1LL);
	pm_strv_add(&argv, q->stream ? "follow" : "end");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	_cleanup_close_ int in = pipe_fds[0], out = pipe_fds[1];
	struct pm_proc_fd fds[] = {{out, 1}, {2, 2}};
	struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
	spec.path = path;
	spec.argv = pm_strv_argv(&argv);
	spec.fds = fds;
	spec.n_fds = 2;
	spec.death_signal = SIGTERM;
	pid_t pid;
	int status, n = pm_proc_spawn(&spec, &pid, NULL, err);
	if (n < 0)
		return n;
	close(pm_steal_fd(&out));
	fcntl(in, F_SETFL, O_NONBLOCK);

	for (;;) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		int ms = q->stream ? time_left(q) : -1;
		if (ms == 0)
			break;
		n = poll(&p, 1, ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			continue;
		n = read_lines(r, in, err);
		if (n == -EAGAIN) {
			pm_err_clear(err);
			continue;
		}
		if (n <= 0 || r->done)
			break;
	}
	kill(pid, SIGTERM);
	pm_proc_wait(pid, &status, NULL);
	if (n >= 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "the journal cannot be read");
	return n < 0 ? n : 0;
}

int pm_events_read(struct pm_engine *e, const struct pm_events_query *q, struct pm_err *err)
{
	struct reading r = {.q = q};
	enum pm_events_backend backend;
	_cleanup_free_ char *path = NULL;
	int64_t max;
	int n = pm_events_backend(e, &backend, &path, &max, err);
	if (n < 0)
		return n;
	switch (backend) {
	case PM_EVENTS_NONE:
		return pm_fail(err, PM_E_STATE,
			       "cannot read events with the \"none\" backend: see events_logger in "
			       "containers.conf(5)");
	case PM_EVENTS_FILE:
		n = read_file(&r, path, err);
		break;
	case PM_EVENTS_JOURNALD:
		n = read_journal(&r, err);
		break;
	}
	pm_buf_free(&r.buf);
	return n;
}
