#include "engine/transfer/inflate_stream.h"

#include "base/mem.h"
#include "storage/inflate.h"

enum { CHUNK = 256 << 10, RATIO_MAX = 1100 };
/* As for layers that are extracted (engine/transfer/pipeline.c). */
static const uint64_t ratio_floor = 4ULL << 30;

struct pm_inflate_stream {
	struct pm_stream in;
	struct pm_inflate *z; /* NULL: not begun */
	char *buf;
	int64_t at;
};

struct pm_inflate_stream *pm_inflate_stream_new(const struct pm_stream *in)
{
	struct pm_inflate_stream *s = PM_NEW(struct pm_inflate_stream);
	s->in = *in;
	s->buf = pm_malloc(CHUNK);
	return s;
}

void pm_inflate_stream_free(struct pm_inflate_stream *s)
{
	if (!s)
		return;
	pm_inflate_free(s->z);
	free(s->buf);
	free(s);
}

static ssize_t take(void *arg, const void **ret_data, struct pm_err *err)
{
	struct pm_inflate_stream *s = arg;
	*ret_data = s->buf;
	return s->in.read(s->in.arg, s->buf, CHUNK, err);
}

static ssize_t inflate_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_inflate_stream *s = arg;
	if (!s->z) {
		struct pm_inflate_opts opts = {.max_ratio = RATIO_MAX, .ratio_floor = ratio_floor};
		int r = pm_inflate_new(take, s, &opts, &s->z, err);
		if (r < 0)
			return r;
	}
	ssize_t n = pm_inflate_read(s->z, buf, len, err);
	if (n > 0)
		s->at += n;
	return n;
}

/* From the start again, passing over what comes before offset. */
static int inflate_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_inflate_stream *s = arg;
	char skip[4096];
	if (!s->in.rewind)
		return pm_fail(err, PM_E_STATE, "the data cannot be read twice");
	int r = s->in.rewind(s->in.arg, 0, err);
	pm_inflate_free(s->z);
	s->z = NULL;
	s->at = 0;
	while (r >= 0 && s->at < offset) {
		int64_t left = offset - s->at;
		ssize_t n = inflate_read(s, skip, left < 4096 ? (size_t)left : sizeof(skip), err);
		if (n <= 0)
			return n < 0 ? (int)n : pm_fail(err, PM_E_FORMAT, "the data is shorter now");
	}
	return r;
}

struct pm_stream pm_inflate_stream(struct pm_inflate_stream *s)
{
	return (struct pm_stream){inflate_read, inflate_rewind, s};
}
