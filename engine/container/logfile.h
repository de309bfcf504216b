/*
 * logfile - the container's log: formats, the writer that runs in pm-monitor, and the line parser.
 *
 *	k8s-file   "2026-11-23T23:17:22.123456789+00:00 stdout F text\n"; P instead of F: the line
 *goes on in the next entry of that stream (Kubernetes CRI; as conmon writes it) json-file
 *{"log":"text\n","stream":"stdout","time":"2026-11-23T23:17:22.123456789Z"}\n as Docker; bytes that
 *are no UTF-8 become U+FFFD; "log" without \n: the line goes on
 *
 * The writer has one fixed buffer, allocates nothing and never fails the container: what cannot be
 * written (full disk) is counted as lost and said so in the log as soon as that is possible again.
 * Rotation: a file that would pass max_size is renamed to PATH.1 (PATH.1 to PATH.2, ...), at most
 * max_files of them kept; with 0 it is truncated. Libc-only.
 */
#ifndef PM_ENGINE_CONTAINER_LOGFILE_H
#define PM_ENGINE_CONTAINER_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/monitor/launch.h"

enum pm_log_stream {
	PM_LOG_STDOUT = 0,
	PM_LOG_STDERR = 1,
};

#define PM_LOGFILE_BUF 16384

struct pm_logfile {
	enum pm_log_driver driver;
	int fd, dirfd; /* -1 with NONE */
	char name[256]; /* in dirfd */
	char tag[256]; /* json-file: the escaped "attrs" member, or "" */
	int64_t max_size, size;
	int64_t max_files;
	bool partial[2]; /* the stream's last entry was P */
	uint64_t lost; /* bytes that could not be written */
	size_t len;
	char buf[PM_LOGFILE_BUF];
};

/* Open (append, 0600) or make path. tag may be NULL. */
int pm_logfile_open(struct pm_logfile *l, enum pm_log_driver driver, const char *path,
		    int64_t max_size, int64_t max_files, const char *tag, struct pm_err *err);
/* Add what stream gave; ends with everything handed to the kernel. */
void pm_logfile_write(struct pm_logfile *l, enum pm_log_stream stream, const void *data,
		      size_t len);
/* Both streams have ended: an open line is closed. */
void pm_logfile_end(struct pm_logfile *l);
void pm_logfile_close(struct pm_logfile *l);

/* One entry. text points into the line parsed (k8s-file) or into scratch (json-file). */
struct pm_log_entry {
	enum pm_log_stream stream;
	bool partial; /* the line goes on */
	int64_t sec; /* since the epoch */
	int32_t nsec;
	const char *time; /* as written, time_len bytes */
	size_t time_len;
	const char *text; /* without the newline; any bytes */
	size_t len;
};

/* Parse one line of len bytes (without its \n). scratch has room for len bytes. PM_E_FORMAT for
 * what is no entry. */
int pm_log_parse_line(enum pm_log_driver driver, const char *line, size_t len, char *scratch,
		      struct pm_log_entry *ret, struct pm_err *err);

/* RFC 3339 "2026-11-23T23:17:22[.frac](Z|+hh:mm)". -PM_E_FORMAT. */
int pm_log_parse_time(const char *s, size_t len, int64_t *ret_sec, int32_t *ret_nsec);

#endif
