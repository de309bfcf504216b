#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static enum pm_log_level log_level = PM_LOG_WARN;

static const char *const level_names[] = {
	[PM_LOG_TRACE] = "trace", [PM_LOG_DEBUG] = "debug", [PM_LOG_INFO] = "info",
	[PM_LOG_WARN] = "warning", [PM_LOG_ERROR] = "error", [PM_LOG_FATAL] = "fatal",
	[PM_LOG_PANIC] = "panic",
};

void pm_log_set_level(enum pm_log_level level)
{
	log_level = level;
}

enum pm_log_level pm_log_get_level(void)
{
	return log_level;
}

int pm_log_parse_level(const char *name, enum pm_log_level *ret_level, struct pm_err *err)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcasecmp(name, level_names[i]) == 0) {
			*ret_level = (enum pm_log_level)i;
			return 0;
		}
	}
	if (strcasecmp(name, "warn") == 0) {
		*ret_level = PM_LOG_WARN;
		return 0;
	}
	return pm_fail(err, PM_E_USAGE,
		       "log level \"%s\" is not supported: choose from trace, debug, info, warn, "
		       "error, fatal, panic",
		       name);
}

void pm_log(enum pm_log_level level, const char *fmt, ...)
{
	if (level < log_level)
		return;

	char text[2048], line[4400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	struct timespec now;
	struct tm tm;
	char stamp[40] = "", zone[8] = "";
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);

	int n = snprintf(line, sizeof(line), "time=\"%s%.3s:%s\" level=%s msg=\"", stamp, zone,
			 zone[0] ? zone + 3 : "", level_names[level]);
	/* a message can carry a hostile image's text: keep it one line and printable */
	for (const char *p = text; *p && n < (int)sizeof(line) - 8; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			line[n++] = '\\';
		if (c < 0x20 || c == 0x7f)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "\\x%02x", c);
		else
			line[n++] = (char)c;
	}
	line[n++] = '"';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}
