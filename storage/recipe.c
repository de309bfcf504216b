/* Writing recipes: storage/recipe.h. */
#include "storage/recipe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/mem.h"

enum {
	RAW_SIZE = 32 << 10,
	OUT_SIZE = 64 << 10,
	COPY_SIZE = 64 << 10,
	WINDOW_LOG = 17,
	LEB_MAX = 10,
};

struct pm_recipe_writer {
	int fd;
	uint64_t left; /* bytes that may still be written */
	ZSTD_CCtx *ctx;
	uint8_t raw[RAW_SIZE]; /* not yet a record */
	size_t n_raw;
	uint64_t data_offset, data_len; /* not yet a record; len 0: none */
	uint8_t out[OUT_SIZE];
	size_t n_out;
	uint64_t size, files, lost;
	struct pm_err failed; /* the first */
	bool given_up;
};

static size_t put_leb(uint8_t *p, uint64_t v)
{
	size_t n = 0;
	do {
		p[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (p[n++] & 0x80);
	return n;
}

static void put_u64(uint8_t *p, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static bool unusable(const struct pm_recipe_writer *w)
{
	return w->given_up || w->failed.code;
}

static void flush_out(struct pm_recipe_writer *w)
{
	if (unusable(w) || w->n_out == 0)
		return;
	if (w->n_out > w->left)
		pm_fail(&w->failed, ENOSPC, "No space left on device: the layer's recipe");
	else if (pm_fs_write_all(w->fd, w->out, w->n_out, &w->failed) < 0)
		pm_wrap(&w->failed, "write the layer's recipe");
	w->left -= w->n_out < w->left ? w->n_out : w->left;
	w->n_out = 0;
}

static void compress(struct pm_recipe_writer *w, const void *data, size_t len,
		     ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {.src = data, .size = len};
	while (!unusable(w)) {
		ZSTD_outBuffer out = {.dst = w->out, .size = OUT_SIZE, .pos = w->n_out};
		size_t r = ZSTD_compressStream2(w->ctx, &out, &in, end);
		w->n_out = out.pos;
		if (ZSTD_isError(r)) {
			pm_fail(&w->failed, PM_E_INTERNAL, "compress the layer's recipe: %s",
				ZSTD_getErrorName(r));
			return;
		}
		if (w->n_out == OUT_SIZE)
			flush_out(w);
		else if (end == ZSTD_e_end ? r == 0 : in.pos == in.size)
			return;
	}
}

static void put_head(struct pm_recipe_writer *w, enum pm_recipe_kind kind, uint64_t len)
{
	uint8_t head[LEB_MAX];
	compress(w, head, put_leb(head, len << 2 | kind), ZSTD_e_continue);
}

static void put_number(struct pm_recipe_writer *w, uint64_t n)
{
	uint8_t leb[LEB_MAX];
	compress(w, leb, put_leb(leb, n), ZSTD_e_continue);
}

/* What was gathered becomes a record; of raw bytes and data only one is ever pending. */
static void flush_pending(struct pm_recipe_writer *w)
{
	if (w->n_raw > 0) {
		put_head(w, PM_RECIPE_RAW, w->n_raw);
		compress(w, w->raw, w->n_raw, ZSTD_e_continue);
		w->n_raw = 0;
	}
	if (w->data_len > 0) {
		put_head(w, PM_RECIPE_DATA, w->data_len);
		put_number(w, w->data_offset);
		w->data_len = 0;
	}
}

int pm_recipe_writer_new(int fd, uint64_t max_bytes, struct pm_recipe_writer **ret,
			 struct pm_err *err)
{
	struct pm_recipe_writer *w = PM_NEW(struct pm_recipe_writer);
	w->fd = fd;
	w->left = max_bytes;
	w->ctx = ZSTD_createCCtx();
	if (!w->ctx || ZSTD_isError(ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, 1)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_windowLog, WINDOW_LOG)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 1))) {
		pm_recipe_writer_free(w);
		return pm_fail_errno(err, ENOMEM, "zstd");
	}
	memcpy(w->out, PM_RECIPE_MAGIC, 8);
	memset(w->out + 8, 0, 8);
	w->out[8] = PM_RECIPE_VERSION;
	w->n_out = PM_RECIPE_HEAD_SIZE;
	*ret = w;
	return 0;
}

void pm_recipe_writer_free(struct pm_recipe_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->ctx);
	free(w);
}

void pm_recipe_raw(void *arg, const void *data, size_t len)
{
	struct pm_recipe_writer *w = arg;
	if (w->data_len > 0)
		flush_pending(w);
	w->size += len;
	for (const uint8_t *p = data; len > 0;) {
		size_t n = len < RAW_SIZE - w->n_raw ? len : RAW_SIZE - w->n_raw;
		memcpy(w->raw + w->n_raw, p, n);
		w->n_raw += n;
		p += n;
		len -= n;
		if (w->n_raw == RAW_SIZE)
			flush_pending(w);
	}
}

void pm_recipe_file(struct pm_recipe_writer *w, const char *path, ino_t ino)
{
	size_t len = strlen(path);
	flush_pending(w);
	put_head(w, PM_RECIPE_FILE, len);
	compress(w, path, len, ZSTD_e_continue);
	put_number(w, ino);
	w->files++;
}

void pm_recipe_data(struct pm_recipe_writer *w, uint64_t offset, uint64_t len)
{
	w->size += len;
	if (w->data_len > 0 && offset == w->data_offset + w->data_len) {
		w->data_len += len;
		return;
	}
	flush_pending(w);
	w->data_offset = offset;
	w->data_len = len;
}

void pm_recipe_lost(struct pm_recipe_writer *w, int fd, ino_t ino, uint64_t size)
{
	if (unusable(w) || size == 0)
		return;
	if (++w->lost > PM_RECIPE_LOST_MAX) {
		w->given_up = true;
		return;
	}
	flush_pending(w);
	put_head(w, PM_RECIPE_LOST, size);
	put_number(w, ino);
	_cleanup_free_ uint8_t *buf = pm_malloc(COPY_SIZE);
	for (uint64_t at = 0; at < size && !unusable(w);) {
		size_t want = size - at < COPY_SIZE ? (size_t)(size - at) : COPY_SIZE;
		ssize_t n = pread(fd, buf, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			pm_fail_sys(&w->failed, "read a file that a later entry replaces");
			return;
		}
		compress(w, buf, (size_t)n, ZSTD_e_continue);
		at += (uint64_t)n;
	}
}

void pm_recipe_give_up(struct pm_recipe_writer *w)
{
	w->given_up = true;
}

int pm_recipe_check(struct pm_recipe_writer *w, struct pm_err *err)
{
	return w->failed.code ? pm_fail(err, w->failed.code, "%s", w->failed.text) : 0;
}

int pm_recipe_finish(struct pm_recipe_writer *w, struct pm_err *err)
{
	flush_pending(w);
	compress(w, NULL, 0, ZSTD_e_end);
	flush_out(w);
	memcpy(w->out, PM_RECIPE_END, 8);
	put_u64(w->out + 8, w->size);
	put_u64(w->out + 16, w->files);
	put_u64(w->out + 24, w->lost);
	w->n_out = PM_RECIPE_TAIL_SIZE;
	flush_out(w);
	return pm_recipe_check(w, err);
}
