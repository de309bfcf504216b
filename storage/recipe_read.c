/* Reading recipes: storage/recipe.h. */
#include "storage/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/mem.h"

enum {
	IN_SIZE = 64 << 10,
	OUT_SIZE = 64 << 10,
	COPY_SIZE = 256 << 10,
	WINDOW_LOG_MAX = 18,
};

/* A file of which an archive had several; in order of the files after the first pass. */
struct lost {
	uint64_t ino;
	uint64_t before; /* FILE records before this one */
	uint64_t file;   /* index of the FILE record it belongs to; UINT64_MAX: none */
	uint64_t at, len; /* in the spool */
};

struct replay {
	const struct pm_recipe_source *src;
	pm_recipe_sink_fn *sink;
	void *arg;

	/* the records, decompressed */
	ZSTD_DCtx *ctx;
	off_t in_at, in_end;
	bool frame_ended;
	uint8_t *in, *out;
	ZSTD_inBuffer zin;
	size_t at, len; /* unread part of out */

	uint64_t size, files, n_lost; /* what its end says */
	struct lost *lost;
	uint8_t *copy;

	/* of the last FILE */
	int fd;           /* -1: none */
	bool fd_borrowed; /* the spool */
	uint64_t base;    /* where its content begins in fd */
	uint64_t file_size;
	uint64_t index; /* of the next FILE */
	size_t next_lost;
	uint64_t yielded;
};

static int malformed(struct pm_err *err, const char *what)
{
	return pm_fail(err, PM_E_FORMAT, "the layer's recipe is damaged: %s", what);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void rewind_records(struct replay *p, off_t end)
{
	ZSTD_DCtx_reset(p->ctx, ZSTD_reset_session_only);
	p->in_at = PM_RECIPE_HEAD_SIZE;
	p->in_end = end;
	p->frame_ended = false;
	p->zin = (ZSTD_inBuffer){.src = p->in};
	p->at = p->len = 0;
}

/* More of out. 0: the records have ended. */
static int refill(struct replay *p, struct pm_err *err)
{
	while (p->at == p->len) {
		if (p->frame_ended) {
			if (p->zin.pos != p->zin.size || p->in_at != p->in_end)
				return malformed(err, "bytes follow its records");
			return 0;
		}
		if (p->zin.pos == p->zin.size && p->in_at < p->in_end) {
			off_t left = p->in_end - p->in_at;
			ssize_t n = pread(p->src->recipe, p->in, left < IN_SIZE ? (size_t)left : IN_SIZE,
					  p->in_at);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return pm_fail_sys(err, "read the layer's recipe");
			if (n == 0)
				return malformed(err, "it ends early");
			p->in_at += n;
			p->zin.size = (size_t)n;
			p->zin.pos = 0;
		}
		ZSTD_outBuffer out = {.dst = p->out, .size = OUT_SIZE};
		size_t before = p->zin.pos;
		size_t r = ZSTD_decompressStream(p->ctx, &out, &p->zin);
		if (ZSTD_isError(r))
			return malformed(err, ZSTD_getErrorName(r));
		p->frame_ended = r == 0;
		if (!p->frame_ended && out.pos == 0 && p->zin.pos == before && p->in_at == p->in_end)
			return malformed(err, "it ends early");
		p->at = 0;
		p->len = out.pos;
	}
	return 1;
}

/* 1 and a LEB128 number, 0 at the end. */
static int get_number(struct replay *p, uint64_t *ret, struct pm_err *err)
{
	uint64_t v = 0;
	for (unsigned int shift = 0;; shift += 7) {
		int r = refill(p, err);
		if (r < 0)
			return r;
		if (r == 0)
			return shift == 0 ? 0 : malformed(err, "it ends within a number");
		uint8_t b = p->out[p->at++];
		if (shift > 63 || (shift == 63 && b > 1))
			return malformed(err, "a number is too large");
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return 1;
		}
	}
}

