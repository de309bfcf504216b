#include "storage/deflate.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

enum {
	GZIP_BLOCK = 512 << 10,
	ZSTD_BLOCK = 1 << 20,
	HISTORY = 32 << 10, /* how far deflate looks back */
	THREADS_MAX = 8,
	ZSTD_THREADS_MAX = 4,      /* its state is some MiB a thread, ... */
	ZSTD_HIGH_THREADS_MAX = 2, /* ... and from this level on some ten */
	ZSTD_HIGH = 8,
	ISAL_LEVEL_MAX = 5, /* of ours: libisal's own are 0 to 3 */
	SPARE = 64,
};

enum slot_state { FREE, FULL, BUSY, DONE };

struct slot {
	enum slot_state state; /* under mutex */
	uint8_t *in, *out;
	size_t n_in, n_out;
	uint8_t history[HISTORY]; /* of the block before */
	size_t n_history;
	const char *failed; /* what the library said */
};

struct worker {
	struct pm_deflate *z;
	pthread_t thread;
	struct isal_zstream isal;
	uint8_t *isal_buf;
	z_stream zlib;
	bool zlib_ready;
	ZSTD_CCtx *zstd;
};

struct pm_deflate {
	enum pm_compression kind;
	int level;
	pm_deflate_sink_fn *sink;
	void *arg;
	size_t block, room; /* bytes of a slot's in and out */

	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool quit; /* under mutex */
	size_t taken; /* under mutex: blocks that a worker has begun */
	struct slot *slots;
	size_t n_slots;
	struct worker workers[THREADS_MAX];
	unsigned int n_workers;

	/* the caller's */
	size_t filled, written; /* blocks; block i is slots[i % n_slots] */
	uint8_t last[HISTORY]; /* of the block handed over last, until the next one's slot is free */
	size_t n_last;
	uint32_t crc;
	uint64_t total;
	bool begun;
};

int pm_deflate_level(enum pm_compression kind, int level, int *ret, struct pm_err *err)
{
	bool is_zstd = kind == PM_COMPRESSION_ZSTD;
	int max = is_zstd ? PM_ZSTD_LEVEL_MAX : 9;
	if (level < 0 || level > max)
		return pm_fail(err, PM_E_USAGE, "compression level %d: %s has 1 to %d", level,
			       is_zstd ? "zstd" : "gzip", max);
	*ret = level ? level : is_zstd ? PM_ZSTD_LEVEL : PM_GZIP_LEVEL;
	return 0;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void isal_block(struct worker *w, struct slot *s)
{
	static const uint32_t sizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
					 ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
	/* 1, 2: libisal's 1; 3, 4: its 2; 5: its 3 */
	uint32_t level = (uint32_t)(w->z->level + 1) / 2;
	struct isal_zstream *i = &w->isal;
	/* what an earlier block left there would make a difference to the output */
	memset(i, 0, sizeof(*i));
	memset(w->isal_buf, 0, sizes[level]);
	isal_deflate_init(i);
	i->level = level;
	i->level_buf = w->isal_buf;
	i->level_buf_size = sizes[level];
	i->gzip_flag = IGZIP_DEFLATE;
	i->flush = SYNC_FLUSH;
	i->next_in = s->in;
	i->avail_in = (uint32_t)s->n_in;
	i->next_out = s->out;
	i->avail_out = (uint32_t)w->z->room;
	if (s->n_history > 0 &&
	    isal_deflate_set_dict(i, s->history, (uint32_t)s->n_history) != COMP_OK) {
		s->failed = "libisal takes no history";
		return;
	}
	if (isal_deflate(i) != COMP_OK || i->avail_in > 0 || i->avail_out == 0)
		s->failed = "libisal failed";
	s->n_out = w->z->room - i->avail_out;
}

static void zlib_block(struct worker *w, struct slot *s)
{
	z_stream *z = &w->zlib;
	if (deflateReset(z) != Z_OK ||
	    (s->n_history > 0 &&
	     deflateSetDictionary(z, s->history, (uInt)s->n_history) != Z_OK)) {
		s->failed = "zlib takes no history";
		return;
	}
	z->next_in = s->in;
	z->avail_in = (uInt)s->n_in;
	z->next_out = s->out;
	z->avail_out = (uInt)w->z->room;
	if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 || z->avail_out == 0)
		s->failed = "zlib failed";
	s->n_out = w->z->room - z->avail_out;
}

