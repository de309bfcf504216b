#include "engine/transfer/deflate_stream.h"

#include <string.h>

#include "base/buf.h"
#include "storage/deflate.h"

enum { CHUNK = 256 << 10 };

struct pm_deflate_stream {
	struct pm_stream in;
	enum pm_compression kind;
	int level;
	struct pm_deflate *z; /* NULL: not begun, or all is in out */
	bool ended;
	struct pm_buf out; /* compressed and not read yet, from out_at on */
	size_t out_at;
	int64_t at;
	char *buf;
};

int pm_deflate_stream_new(const struct pm_stream *in, enum pm_compression kind, int level,
			  struct pm_deflate_stream **ret, struct pm_err *err)
{
	int actual, r = pm_deflate_level(kind, level, &actual, err);
	if (r < 0)
		return r;
	struct pm_deflate_stream *s = PM_NEW(struct pm_deflate_stream);
	s->in = *in;
	s->kind = kind;
	s->level = actual;
	s->buf = pm_malloc(CHUNK);
	*ret = s;
	return 0;
}

void pm_deflate_stream_free(struct pm_deflate_stream *s)
{
	if (!s)
		return;
	pm_deflate_free(s->z);
	pm_buf_free(&s->out);
	free(s->buf);
	free(s);
}

static int take(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct pm_deflate_stream *s = arg;
	(void)err;
	pm_buf_add(&s->out, data, len);
	return 0;
}

static int refill(struct pm_deflate_stream *s, struct pm_err *err)
{
	int r = 0;
	pm_buf_cut(&s->out, 0);
	s->out_at = 0;
	if (!s->z)
		r = pm_deflate_new(s->kind, s->level, s->kind == PM_COMPRESSION_ZSTD ? 1 : 2, take, s,
				   &s->z, err);
	if (r < 0)
		return r;
	ssize_t n = s->in.read(s->in.arg, s->buf, CHUNK, err);
	if (n > 0)
		return pm_deflate_add(s->z, s->buf, (size_t)n, err);
	s->ended = n == 0;
	return n < 0 ? (int)n : pm_deflate_finish(s->z, err);
}

static ssize_t deflate_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_deflate_stream *s = arg;
	while (s->out_at == s->out.len && !s->ended) {
		int r = refill(s, err);
		if (r < 0)
			return r;
	}
	size_t n = s->out.len - s->out_at;
	if (n > len)
		n = len;
	if (n)
		memcpy(buf, s->out.data + s->out_at, n);
	s->out_at += n;
	s->at += (int64_t)n;
	return (ssize_t)n;
}

/* The output depends on the input only: once more from the start, passing over what comes before offset. */
static int deflate_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_deflate_stream *s = arg;
	char skip[4096];
	if (!s->in.rewind)
		return pm_fail(err, PM_E_STATE, "the data cannot be read twice");
	int r = s->in.rewind(s->in.arg, 0, err);
	pm_deflate_free(s->z);
	s->z = NULL;
	s->ended = false;
	pm_buf_cut(&s->out, 0);
	s->out_at = 0;
	s->at = 0;
	while (r >= 0 && s->at < offset) {
		int64_t left = offset - s->at;
		ssize_t n = deflate_read(s, skip, left < 4096 ? (size_t)left : sizeof(skip), err);
		if (n <= 0)
			return n < 0 ? (int)n : pm_fail(err, PM_E_FORMAT, "the data is shorter now");
	}
	return r;
}

struct pm_stream pm_deflate_stream(struct pm_deflate_stream *s)
{
	return (struct pm_stream){deflate_read, deflate_rewind, s};
}
