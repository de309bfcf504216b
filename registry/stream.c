#include "registry/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static ssize_t file_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_stream_file *f = arg;
	if ((int64_t)len > f->size - f->at)
		len = (size_t)(f->size - f->at);
	if (!len)
		return 0;
	ssize_t n;
	do
		n = pread(f->fd, buf, len, f->start + f->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pm_fail_sys(err, "read");
	if (n == 0)
		return pm_fail(err, PM_E_FORMAT, "the file ends early");
	f->at += n;
	return n;
}

static int file_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_stream_file *f = arg;
	(void)err;
	f->at = offset;
	return 0;
}

struct pm_stream pm_stream_of_file(struct pm_stream_file *f)
{
	return (struct pm_stream){file_read, file_rewind, f};
}

static ssize_t text_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_stream_text *t = arg;
	(void)err;
	if (len > t->len - t->at)
		len = t->len - t->at;
	if (len)
		memcpy(buf, t->data + t->at, len);
	t->at += len;
	return (ssize_t)len;
}

static int text_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_stream_text *t = arg;
	(void)err;
	t->at = (size_t)offset;
	return 0;
}

struct pm_stream pm_stream_of_text(struct pm_stream_text *t)
{
	return (struct pm_stream){text_read, text_rewind, t};
}
