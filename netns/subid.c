#include "netns/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line longer than this is skipped: neither a passwd nor a subid line needs more. */
#define LINE_MAX_LEN 4096

struct lines {
	int fd;
	size_t have, at; /* bytes in buf, and those given out */
	bool skipping;   /* inside a line that is too long */
	char buf[LINE_MAX_LEN];
};

/* The next line, NUL-terminated in place; NULL at the end or when reading fails (*ret_errno). */
static char *next_line(struct lines *l, int *ret_errno)
{
	for (;;) {
		char *start = l->buf + l->at;
		char *nl = memchr(start, '\n', l->have - l->at);
		if (nl) {
			*nl = '\0';
			l->at = (size_t)(nl - l->buf) + 1;
			if (!l->skipping)
				return start;
			l->skipping = false;
			continue;
		}
		memmove(l->buf, start, l->have - l->at);
		l->have -= l->at;
		l->at = 0;
		if (l->have == sizeof(l->buf) - 1) {
			l->skipping = true;
			l->have = 0;
		}
		ssize_t n = read(l->fd, l->buf + l->have, sizeof(l->buf) - 1 - l->have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*ret_errno = errno;
			return NULL;
		}
		if (n == 0) {
			bool last = l->have > 0 && !l->skipping;
			l->buf[l->have] = '\0';
			l->at = l->have;
			return last ? l->buf : NULL;
		}
		l->have += (size_t)n;
	}
}

/* Digits only, to the end or up to sep. NULL when it is no number below 2^32. */
static const char *number(const char *s, char sep, uint32_t *ret)
{
	uint64_t n = 0;
	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return NULL;
	}
	if (*s != sep)
		return NULL;
	*ret = (uint32_t)n;
	return sep ? s + 1 : s;
}

void pm_subid_free(struct pm_subid *s)
{
	free(s->v);
	*s = (struct pm_subid)PM_SUBID_INIT;
}

char *pm_subid_user_name(uid_t uid)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		struct lines l = {.fd = fd};
		char *found = NULL, *line;
		int errnum = 0;
		while (!found && (line = next_line(&l, &errnum))) {
			/* NAME:PASSWORD:UID:... */
			uint32_t id;
			char *pw = strchr(line, ':');
			char *num = pw ? strchr(pw + 1, ':') : NULL;
			if (num && pw > line && number(num + 1, ':', &id) && id == uid)
				found = pm_strndup(line, (size_t)(pw - line));
		}
		close(fd);
		if (found)
			return found;
	}
	const char *user = getenv("USER");
	if (user && *user)
		return pm_strdup(user);
	return pm_asprintf("%u", uid);
}

int pm_subid_read(const char *file, uid_t uid, const char *name, struct pm_subid *ret,
		  struct pm_err *err)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : pm_fail_sys(err, "open %s", file);

	struct lines l = {.fd = fd};
	char *line;
	int errnum = 0;
	while ((line = next_line(&l, &errnum))) {
		char *rest = strchr(line, ':');
		if (!rest)
			continue;
		*rest++ = '\0';
		uint32_t id;
		struct pm_subid_range r;
		if (strcmp(line, name) != 0 && !(number(line, '\0', &id) && id == uid))
			continue;
		const char *count = number(rest, ':', &r.start);
		if (!count || !number(count, '\0', &r.count) || r.count == 0)
			continue;
		/* 2^32-1 means "no id" to the kernel */
		if ((uint64_t)r.start + r.count > UINT32_MAX)
			continue;
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(r));
		ret->v[ret->n++] = r;
	}
	return errnum ? pm_fail_errno(err, errnum, "read %s", file) : 0;
}
