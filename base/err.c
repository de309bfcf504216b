#include "base/err.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

/* A child's message: a header and the text, at most one PIPE_BUF together, so it is atomic. */
struct err_header {
	uint32_t magic;
	int32_t code;
	uint32_t length;
};

#define ERR_MAGIC 0x706d6572u

int pm_fail(struct pm_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		err->code = code;
	}
	return -code;
}

static int fail_errno(struct pm_err *err, int errnum, const char *fmt, va_list ap)
{
	if (!err)
		return -errnum;

	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(err->text)) {
		/* strerrordesc_np is async-signal-safe and ignores the locale */
		const char *desc = strerrordesc_np(errnum);
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
			 desc ? desc : "unknown error");
	}
	err->code = errnum;
	return -errnum;
}

int pm_fail_errno(struct pm_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = fail_errno(err, errnum, fmt, ap);
	va_end(ap);
	return r;
}

int pm_fail_sys(struct pm_err *err, const char *fmt, ...)
{
	int errnum = errno ? errno : EIO;
	va_list ap;
	va_start(ap, fmt);
	int r = fail_errno(err, errnum, fmt, ap);
	va_end(ap);
	return r;
}

int pm_wrap(struct pm_err *err, const char *fmt, ...)
{
	if (!err)
		return -PM_E_INTERNAL;

	char old[sizeof(err->text)];
	memcpy(old, err->text, sizeof(old));

	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", old);
	return -err->code;
}

void pm_err_clear(struct pm_err *err)
{
	if (err) {
		err->code = 0;
		err->text[0] = '\0';
	}
}

int pm_err_send(int fd, const struct pm_err *err)
{
	struct {
		struct err_header h;
		char text[sizeof(err->text)];
	} m = {.h = {.magic = ERR_MAGIC, .code = err->code}};

	m.h.length = (uint32_t)strnlen(err->text, sizeof(err->text));
	memcpy(m.text, err->text, m.h.length);

	const char *p = (const char *)&m;
	size_t left = sizeof(m.h) + m.h.length;
	while (left > 0) {
		ssize_t n = write(fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

int pm_err_recv(int fd, struct pm_err *err)
{
	struct err_header h;
	ssize_t n = pm_read_full(fd, &h, sizeof(h));
	if (n == 0)
		return 0;
	if (n < 0)
		return pm_fail_errno(err, (int)-n, "read a child's error");
	if ((size_t)n != sizeof(h) || h.magic != ERR_MAGIC || h.code <= 0 ||
	    h.length > sizeof(err->text) - 1)
		return pm_fail(err, PM_E_INTERNAL, "a child's error message is malformed");

	char text[sizeof(err->text)];
	n = pm_read_full(fd, text, h.length);
	if (n != (ssize_t)h.length)
		return pm_fail(err, PM_E_INTERNAL, "a child's error message is cut short");
	text[h.length] = '\0';
	return pm_fail(err, h.code, "%s", text);
}
