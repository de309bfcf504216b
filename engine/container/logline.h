/*
 * logline - one line of a container's log taken apart. Formats: logfile.h.
 *
 * A container writes what it likes into its log's text, and the file may be damaged: every line is
 * checked, any byte may come. Libc-only, allocates nothing.
 */
#ifndef PM_ENGINE_CONTAINER_LOGLINE_H
#define PM_ENGINE_CONTAINER_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/monitor/launch.h"

enum pm_log_stream {
	PM_LOG_STDOUT = 0,
	PM_LOG_STDERR = 1,
};

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
