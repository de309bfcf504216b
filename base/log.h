/*
 * log - diagnostics on stderr, below the errors that cli/main.c prints.
 *
 * The level, and whether syslog gets the messages, too, is the process's only global state. Messages go out in one write, so that lines of
 * several processes do not mix. Format: time="RFC 3339" level=LEVEL msg="..." as Podman's.
 */
#ifndef PM_BASE_LOG_H
#define PM_BASE_LOG_H

#include "base/err.h"

enum pm_log_level {
	PM_LOG_TRACE,
	PM_LOG_DEBUG,
	PM_LOG_INFO,
	PM_LOG_WARN, /* the default */
	PM_LOG_ERROR,
	PM_LOG_FATAL,
	PM_LOG_PANIC,
};

void pm_log_set_level(enum pm_log_level level);
enum pm_log_level pm_log_get_level(void);

/* From now on messages go to syslog (/dev/log) as well. Fails where nobody listens. */
int pm_log_open_syslog(struct pm_err *err);

/* Parse a --log-level argument (case-insensitive; "warning" too). PM_E_USAGE when unknown. */
int pm_log_parse_level(const char *name, enum pm_log_level *ret_level, struct pm_err *err);

void pm_log(enum pm_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define pm_debug(...) pm_log(PM_LOG_DEBUG, __VA_ARGS__)
#define pm_info(...) pm_log(PM_LOG_INFO, __VA_ARGS__)
#define pm_warn(...) pm_log(PM_LOG_WARN, __VA_ARGS__)
#define pm_error(...) pm_log(PM_LOG_ERROR, __VA_ARGS__)

#endif