static void zstd_block(struct worker *w, struct slot *s)
{
	size_t n = ZSTD_compress2(w->zstd, s->out, w->z->room, s->in, s->n_in);
	if (ZSTD_isError(n))
		s->failed = ZSTD_getErrorName(n);
	else
		s->n_out = n;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pm_deflate *z = w->z;
	pthread_mutex_lock(&z->mutex);
	for (;;) {
		struct slot *s = &z->slots[z->taken % z->n_slots];
		if (z->quit)
			break;
		if (s->state != FULL) {
			pthread_cond_wait(&z->changed, &z->mutex);
			continue;
		}
		s->state = BUSY;
		z->taken++;
		pthread_mutex_unlock(&z->mutex);
		if (z->kind == PM_COMPRESSION_ZSTD)
			zstd_block(w, s);
		else if (z->level <= ISAL_LEVEL_MAX)
			isal_block(w, s);
		else
			zlib_block(w, s);
		pthread_mutex_lock(&z->mutex);
		s->state = DONE;
		pthread_cond_broadcast(&z->changed);
	}
	pthread_mutex_unlock(&z->mutex);
	return NULL;
}

static bool worker_init(struct worker *w)
{
	const struct pm_deflate *z = w->z;
	if (z->kind == PM_COMPRESSION_ZSTD) {
		w->zstd = ZSTD_createCCtx();
		return w->zstd &&
		       !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
							    z->level)) &&
		       !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1));
	}
	if (z->level <= ISAL_LEVEL_MAX) {
		w->isal_buf = pm_malloc(ISAL_DEF_LVL3_DEFAULT);
		return true;
	}
	w->zlib_ready = deflateInit2(&w->zlib, z->level, Z_DEFLATED, -MAX_WBITS, 8,
				     Z_DEFAULT_STRATEGY) == Z_OK;
	return w->zlib_ready;
}

/* --- the caller's side ------------------------------------------------------------------------ */

/* Write the oldest block when it is done; wait: for it, when there is one. */
static int write_done(struct pm_deflate *z, bool wait, struct pm_err *err)
{
	while (z->written < z->filled) {
		struct slot *s = &z->slots[z->written % z->n_slots];
		pthread_mutex_lock(&z->mutex);
		while (wait && s->state != DONE)
			pthread_cond_wait(&z->changed, &z->mutex);
		bool done = s->state == DONE;
		pthread_mutex_unlock(&z->mutex);
		if (!done)
			return 0;
		if (s->failed)
			return pm_fail(err, PM_E_INTERNAL, "compress: %s", s->failed);
		int r = z->sink(z->arg, s->out, s->n_out, err);
		if (r < 0)
			return r;
		z->written++;
		s->n_in = 0;
		pthread_mutex_lock(&z->mutex);
		s->state = FREE;
		pthread_mutex_unlock(&z->mutex);
		wait = false;
	}
	return 0;
}

static int begin(struct pm_deflate *z, struct pm_err *err)
{
	/* RFC 1952: deflate, no flags, no time, no extra flags, system unknown */
	static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
	if (z->begun)
		return 0;
	z->begun = true;
	return z->kind == PM_COMPRESSION_GZIP ? z->sink(z->arg, head, sizeof(head), err) : 0;
}

/* The slot that is being filled goes to the workers. */
static int hand_over(struct pm_deflate *z, struct pm_err *err)
{
	struct slot *s = &z->slots[z->filled % z->n_slots];
	if (z->kind == PM_COMPRESSION_GZIP) {
		z->n_last = s->n_in < HISTORY ? s->n_in : HISTORY;
		memcpy(z->last, s->in + s->n_in - z->n_last, z->n_last);
	}
	pthread_mutex_lock(&z->mutex);
	s->state = FULL;
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->mutex);
	z->filled++;
	/* the next one must be free, and is told what came before it */
	int r = write_done(z, z->filled - z->written == z->n_slots, err);
	if (r < 0 || z->kind != PM_COMPRESSION_GZIP)
		return r;
	struct slot *next = &z->slots[z->filled % z->n_slots];
	next->n_history = z->n_last;
	memcpy(next->history, z->last, z->n_last);
	return 0;
}

