#include "storage/inflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "storage/inflate_kind.h"

struct pm_inflate {
	pm_inflate_source_fn *source;
	void *arg;
	struct pm_inflate_opts opts;
	enum pm_compression kind;
	const struct pm_inflate_kind *ops;
	void *state;
	struct pm_buf head; /* the first chunk, when it had to be put together */
	const uint8_t *in;
	size_t left;
	bool source_ended, ended;
	uint64_t total_in, total_out;
};

enum {
	DETECT_BYTES = 6,
};

enum pm_compression pm_compression_detect(const void *data, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		enum pm_compression kind;
	} table[] = {
		{"\x1f\x8b\x08", 3, PM_COMPRESSION_GZIP},
		{"\x28\xb5\x2f\xfd", 4, PM_COMPRESSION_ZSTD},
		{"BZh", 3, PM_COMPRESSION_FOREIGN},
		{"\xfd"
		 "7zXZ",
		 6, PM_COMPRESSION_FOREIGN},
		{"\x5d\0\0", 3, PM_COMPRESSION_FOREIGN}, /* lzma */
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(table); i++)
		if (len >= table[i].len && memcmp(data, table[i].magic, table[i].len) == 0)
			return table[i].kind;
	/* a skippable frame of zstd: sixteen magic numbers */
	const uint8_t *b = data;
	if (len >= 4 && (b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18)
		return PM_COMPRESSION_ZSTD;
	return PM_COMPRESSION_NONE;
}

ssize_t pm_inflate_peek(struct pm_inflate *z, const uint8_t **ret, struct pm_err *err)
{
	if (z->left == 0 && !z->source_ended) {
		const void *data;
		ssize_t n = z->source(z->arg, &data, err);
		if (n < 0)
			return n;
		z->in = data;
		z->left = (size_t)n;
		z->total_in += (size_t)n;
		z->source_ended = n == 0;
	}
	*ret = z->in;
	return (ssize_t)z->left;
}

void pm_inflate_used(struct pm_inflate *z, size_t n)
{
	z->in += n;
	z->left -= n;
}

static int ends_early(struct pm_err *err, const char *kind)
{
	return pm_fail(err, PM_E_FORMAT, "%s data: the stream ends too early", kind);
}

/* --- none ------------------------------------------------------------------------------------- */

static ssize_t plain_read(struct pm_inflate *z, void *state, void *buf, size_t size,
			  struct pm_err *err)
{
	(void)state;
	const uint8_t *in;
	ssize_t n = pm_inflate_peek(z, &in, err);
	if (n <= 0)
		return n;
	if ((size_t)n > size)
		n = (ssize_t)size;
	memcpy(buf, in, (size_t)n);
	pm_inflate_used(z, (size_t)n);
	return n;
}

static const struct pm_inflate_kind plain = {.read = plain_read};

/* --- gzip ------------------------------------------------------------------------------------- */

struct gzip {
	struct inflate_state s;
	/* Kept over calls: with ISAL_GZIP, isal_inflate loses a header's flags when it comes in
	 * pieces. */
	struct isal_gzip_header header;
	bool in_header;
};

static void gzip_begin_member(struct gzip *g)
{
	g->s.crc_flag = ISAL_GZIP_NO_HDR_VER; /* the trailer is checked */
	isal_gzip_header_init(&g->header);
	g->in_header = true;
}

static void *gzip_new(struct pm_inflate *z, struct pm_err *err)
{
	(void)z, (void)err;
	struct gzip *g = PM_NEW(struct gzip);
	isal_inflate_init(&g->s);
	gzip_begin_member(g);
	return g;
}

static const char *gzip_problem(int code)
{
	switch (code) {
	case ISAL_INCORRECT_CHECKSUM:
		return "a wrong checksum";
	case ISAL_INVALID_WRAPPER:
	case ISAL_UNSUPPORTED_METHOD:
		return "a malformed header";
	default:
		return "malformed content";
	}
}

/* A member has ended: 1 when another begins, 0 when the stream has ended. */
static int gzip_next_member(struct pm_inflate *z, struct gzip *g, struct pm_err *err)
{
	const uint8_t *in;
	ssize_t n = pm_inflate_peek(z, &in, err);
	if (n <= 0)
		return (int)n;
	if (in[0] != 0x1f)
		return pm_fail(err, PM_E_FORMAT, "gzip data: something else follows its end");
	isal_inflate_reset(&g->s);
	gzip_begin_member(g);
	return 1;
}

static ssize_t gzip_read(struct pm_inflate *z, void *state, void *buf, size_t size,
			 struct pm_err *err)
{
	struct gzip *g = state;
	struct inflate_state *s = &g->s;
	s->next_out = buf;
	s->avail_out = (uint32_t)size;
	unsigned int idle = 0;
	while (s->avail_out > 0) {
		if (!g->in_header && s->block_state == ISAL_BLOCK_FINISH) {
			int more = gzip_next_member(z, g, err);
			if (more < 0)
				return more;
			if (more == 0)
				break;
		}
		const uint8_t *in;
		ssize_t n = pm_inflate_peek(z, &in, err);
		if (n < 0)
			return n;
		uint32_t room = s->avail_out;
		s->next_in = (uint8_t *)in;
		s->avail_in = (uint32_t)n;
		int r = g->in_header ? isal_read_gzip_header(s, &g->header) : isal_inflate(s);
		if (g->in_header)
			g->in_header = r != ISAL_DECOMP_OK;
		if (r < 0)
			return pm_fail(err, PM_E_FORMAT, "gzip data: %s", gzip_problem(r));
		pm_inflate_used(z, (size_t)n - s->avail_in);
		/* a damaged stream must not make this loop without an end */
		idle = s->avail_in == (uint32_t)n && s->avail_out == room ? idle + 1 : 0;
		if (idle > 8 && n > 0)
			return pm_fail(err, PM_E_FORMAT, "gzip data: %s", gzip_problem(r));
		/* at the end of the source it may still hold output back */
		if (n == 0 && s->avail_out == room &&
		    (g->in_header || s->block_state != ISAL_BLOCK_FINISH))
			return ends_early(err, "gzip");
	}
	return (ssize_t)(size - s->avail_out);
}

