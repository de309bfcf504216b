#include "engine/transfer/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/transfer/ring.h"
#include "storage/inflate.h"
#include "storage/untar.h"

enum {
	INPUT_SIZE = 256 << 10,
	SLOT_SIZE = 256 << 10,
	SLOTS = 8,
	/* gzip gives 1,030 : 1 at most, which the free space bounds well enough; zstd much more */
	MAX_RATIO = 1100,
};
static const uint64_t ratio_floor = 4ULL << 30;

/* A digest in the algorithm of the one it is compared with; SHA-256 when there is none. */
struct digest {
	bool is_512;
	struct pm_sha256 h256;
	struct pm_sha512 h512;
};

struct pm_pipeline {
	const struct pm_extract_spec *spec;
	pthread_t threads[2]; /* of reader and hasher */
	unsigned int n_threads;
	struct pm_ring *ring;
	pthread_mutex_t mutex;
	pthread_cond_t changed;

	/* under mutex */
	bool may_start, quit;
	bool reader_done;
	bool writer_failed; /* nobody takes buffers any more */
	bool drain;         /* read on for the digest's sake */

	/* the reader's; the others look at kind with a buffer in hand, at the rest after reader_done */
	uint8_t *input;
	int64_t offset, left; /* for pread; left -1: to the end */
	struct digest blob;
	uint64_t blob_size;
	bool input_ended;
	enum pm_compression kind;
	struct pm_err reader_err;

	struct digest diff; /* the hasher's */
};

/* takers of the ring */
enum { WRITER, HASHER };

static void digest_init(struct digest *d, const char *like)
{
	d->is_512 = like && pm_startswith(like, "sha512:");
	if (d->is_512)
		pm_sha512_init(&d->h512);
	else
		pm_sha256_init(&d->h256);
}

static void digest_add(struct digest *d, const void *data, size_t len)
{
	if (d->is_512)
		pm_sha512_add(&d->h512, data, len);
	else
		pm_sha256_add(&d->h256, data, len);
}

static void digest_text(struct digest *d, char ret[PM_EXTRACT_DIGEST])
{
	char hex[129];
	if (d->is_512)
		pm_sha512_hex(&d->h512, hex);
	else
		pm_sha256_hex(&d->h256, hex);
	snprintf(ret, PM_EXTRACT_DIGEST, "%s:%s", d->is_512 ? "sha512" : "sha256", hex);
}

/* --- the reader ------------------------------------------------------------------------------- */

static ssize_t read_input(struct pm_pipeline *p)
{
	const struct pm_extract_spec *s = p->spec;
	if (s->input_offset < 0)
		return read(s->input, p->input, INPUT_SIZE);
	size_t want = p->left >= 0 && p->left < INPUT_SIZE ? (size_t)p->left : INPUT_SIZE;
	ssize_t n = pread(s->input, p->input, want, p->offset);
	if (n > 0) {
		p->offset += n;
		p->left -= p->left >= 0 ? n : 0;
	}
	return n;
}

static ssize_t source(void *arg, const void **ret_data, struct pm_err *err)
{
	struct pm_pipeline *p = arg;
	ssize_t n;
	do
		n = read_input(p);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pm_fail_sys(err, "read the layer's blob");
	digest_add(&p->blob, p->input, (size_t)n);
	p->blob_size += (size_t)n;
	p->input_ended = n == 0;
	/* an endless stream is not read to its end */
	if (p->spec->blob_size >= 0 && p->blob_size > (uint64_t)p->spec->blob_size)
		return pm_fail(err, PM_E_DIGEST,
			       "the blob is larger than the %lld bytes it should have",
			       (long long)p->spec->blob_size);
	if (p->spec->cipher) {
		int r = pm_layer_cipher_run(p->spec->cipher, p->input, (size_t)n, err);
		if (r < 0)
			return r;
	}
	*ret_data = p->input;
	return n;
}