int pm_deflate_add(struct pm_deflate *z, const void *data, size_t len, struct pm_err *err)
{
	int r = begin(z, err);
	if (z->kind == PM_COMPRESSION_GZIP)
		z->crc = crc32_gzip_refl(z->crc, data, len);
	z->total += len;
	for (const uint8_t *p = data; r >= 0 && len > 0;) {
		struct slot *s = &z->slots[z->filled % z->n_slots];
		size_t n = len < z->block - s->n_in ? len : z->block - s->n_in;
		memcpy(s->in + s->n_in, p, n);
		s->n_in += n;
		p += n;
		len -= n;
		if (s->n_in == z->block)
			r = hand_over(z, err);
	}
	return r;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

int pm_deflate_finish(struct pm_deflate *z, struct pm_err *err)
{
	int r = begin(z, err);
	/* of nothing zstd makes one empty frame; gzip's end is enough */
	bool last = z->slots[z->filled % z->n_slots].n_in > 0 ||
		    (z->kind == PM_COMPRESSION_ZSTD && z->filled == 0);
	if (r >= 0 && last)
		r = hand_over(z, err);
	while (r >= 0 && z->written < z->filled)
		r = write_done(z, true, err);
	if (r < 0 || z->kind != PM_COMPRESSION_GZIP)
		return r;
	/* an empty last block, then checksum and length */
	uint8_t tail[10] = {3, 0};
	put_u32(tail + 2, z->crc);
	put_u32(tail + 6, (uint32_t)z->total);
	return z->sink(z->arg, tail, sizeof(tail), err);
}

/* --- life cycle ------------------------------------------------------------------------------- */

int pm_deflate_new(enum pm_compression kind, int level, unsigned int threads,
		   pm_deflate_sink_fn *sink, void *arg, struct pm_deflate **ret, struct pm_err *err)
{
	int r = pm_deflate_level(kind, level, &level, err);
	if (r < 0)
		return r;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (threads == 0)
		threads = processors > 0 ? (unsigned int)processors : 1;
	struct pm_deflate *z = PM_NEW(struct pm_deflate);
	z->kind = kind;
	z->level = level;
	z->sink = sink;
	z->arg = arg;
	z->block = kind == PM_COMPRESSION_ZSTD ? ZSTD_BLOCK : GZIP_BLOCK;
	/* deflate adds 5 bytes to each 64 KiB that do not compress, libisal wants more room */
	z->room = kind == PM_COMPRESSION_ZSTD ? ZSTD_compressBound(ZSTD_BLOCK)
					      : GZIP_BLOCK + GZIP_BLOCK / 8 + SPARE;
	pthread_mutex_init(&z->mutex, NULL);
	pthread_cond_init(&z->changed, NULL);
	unsigned int most = kind != PM_COMPRESSION_ZSTD ? THREADS_MAX
			    : level < ZSTD_HIGH		? ZSTD_THREADS_MAX
							: ZSTD_HIGH_THREADS_MAX;
	if (threads > most)
		threads = most;
	z->n_slots = threads + 2;
	z->slots = pm_calloc(z->n_slots, sizeof(*z->slots));
	for (size_t i = 0; i < z->n_slots; i++) {
		z->slots[i].in = pm_malloc(z->block);
		z->slots[i].out = pm_malloc(z->room);
	}
	for (unsigned int i = 0; i < threads; i++) {
		struct worker *w = &z->workers[i];
		w->z = z;
		int e = worker_init(w) ? pthread_create(&w->thread, NULL, work, w) : ENOMEM;
		if (e != 0) {
			w->z = NULL;
			pm_deflate_free(z);
			return pm_fail_errno(err, e, "start a compressor");
		}
		z->n_workers++;
	}
	*ret = z;
	return 0;
}

void pm_deflate_free(struct pm_deflate *z)
{
	if (!z)
		return;
	pthread_mutex_lock(&z->mutex);
	z->quit = true;
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->mutex);
	for (unsigned int i = 0; i < z->n_workers; i++)
		pthread_join(z->workers[i].thread, NULL);
	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		struct worker *w = &z->workers[i];
		if (w->zlib_ready)
			deflateEnd(&w->zlib);
		ZSTD_freeCCtx(w->zstd);
		free(w->isal_buf);
	}
	for (size_t i = 0; i < z->n_slots; i++) {
		free(z->slots[i].in);
		free(z->slots[i].out);
	}
	free(z->slots);
	pthread_mutex_destroy(&z->mutex);
	pthread_cond_destroy(&z->changed);
	free(z);
}
