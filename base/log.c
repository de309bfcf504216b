#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static enum pm_log_level log_level = PM_LOG_WARN;
static int syslog_fd = -1;

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

int pm_log_open_syslog(struct pm_err *err)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		int r = pm_fail_sys(err, "connect to syslog at %s", to.sun_path);
		if (fd >= 0)
			close(fd);
		return r;
	}
	syslog_fd = fd;
	return 0;
}

/* RFC 3164, as syslog(3) writes it: the facility is "user". A reader that does not keep up loses the line. */
static void to_syslog(enum pm_log_level level, const char *line, size_t len)
{
	static const int priorities[] = {
		[PM_LOG_TRACE] = 7, [PM_LOG_DEBUG] = 7, [PM_LOG_INFO] = 6, [PM_LOG_WARN] = 4,
		[PM_LOG_ERROR] = 3, [PM_LOG_FATAL] = 2, [PM_LOG_PANIC] = 0,
	};
	char message[4500];
	if (syslog_fd < 0)
		return;
	int n = snprintf(message, sizeof(message), "<%d>pm[%d]: %.*s", 8 + priorities[level], (int)getpid(), (int)len,
			 line);
	send(syslog_fd, message, (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1, MSG_NOSIGNAL);
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
	to_syslog(level, line, (size_t)n);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}