static int read_and_inflate(struct pm_pipeline *p, struct pm_err *err)
{
	const struct pm_inflate_opts opts = {
		.foreign = p->spec->foreign, .max_ratio = MAX_RATIO, .ratio_floor = ratio_floor};
	struct pm_inflate *z;
	int r = pm_inflate_new(source, p, &opts, &z, err);
	if (r < 0)
		return r;
	p->kind = pm_inflate_kind(z);
	uint8_t *room;
	while ((room = pm_ring_room(p->ring))) {
		ssize_t n = pm_inflate_read(z, room, SLOT_SIZE, err);
		if (n <= 0) {
			r = (int)n;
			break;
		}
		pm_ring_put(p->ring, (size_t)n);
	}
	pm_inflate_free(z);
	return r;
}

/* False: the work is off. */
static bool wait_for_start(struct pm_pipeline *p)
{
	pthread_mutex_lock(&p->mutex);
	while (!p->may_start && !p->quit)
		pthread_cond_wait(&p->changed, &p->mutex);
	bool quit = p->quit;
	pthread_mutex_unlock(&p->mutex);
	return !quit;
}

static void *reader_main(void *arg)
{
	struct pm_pipeline *p = arg;
	if (!wait_for_start(p))
		return NULL;

	int r = read_and_inflate(p, &p->reader_err);
	pm_ring_end(p->ring);
	pthread_mutex_lock(&p->mutex);
	bool drain = p->writer_failed ? p->drain : r == -PM_E_FORMAT;
	pthread_mutex_unlock(&p->mutex);
	/* is it a bad layer, or a bad copy of it? The digest of the whole blob tells */
	const void *data;
	ssize_t n = 1;
	while (drain && !p->input_ended && n > 0)
		n = source(p, &data, r < 0 ? NULL : &p->reader_err);

	pthread_mutex_lock(&p->mutex);
	p->reader_done = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

/* --- the hasher ------------------------------------------------------------------------------- */

/* Of a blob that is neither compressed nor encrypted the two digests are one. */
static bool one_digest(const struct pm_pipeline *p)
{
	return p->kind == PM_COMPRESSION_NONE && p->diff.is_512 == p->blob.is_512 && !p->spec->cipher;
}

static void *hasher_main(void *arg)
{
	struct pm_pipeline *p = arg;
	const uint8_t *data;
	size_t len;
	if (!wait_for_start(p))
		return NULL;
	while ((data = pm_ring_next(p->ring, HASHER, &len))) {
		if (!one_digest(p))
			digest_add(&p->diff, data, len);
		pm_ring_done(p->ring, HASHER);
	}
	return NULL;
}

/* --- the writer ------------------------------------------------------------------------------- */

/* Take everything the reader yields; then, and when the layer is malformed, wait until it ended. */
static int write_files(struct pm_pipeline *p, struct pm_untar *u, uint64_t *ret_size,
		       struct pm_err *err)
{
	const uint8_t *data;
	size_t len;
	int r = 0;
	uint64_t size = 0;
	while (r >= 0 && (data = pm_ring_next(p->ring, WRITER, &len))) {
		size += len;
		r = pm_untar_push(u, data, len, err);
		pm_ring_done(p->ring, WRITER);
	}
	pthread_mutex_lock(&p->mutex);
	p->writer_failed = r < 0;
	p->drain = r == -PM_E_FORMAT;
	pthread_mutex_unlock(&p->mutex);
	if (r < 0)
		pm_ring_abandon(p->ring);
	pthread_mutex_lock(&p->mutex);
	/* a full disk is not worth waiting for input that may be slow to come */
	while (!p->reader_done && (r >= 0 || p->drain))
		pthread_cond_wait(&p->changed, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
	*ret_size = size;
	return r;
}

static int check_blob(struct pm_pipeline *p, const char *got, struct pm_err *err)
{
	const struct pm_extract_spec *s = p->spec;
	if (s->blob_size >= 0 && p->blob_size != (uint64_t)s->blob_size)
		return pm_fail(err, PM_E_DIGEST,
			       "the blob has %llu bytes, not the %lld it should have",
			       (unsigned long long)p->blob_size, (long long)s->blob_size);
	if (s->blob_digest && strcmp(got, s->blob_digest) != 0)
		return pm_fail(err, PM_E_DIGEST, "the blob's digest is %s, not %s as it should be",
			       got, s->blob_digest);
	return s->cipher ? pm_layer_cipher_check(s->cipher, err) : 0;
}

static void join(struct pm_pipeline *p)
{
	while (p->n_threads > 0)
		pthread_join(p->threads[--p->n_threads], NULL);
}

int pm_pipeline_run(struct pm_pipeline *p, struct pm_extract_result *ret, struct pm_err *err)
{
	const struct pm_extract_spec *s = p->spec;
	struct pm_extract_result result = {0};
	struct pm_err write_err = PM_ERR_INIT;
	uint64_t stream_size;
	struct pm_untar *u;
	const struct pm_vfs_owners owners = {.map = pm_idmaps_owner_to_host, .arg = s->owners};
	const struct pm_untar_opts opts = {
		.rootfd = s->directory,
		.whiteouts = s->whiteouts,
		.keep_owner = !s->single_id,
		.devices = s->devices,
		.recipe = s->recipe > 0 ? s->recipe : 0,
		.below = s->below,
		.set_owner = s->set_owner,
		.uid = s->uid,
		.gid = s->gid,
		.owners = s->owners ? &owners : NULL,
		.keep_kinds = s->keep_kinds,
		/* a tree has mounts in it, whose space is their own */
		.max_bytes = s->tree ? UINT64_MAX : 0,
	};
	int r = pm_untar_new(&opts, &u, err);
	if (r < 0)
		return r;

	pthread_mutex_lock(&p->mutex);
	p->may_start = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	r = write_files(p, u, &stream_size, &write_err);

	/* the first cause: a wrong blob is behind all that looks malformed */
	int read_code = 0;
	if (r < 0 && r != -PM_E_FORMAT)
		goto write_failed; /* the reader may still be at work */
	digest_text(&p->blob, result.blob_digest);
	read_code = p->reader_err.code;
	if (read_code && read_code != PM_E_FORMAT)
		goto read_failed;
	r = check_blob(p, result.blob_digest, err);
	if (r < 0)
		goto out;
	if (read_code)
		goto read_failed;
	if (write_err.code)
		goto write_failed;

	join(p);
	if (one_digest(p))
		memcpy(result.diff_id, result.blob_digest, sizeof(result.diff_id));
	else
		digest_text(&p->diff, result.diff_id);
	if (s->diff_id && strcmp(result.diff_id, s->diff_id) != 0) {
		r = pm_fail(err, PM_E_DIGEST, "the layer's diff id is %s, not %s as its image says",
			    result.diff_id, s->diff_id);
		goto out;
	}
	r = pm_untar_finish(u, &result.files, err);
	if (r < 0)
		goto out;
	result.blob_size = (int64_t)p->blob_size;
	result.stream_size = (int64_t)stream_size;
	*ret = result;
	goto out;

read_failed:
	r = pm_fail(err, read_code, "%s", p->reader_err.text);
	goto out;
write_failed:
	r = pm_fail(err, write_err.code, "%s", write_err.text);
out:
	pm_untar_free(u);
	return r;
}

/* --- life cycle ------------------------------------------------------------------------------- */

int pm_pipeline_new(const struct pm_extract_spec *spec, struct pm_pipeline **ret,
		    struct pm_err *err)
{
	struct pm_pipeline *p = PM_NEW(struct pm_pipeline);
	p->spec = spec;
	p->offset = spec->input_offset;
	p->left = spec->input_size;
	digest_init(&p->blob, spec->blob_digest);
	digest_init(&p->diff, spec->diff_id);
	p->input = pm_malloc(INPUT_SIZE);
	p->ring = pm_ring_new(SLOTS, SLOT_SIZE, 2);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->changed, NULL);
	void *(*const mains[])(void *) = {reader_main, hasher_main};
	for (size_t i = 0; i < PM_ARRAY_SIZE(mains); i++) {
		int r = pthread_create(&p->threads[i], NULL, mains[i], p);
		if (r != 0) {
			pm_pipeline_free(p);
			return pm_fail_errno(err, r, "start a thread");
		}
		p->n_threads++;
	}
	*ret = p;
	return 0;
}

void pm_pipeline_free(struct pm_pipeline *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->quit = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
	pm_ring_abandon(p->ring);
	join(p);
	pm_ring_free(p->ring);
	free(p->input);
	pthread_mutex_destroy(&p->mutex);
	pthread_cond_destroy(&p->changed);
	free(p);
}
