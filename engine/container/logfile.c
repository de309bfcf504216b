#include "engine/container/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/journal.h"

static const char *const stream_names[] = {"stdout", "stderr"};

/* --- writing ------------------------------------------------------------------------- */

static void flush(struct pm_logfile *l)
{
	const char *p = l->buf;
	size_t left = l->len;
	l->len = 0;
	while (left > 0) {
		ssize_t n = write(l->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* a full disk must not stop the container */
			l->lost += left;
			l->torn = true;
			return;
		}
		p += n;
		left -= (size_t)n;
		l->size += n;
	}
}

static void put(struct pm_logfile *l, const char *s, size_t len)
{
	while (len > 0) {
		size_t room = sizeof(l->buf) - l->len;
		if (room == 0) {
			flush(l);
			continue;
		}
		size_t n = len < room ? len : room;
		memcpy(l->buf + l->len, s, n);
		l->len += n;
		s += n;
		len -= n;
	}
}

static void put_str(struct pm_logfile *l, const char *s)
{
	put(l, s, strlen(s));
}

/* "2026-11-23T23:17:22.123456789+00:00"; the date's part is made once a second. */
static size_t stamp(struct pm_logfile *l, char *out, size_t size)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (l->stamp_sec != now.tv_sec || !l->stamp[0]) {
		struct tm tm;
		l->stamp_sec = now.tv_sec;
		if (l->driver == PM_LOG_DRIVER_JSON_FILE) {
			gmtime_r(&now.tv_sec, &tm);
			snprintf(l->zone, sizeof(l->zone), "Z");
		} else {
			localtime_r(&now.tv_sec, &tm);
			long off = tm.tm_gmtoff, abs_off = off < 0 ? -off : off;
			snprintf(l->zone, sizeof(l->zone), "%c%02d:%02d", off < 0 ? '-' : '+',
				 (int)(abs_off / 3600 % 24), (int)(abs_off / 60 % 60));
		}
		strftime(l->stamp, sizeof(l->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	int n = snprintf(out, size, "%s.%09ld%s", l->stamp, now.tv_nsec, l->zone);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static int open_file(struct pm_logfile *l)
{
	return openat(l->dirfd, l->name,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
}

/* PATH to PATH.1 and so on; then a fresh file. Readers that have the old one open finish it. */
static void rotate(struct pm_logfile *l)
{
	char from[300], to[300];
	for (int64_t i = l->max_files; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%lld", l->name, (long long)i);
		if (i > 1)
			snprintf(from, sizeof(from), "%s.%lld", l->name, (long long)i - 1);
		else
			snprintf(from, sizeof(from), "%s", l->name);
		renameat(l->dirfd, from, l->dirfd, to);
	}
	if (l->max_files <= 0)
		unlinkat(l->dirfd, l->name, 0);

	int fd = open_file(l);
	if (fd < 0)
		return; /* goes on in the old file; tried again with the next entry */
	dup3(fd, l->fd, O_CLOEXEC);
	close(fd);
	l->size = 0;
	l->torn = false;
}

/* Before each entry of about len bytes. */
static void begin_entry(struct pm_logfile *l, size_t len)
{
	if (l->max_size > 0 && l->size + (int64_t)(l->len + len) > l->max_size &&
	    l->size + (int64_t)l->len > 0) {
		flush(l);
		rotate(l);
	}
	if (l->torn) {
		l->torn = false;
		put(l, "\n", 1);
	}
}

/* --- k8s-file ------------------------------------------------------------------------------------ */

static void k8s_entry(struct pm_logfile *l, enum pm_log_stream stream, const char *prefix,
		      size_t prefix_len, const char *text, size_t len, bool partial)
{
	begin_entry(l, prefix_len + len + 3);
	put(l, prefix, prefix_len);
	put(l, partial ? "P " : "F ", 2);
	put(l, text, len);
	put(l, "\n", 1);
	l->partial[stream] = partial;
}

static size_t k8s_prefix(struct pm_logfile *l, enum pm_log_stream stream, char *out, size_t size)
{
	size_t n = stamp(l, out, size);
	int m = snprintf(out + n, size - n, " %s ", stream_names[stream]);
	return n + (size_t)m;
}

static void k8s_write(struct pm_logfile *l, enum pm_log_stream stream, const char *p, size_t len)
{
	char prefix[80];
	size_t prefix_len = k8s_prefix(l, stream, prefix, sizeof(prefix));
	while (len > 0) {
		const char *nl = memchr(p, '\n', len);
		size_t n = nl ? (size_t)(nl - p) : len;
		k8s_entry(l, stream, prefix, prefix_len, p, n, !nl);
		if (nl)
			n++;
		p += n;
		len -= n;
	}
}

/* --- json-file ----------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at p: 1 to 4; 0 when more bytes are needed; -1 when it is none. */
static int utf8_len(const unsigned char *p, size_t len)
{
	unsigned char c = p[0];
	int n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3
		: c >= 0xf0 && c < 0xf5 ? 4
					: -1;
	for (int i = 1; i < n; i++) {
		if ((size_t)i == len)
			return 0;
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		/* overlong forms, surrogates, beyond U+10FFFF */
		if (i == 1 && ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
			       (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f)))
			return -1;
	}
	return n;
}

static void json_char(struct pm_logfile *l, const unsigned char *p, size_t n)
{
	char esc[8];
	unsigned char c = p[0];
	if (n > 1) {
		put(l, (const char *)p, n);
	} else if (c == '"' || c == '\\') {
		esc[0] = '\\';
		esc[1] = (char)c;
		put(l, esc, 2);
	} else if (c == '\n' || c == '\r' || c == '\t') {
		put(l, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t", 2);
	} else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
		snprintf(esc, sizeof(esc), "\\u%04x", c);
		put(l, esc, 6);
	} else {
		put(l, (const char *)p, 1);
	}
}

/* One line (with its \n) or the piece of one. */
static void json_entry(struct pm_logfile *l, enum pm_log_stream stream, const char *when,
		       const unsigned char *p, size_t len)
{
	begin_entry(l, len + 100);
	put_str(l, "{\"log\":\"");

	unsigned char *carry = l->carry[stream];
	if (l->n_carry[stream] > 0) {
		/* the character that the last chunk began */
		size_t have = l->n_carry[stream], more = 0;
		unsigned char c[8];
		memcpy(c, carry, have);
		while (more < len && have + more < 4) {
			c[have + more] = p[more];
			more++;
		}
		int n = utf8_len(c, have + more);
		if (n > 0) {
			json_char(l, c, (size_t)n);
			p += (size_t)n - have;
			len -= (size_t)n - have;
			l->n_carry[stream] = 0;
		} else if (n == 0 && len > 0) {
			memcpy(carry, c, have + more);
			l->n_carry[stream] = (unsigned char)(have + more);
			len = 0;
		} else {
			put_str(l, "\\ufffd");
			l->n_carry[stream] = 0;
		}
	}
	while (len > 0) {
		int n = utf8_len(p, len);
		if (n == 0) {
			memcpy(carry, p, len);
			l->n_carry[stream] = (unsigned char)len;
			break;
		}
		if (n < 0) {
			put_str(l, "\\ufffd");
			n = 1;
		} else {
			json_char(l, p, (size_t)n);
		}
		p += n;
		len -= (size_t)n;
	}
	put_str(l, "\",\"stream\":\"");
	put_str(l, stream_names[stream]);
	put_str(l, "\",");
	put_str(l, l->tag);
	put_str(l, "\"time\":\"");
	put_str(l, when);
	put_str(l, "\"}\n");
}

static void json_write(struct pm_logfile *l, enum pm_log_stream stream, const char *p, size_t len)
{
	char when[64];
	when[stamp(l, when, sizeof(when) - 1)] = '\0';
	while (len > 0) {
		const char *nl = memchr(p, '\n', len);
		size_t n = nl ? (size_t)(nl - p) + 1 : len;
		json_entry(l, stream, when, (const unsigned char *)p, n);
		l->partial[stream] = !nl;
		p += n;
		len -= n;
	}
}

/* --- journald ------------------------------------------------------------------------ */

static void journal_send(struct pm_logfile *l, const char *head, const char *text, size_t len)
{
	const struct iovec v[] = {
		{(void *)(uintptr_t)l->fields, strlen(l->fields)},
		{(void *)(uintptr_t)head, strlen(head)},
		{(void *)(uintptr_t)text, len},
		{(void *)(uintptr_t)"\n", 1},
	};
	/* slower than the journal the container may be, for a second; then it goes on without */
	if (pm_journal_send(l->fd, v, PM_ARRAY_SIZE(v), true, NULL) < 0)
		l->lost += len;
}

static void journal_write(struct pm_logfile *l, enum pm_log_stream stream, const char *p, size_t len)
{
	char head[96];
	while (len > 0) {
		const char *nl = memchr(p, '\n', len);
		size_t n = nl ? (size_t)(nl - p) : len;
		/* the end of a line whose parts were sent already may be empty */
		snprintf(head, sizeof(head), "PRIORITY=%d\n%sMESSAGE=", stream == PM_LOG_STDERR ? 3 : 6,
			 nl ? "" : "CONTAINER_PARTIAL_MESSAGE=true\n");
		journal_send(l, head, p, n);
		l->partial[stream] = !nl;
		p += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
}

int pm_logfile_open_journal(struct pm_logfile *l, const char *fields, struct pm_err *err)
{
	memset(l, 0, offsetof(struct pm_logfile, buf));
	l->driver = PM_LOG_DRIVER_JOURNALD;
	l->dirfd = -1;
	l->fields = fields;
	l->fd = pm_journal_open(err);
	return l->fd < 0 ? l->fd : 0;
}

void pm_logfile_finish(struct pm_logfile *l, const char *id)
{
	char end[160];
	if (l->driver != PM_LOG_DRIVER_JOURNALD || l->fd < 0)
		return;
	int n = snprintf(end, sizeof(end), "PM_CONTAINER_END=%s\nPRIORITY=7\nMESSAGE=container ended\n", id);
	const struct iovec v = {end, (size_t)n};
	pm_journal_send(l->fd, &v, 1, true, NULL);
}

/* ------------------------------------------------------------------------------------- */

static void json_tag(struct pm_logfile *l, const char *tag)
{
	put_str(l, "\"attrs\":{\"tag\":\"");
	for (const unsigned char *p = (const unsigned char *)tag; *p;) {
		int n = utf8_len(p, strlen((const char *)p));
		if (n <= 0) {
			put_str(l, "\\ufffd");
			p++;
		} else {
			json_char(l, p, (size_t)n);
			p += n;
		}
	}
	put_str(l, "\"},");
}

/* A run that ended within a line left its last entry open, so that the log reads back as it was written; the
 * next run must not go on in that line. Looks at no more than the buffer holds. */
static void close_open_lines(struct pm_logfile *l)
{
	struct pm_log_entry e;
	off_t from = l->size > PM_LOGFILE_BUF ? l->size - PM_LOGFILE_BUF : 0;
	_cleanup_close_ int fd = openat(l->dirfd, l->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : pread(fd, l->buf, sizeof(l->buf), from);
	if (n <= 0)
		return;
	const char *p = l->buf, *end = l->buf + n;
	for (const char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		if (pm_log_parse_line(l->driver, p, (size_t)(nl - p), NULL, &e, NULL) >= 0)
			l->partial[e.stream] = e.partial;
	l->torn = end[-1] != '\n';
	for (int s = 0; s < 2; s++) {
		char prefix[80];
		if (!l->partial[s])
			continue;
		size_t len = k8s_prefix(l, (enum pm_log_stream)s, prefix, sizeof(prefix));
		k8s_entry(l, (enum pm_log_stream)s, prefix, len, "", 0, false);
	}
	flush(l);
}

int pm_logfile_open(struct pm_logfile *l, enum pm_log_driver driver, const char *path,
		    int64_t max_size, int64_t max_files, const char *tag, struct pm_err *err)
{
	memset(l, 0, offsetof(struct pm_logfile, buf));
	l->driver = driver;
	l->fd = l->dirfd = -1;
	l->max_size = max_size;
	l->max_files = max_files;
	if (driver == PM_LOG_DRIVER_NONE || driver == PM_LOG_DRIVER_PASSTHROUGH)
		return 0;

	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	if (strlen(base) == 0 || strlen(base) >= sizeof(l->name))
		return pm_fail(err, PM_E_USAGE, "log path '%s' names no file", path);
	memcpy(l->name, base, strlen(base) + 1);
	_cleanup_free_ char *dir = slash ? pm_strndup(path, (size_t)(slash - path) + 1)
					 : pm_strdup(".");
	if (driver == PM_LOG_DRIVER_JSON_FILE && tag && *tag) {
		json_tag(l, tag);
		if (l->len >= sizeof(l->tag))
			return pm_fail(err, PM_E_USAGE, "the log tag is too long");
		memcpy(l->tag, l->buf, l->len);
		l->len = 0;
	}

	l->dirfd = pm_fs_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0, err);
	if (l->dirfd < 0)
		return pm_wrap(err, "open the log's directory");
	l->fd = open_file(l);
	if (l->fd < 0) {
		int r = pm_fail_sys(err, "open log %s", path);
		pm_logfile_close(l);
		return r;
	}
	struct stat st;
	if (fstat(l->fd, &st) == 0)
		l->size = st.st_size;

	/* the time zone's file is read now, not when the container writes */
	char when[64];
	stamp(l, when, sizeof(when));
	if (l->size > 0 && driver == PM_LOG_DRIVER_K8S_FILE)
		close_open_lines(l);
	return 0;
}

void pm_logfile_write(struct pm_logfile *l, enum pm_log_stream stream, const void *data, size_t len)
{
	if (l->fd < 0 || len == 0)
		return;
	if (l->driver == PM_LOG_DRIVER_JOURNALD) {
		journal_write(l, stream, data, len);
		return;
	}
	if (l->driver == PM_LOG_DRIVER_JSON_FILE)
		json_write(l, stream, data, len);
	else
		k8s_write(l, stream, data, len);
	flush(l);
}

void pm_logfile_end(struct pm_logfile *l)
{
	if (l->fd < 0)
		return;
	for (int s = 0; s < 2; s++) {
		if (!l->partial[s])
			continue;
		if (l->n_carry[s] > 0) {
			char when[64];
			when[stamp(l, when, sizeof(when) - 1)] = '\0';
			json_entry(l, (enum pm_log_stream)s, when, NULL, 0);
		}
		l->partial[s] = false;
	}
	flush(l);
}

void pm_logfile_close(struct pm_logfile *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->dirfd >= 0)
		close(l->dirfd);
	l->fd = l->dirfd = -1;
}
