/*
 * err - the one error object. It is the last argument of every function that can fail.
 *
 * Such a function returns >= 0 on success and -code on failure, where code is an errno value or
 * one of enum pm_err_code. The text is set once, where the cause is known (pm_fail, pm_fail_sys),
 * and wrapped at module borders (pm_wrap), so that the reader sees
 *	mount image 'alpine': open layer '...': No such file or directory
 * Only cli/main.c prints an error and maps its code to an exit status. A NULL err is allowed and
 * means that the caller wants the code only.
 *
 * The object is a plain value with no heap memory: it can be sent over a socket from a child
 * (pm_err_send, pm_err_recv) and needs no freeing. Safe after fork; allocates nothing.
 */
#ifndef PM_BASE_ERR_H
#define PM_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* Codes beyond errno; all larger than any errno value. */
enum pm_err_code {
	PM_E_FIRST = 4096,
	PM_E_NOSUCH = PM_E_FIRST, /* no such container, image, ... */
	PM_E_INUSE,               /* the object is used by another */
	PM_E_EXISTS,              /* the name is taken */
	PM_E_STATE,               /* the object's state does not allow this */
	PM_E_USAGE,               /* the user's command line or input is wrong */
	PM_E_REMOTE,              /* a registry or another remote party refused or lied */
	PM_E_UNAUTH,              /* the remote party wants other credentials */
	PM_E_DIGEST,              /* content is not what its digest or size says */
	PM_E_FORMAT,              /* a document is malformed, or of a kind not supported */
	PM_E_UNSUPPORTED,         /* this host, kernel or build cannot do it */
	PM_E_AMBIGUOUS,           /* a short id or name means more than one object */
	PM_E_NOTEXEC,             /* the container's command cannot be executed: exit code 126 */
	PM_E_NOTFOUND,            /* the container's command was not found: exit code 127 */
	PM_E_CANCELLED,           /* ended by a signal of the user */
	PM_E_INTERNAL,            /* cannot happen; a defect of pm */
};

struct pm_err {
	int code;        /* 0: no error; else as above, positive */
	char text[2000]; /* one line, no trailing newline; cut at the end when too long */
};

#define PM_ERR_INIT {0}

/* Set code and text; returns -code. A text already in *err is replaced. */
int pm_fail(struct pm_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As pm_fail with code = errno and ": strerror(errno)" appended. Reads errno first. */
int pm_fail_sys(struct pm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As pm_fail_sys for an errno value held by the caller (positive). */
int pm_fail_errno(struct pm_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "fmt...: " before the text; returns -err->code, so "return pm_wrap(err, ...)" works.
 * With err == NULL returns -PM_E_INTERNAL. */
int pm_wrap(struct pm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forget the error. */
void pm_err_clear(struct pm_err *err);

/* Send *err as one message on socket or pipe fd. Async-signal-safe but for a partial write's
 * loop. Returns 0 or -errno. */
int pm_err_send(int fd, const struct pm_err *err);

/* Read what pm_err_send wrote: returns 0 when the peer closed without sending (no error
 * happened), otherwise fills *err and returns -code. */
int pm_err_recv(int fd, struct pm_err *err);

#endif