static const struct pm_inflate_kind gzip = {.new = gzip_new, .free = free, .read = gzip_read};

/* --- zstd ------------------------------------------------------------------------------------- */

struct zstd {
	ZSTD_DCtx *ctx;
	bool in_frame;
};

static void *zstd_new(struct pm_inflate *z, struct pm_err *err)
{
	(void)z;
	struct zstd *s = PM_NEW(struct zstd);
	s->ctx = ZSTD_createDCtx();
	s->in_frame = true;
	if (!s->ctx) {
		pm_fail(err, ENOMEM, "zstd: out of memory");
		free(s);
		return NULL;
	}
	return s;
}

static void zstd_free(void *state)
{
	struct zstd *s = state;
	ZSTD_freeDCtx(s->ctx);
	free(s);
}

static ssize_t zstd_read(struct pm_inflate *z, void *state, void *buf, size_t size,
			 struct pm_err *err)
{
	struct zstd *s = state;
	ZSTD_outBuffer out = {.dst = buf, .size = size};
	while (out.pos < size) {
		const uint8_t *from;
		ssize_t n = pm_inflate_peek(z, &from, err);
		if (n < 0)
			return n;
		if (n == 0 && !s->in_frame)
			break;
		ZSTD_inBuffer in = {.src = from, .size = (size_t)n};
		size_t before = out.pos;
		size_t r = ZSTD_decompressStream(s->ctx, &out, &in);
		if (ZSTD_isError(r))
			return pm_fail(err, PM_E_FORMAT, "zstd data: %s", ZSTD_getErrorName(r));
		s->in_frame = r != 0;
		pm_inflate_used(z, in.pos);
		if (n == 0 && s->in_frame && out.pos == before)
			return ends_early(err, "zstd");
	}
	return (ssize_t)out.pos;
}

static const struct pm_inflate_kind zstd = {.new = zstd_new, .free = zstd_free, .read = zstd_read};

/* --- all -------------------------------------------------------------------------------------- */

/* See enough of the stream to tell its kind. */
static int fill_head(struct pm_inflate *z, struct pm_err *err)
{
	const uint8_t *in;
	ssize_t n = pm_inflate_peek(z, &in, err);
	if (n < 0 || n >= DETECT_BYTES)
		return n < 0 ? (int)n : 0;
	while (n > 0) {
		pm_buf_add(&z->head, in, (size_t)n);
		pm_inflate_used(z, (size_t)n);
		if (z->head.len >= DETECT_BYTES)
			break;
		n = pm_inflate_peek(z, &in, err);
	}
	if (n < 0)
		return (int)n;
	z->in = (const uint8_t *)z->head.data;
	z->left = z->head.len;
	return 0;
}

int pm_inflate_new(pm_inflate_source_fn *source, void *arg, const struct pm_inflate_opts *opts,
		   struct pm_inflate **ret, struct pm_err *err)
{
	struct pm_inflate *z = PM_NEW(struct pm_inflate);
	z->source = source;
	z->arg = arg;
	z->opts = *opts;
	int r = fill_head(z, err);
	if (r < 0)
		goto fail;

	z->kind = pm_compression_detect(z->in, z->left);
	switch (z->kind) {
	case PM_COMPRESSION_NONE:
		z->ops = &plain;
		break;
	case PM_COMPRESSION_GZIP:
		z->ops = &gzip;
		break;
	case PM_COMPRESSION_ZSTD:
		z->ops = &zstd;
		break;
	case PM_COMPRESSION_FOREIGN:
		if (!opts->foreign) {
			r = pm_fail(err, PM_E_FORMAT,
				    "the compression is none of gzip, zstd, or none");
			goto fail;
		}
		z->ops = &pm_inflate_archive;
		break;
	}
	if (z->ops->new) {
		z->state = z->ops->new (z, err);
		if (!z->state) {
			r = err ? -err->code : -PM_E_INTERNAL;
			goto fail;
		}
	}
	*ret = z;
	return 0;
fail:
	pm_inflate_free(z);
	return r;
}

void pm_inflate_free(struct pm_inflate *z)
{
	if (!z)
		return;
	if (z->state)
		z->ops->free(z->state);
	pm_buf_free(&z->head);
	free(z);
}

enum pm_compression pm_inflate_kind(const struct pm_inflate *z)
{
	return z->kind;
}

ssize_t pm_inflate_read(struct pm_inflate *z, void *buf, size_t size, struct pm_err *err)
{
	size_t got = 0;
	while (got < size && !z->ended) {
		ssize_t n = z->ops->read(z, z->state, (char *)buf + got, size - got, err);
		if (n < 0)
			return n;
		z->ended = n == 0;
		got += (size_t)n;
	}
	z->total_out += got;
	if (z->opts.max_ratio && z->total_out > z->opts.ratio_floor &&
	    z->total_out / z->opts.max_ratio > z->total_in)
		return pm_fail(err, PM_E_FORMAT,
			       "%llu bytes inflate to more than %u times as much: refused",
			       (unsigned long long)z->total_in, z->opts.max_ratio);
	return (ssize_t)got;
}