static int need_number(struct replay *p, uint64_t *ret, struct pm_err *err)
{
	int r = get_number(p, ret, err);
	return r == 0 ? malformed(err, "it ends within a record") : r;
}

/* The next at most max bytes, where they are. */
static int get_bytes(struct replay *p, uint64_t max, const uint8_t **ret, size_t *ret_len,
		     struct pm_err *err)
{
	*ret = NULL;
	*ret_len = 0;
	int r = refill(p, err);
	if (r <= 0)
		return r < 0 ? r : malformed(err, "it ends within a record");
	*ret = p->out + p->at;
	*ret_len = max < p->len - p->at ? (size_t)max : p->len - p->at;
	p->at += *ret_len;
	return 1;
}

/* Pass over, or give to fn. */
static int each_bytes(struct replay *p, uint64_t len, pm_recipe_sink_fn *fn, void *arg,
		      struct pm_err *err)
{
	while (len > 0) {
		const uint8_t *data;
		size_t n;
		int r = get_bytes(p, len, &data, &n, err);
		if (r >= 0 && fn)
			r = fn(arg, data, n, err);
		if (r < 0)
			return r;
		len -= n;
	}
	return 0;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;
	for (size_t i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static int read_at(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;
	do
		n = pread(fd, buf, len, at);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -1;
}

/* Head and tail; *ret_end: where the records end. */
static int read_frame(struct replay *p, off_t *ret_end, struct pm_err *err)
{
	uint8_t head[PM_RECIPE_HEAD_SIZE], tail[PM_RECIPE_TAIL_SIZE];
	struct stat st;
	if (fstat(p->src->recipe, &st) < 0)
		return pm_fail_sys(err, "look at the layer's recipe");
	if (!S_ISREG(st.st_mode) || st.st_size < PM_RECIPE_HEAD_SIZE + PM_RECIPE_TAIL_SIZE ||
	    read_at(p->src->recipe, head, sizeof(head), 0) < 0 ||
	    read_at(p->src->recipe, tail, sizeof(tail), st.st_size - PM_RECIPE_TAIL_SIZE) < 0)
		return malformed(err, "it is too short");
	if (memcmp(head, PM_RECIPE_MAGIC, 8) != 0 || memcmp(tail, PM_RECIPE_END, 8) != 0)
		return malformed(err, "it was not completed");
	if (get_u64(head + 8) != PM_RECIPE_VERSION)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "the layer's recipe is of version %llu, which this pm does not know",
			       (unsigned long long)get_u64(head + 8));
	p->size = get_u64(tail + 8);
	p->files = get_u64(tail + 16);
	p->n_lost = get_u64(tail + 24);
	if (p->n_lost > PM_RECIPE_LOST_MAX)
		return malformed(err, "it replaces too many files");
	*ret_end = st.st_size - PM_RECIPE_TAIL_SIZE;
	return 0;
}

/* --- content that was replaced ---------------------------------------------------------------- */

struct spool {
	int fd;
	uint64_t at, max;
};

static int to_spool(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct spool *s = arg;
	if (len > s->max - s->at)
		return malformed(err, "it replaces more than the layer holds");
	s->at += len;
	return pm_fs_write_all(s->fd, data, len, err);
}

/* Any record but LOST, passed over; *files counts. */
static int pass_over(struct replay *p, uint64_t head, uint64_t *ino, struct pm_err *err)
{
	uint64_t len = head >> 2;
	switch ((enum pm_recipe_kind)(head & 3)) {
	case PM_RECIPE_RAW:
		return each_bytes(p, len, NULL, NULL, err);
	case PM_RECIPE_FILE: {
		int r = each_bytes(p, len, NULL, NULL, err);
		return r < 0 ? r : need_number(p, ino, err);
	}
	case PM_RECIPE_DATA:
	case PM_RECIPE_LOST:
		break;
	}
	return need_number(p, ino, err);
}

/* First pass: what was lost, into the spool. */
static int collect_lost(struct replay *p, struct pm_err *err)
{
	struct spool spool = {.fd = p->src->spool, .max = p->size};
	uint64_t head, ino, files = 0, n = 0;
	if (spool.fd < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "the layer's recipe holds replaced files");
	p->lost = pm_calloc(p->n_lost, sizeof(*p->lost));
	int r;
	while ((r = get_number(p, &head, err)) == 1) {
		r = pass_over(p, head, &ino, err);
		files += (head & 3) == PM_RECIPE_FILE;
		if (r >= 0 && (head & 3) == PM_RECIPE_LOST) {
			if (n == p->n_lost)
				return malformed(err, "its end does not fit");
			p->lost[n++] = (struct lost){.ino = ino,
						     .before = files,
						     .file = UINT64_MAX,
						     .at = spool.at,
						     .len = head >> 2};
			r = each_bytes(p, head >> 2, to_spool, &spool, err);
		}
		if (r < 0)
			return r;
	}
	if (r >= 0 && n != p->n_lost)
		r = malformed(err, "its end does not fit");
	return r;
}

static int by_ino(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;
	return x->ino != y->ino ? (x->ino < y->ino ? -1 : 1)
	     : x->before != y->before ? (x->before < y->before ? -1 : 1)
				      : 0;
}

static int by_file(const void *a, const void *b)
{
	const struct lost *x = a, *y = b;
	return x->file != y->file ? (x->file < y->file ? -1 : 1) : by_ino(a, b);
}

/* Second pass: the file each belongs to, the last with that inode before it. */
static int place_lost(struct replay *p, struct pm_err *err)
{
	uint64_t head, ino = 0, files = 0;
	size_t n = (size_t)p->n_lost;
	qsort(p->lost, n, sizeof(*p->lost), by_ino);
	int r;
	while ((r = get_number(p, &head, err)) == 1) {
		r = pass_over(p, head, &ino, err);
		if (r >= 0 && (head & 3) == PM_RECIPE_LOST)
			r = each_bytes(p, head >> 2, NULL, NULL, err);
		if (r < 0)
			return r;
		if ((head & 3) != PM_RECIPE_FILE)
			continue;
		/* the first of that inode that comes after this file */
		size_t low = 0, high = n;
		const struct lost key = {.ino = ino, .before = files + 1};
		while (low < high) {
			size_t mid = low + (high - low) / 2;
			if (by_ino(&p->lost[mid], &key) < 0)
				low = mid + 1;
			else
				high = mid;
		}
		if (low < n && p->lost[low].ino == ino)
			p->lost[low].file = files;
		files++;
	}
	if (r >= 0)
		qsort(p->lost, n, sizeof(*p->lost), by_file);
	return r;
}

/* --- the stream ------------------------------------------------------------------------------- */

static int yield(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct replay *p = arg;
	if (len > p->size - p->yielded)
		return malformed(err, "it makes more than it says");
	p->yielded += len;
	return p->sink(p->arg, data, len, err);
}

static void close_file(struct replay *p)
{
	if (p->fd >= 0 && !p->fd_borrowed)
		close(p->fd);
	p->fd = -1;
}

static int open_file(struct replay *p, uint64_t len, struct pm_err *err)
{
	char path[PATH_MAX];
	uint64_t ino;
	if (len == 0 || len >= sizeof(path))
		return malformed(err, "a path is too long");
	for (size_t at = 0, n; at < len; at += n) {
		const uint8_t *data;
		int r = get_bytes(p, len - at, &data, &n, err);
		if (r < 0)
			return r;
		memcpy(path + at, data, n);
	}
	path[len] = '\0';
	if (strlen(path) != len)
		return malformed(err, "a path holds a NUL");
	int r = need_number(p, &ino, err);
	if (r < 0)
		return r;
	close_file(p);
	uint64_t index = p->index++;
	while (p->next_lost < p->n_lost && p->lost[p->next_lost].file < index)
		p->next_lost++;
	if (p->next_lost < p->n_lost && p->lost[p->next_lost].file == index) {
		const struct lost *l = &p->lost[p->next_lost++];
		p->fd = p->src->spool;
		p->fd_borrowed = true;
		p->base = l->at;
		p->file_size = l->len;
		return 0;
	}
	struct stat st;
	p->fd_borrowed = false;
	p->base = 0;
	p->fd = pm_fs_open_in(p->src->diff, path, O_RDONLY | O_NOFOLLOW, 0, err);
	if (p->fd < 0)
		return pm_wrap(err, "a file of the layer");
	if (fstat(p->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return pm_fail(err, PM_E_FORMAT, "'%.300s' of the layer is no regular file any more",
			       path);
	p->file_size = (uint64_t)st.st_size;
	return 0;
}

static int yield_data(struct replay *p, uint64_t len, struct pm_err *err)
{
	uint64_t offset;
	int r = need_number(p, &offset, err);
	if (r < 0)
		return r;
	if (p->fd < 0 || offset > p->file_size || len > p->file_size - offset)
		return pm_fail(err, PM_E_FORMAT, "a file of the layer is shorter than it was");
	for (off_t at = (off_t)(p->base + offset); len > 0;) {
		ssize_t n = pread(p->fd, p->copy, len < COPY_SIZE ? (size_t)len : COPY_SIZE, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pm_fail_sys(err, "read a file of the layer");
		if (n == 0)
			return pm_fail(err, PM_E_FORMAT, "a file of the layer has shrunk");
		r = yield(p, p->copy, (size_t)n, err);
		if (r < 0)
			return r;
		at += n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int replay_record(struct replay *p, uint64_t head, struct pm_err *err)
{
	uint64_t len = head >> 2, ino;
	int r;
	switch ((enum pm_recipe_kind)(head & 3)) {
	case PM_RECIPE_RAW:
		return each_bytes(p, len, yield, p, err);
	case PM_RECIPE_FILE:
		return open_file(p, len, err);
	case PM_RECIPE_DATA:
		return yield_data(p, len, err);
	case PM_RECIPE_LOST:
		break;
	}
	r = need_number(p, &ino, err);
	return r < 0 ? r : each_bytes(p, len, NULL, NULL, err);
}

static int replay_all(struct replay *p, struct pm_err *err)
{
	off_t end = 0;
	uint64_t head;
	int r = read_frame(p, &end, err);
	if (r < 0)
		return r;
	rewind_records(p, end);
	if (p->n_lost > 0) {
		r = collect_lost(p, err);
		if (r < 0)
			return r;
		rewind_records(p, end);
		r = place_lost(p, err);
		if (r < 0)
			return r;
		rewind_records(p, end);
	}
	while ((r = get_number(p, &head, err)) == 1) {
		r = replay_record(p, head, err);
		if (r < 0)
			return r;
	}
	if (r >= 0 && p->yielded != p->size)
		r = malformed(err, "it makes less than it says");
	return r;
}

int pm_recipe_replay(const struct pm_recipe_source *src, pm_recipe_sink_fn *sink, void *arg,
		     uint64_t *ret_size, struct pm_err *err)
{
	struct replay p = {.src = src, .sink = sink, .arg = arg, .fd = -1};
	p.ctx = ZSTD_createDCtx();
	if (!p.ctx ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(p.ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		ZSTD_freeDCtx(p.ctx);
		return pm_fail_errno(err, ENOMEM, "zstd");
	}
	p.in = pm_malloc(IN_SIZE);
	p.out = pm_malloc(OUT_SIZE);
	p.copy = pm_malloc(COPY_SIZE);
	int r = replay_all(&p, err);
	if (r >= 0)
		*ret_size = p.yielded;
	close_file(&p);
	free(p.lost);
	free(p.copy);
	free(p.out);
	free(p.in);
	ZSTD_freeDCtx(p.ctx);
	return r < 0 ? r : 0;
}
