#include "engine/transfer/copy_blobs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "engine/image/pull.h"
#include "engine/transfer/cipher_stream.h"
#include "engine/transfer/deflate_stream.h"
#include "engine/transfer/inflate_stream.h"

enum { PARALLEL = 6, PARALLEL_PACKING = 2, PROGRESS_MS = 100 };

struct crew {
	struct pm_copy_blobs *b;
	pthread_mutex_t lock; /* of what follows */
	size_t next;
	size_t *first; /* index of the first blob with the same digest */
	struct pm_err err;
	int done; /* eventfd: counts threads that have ended */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- watching the bytes of a source -------------------------------------------------------------- */

/* Passes in's bytes on, tells progress, ends when all is given up, and verifies what a conversion would hide. */
struct watch {
	struct crew *crew;
	size_t index;
	const struct pm_descriptor *d;
	struct pm_stream in;
	bool verify;
	struct pm_sha256 hash;
	int64_t at, hashed, told_at;
};

static void tell(struct crew *c, size_t index, int64_t done, enum pm_pull_layer_state state)
{
	pm_session_send_progress(c->b->session, index, done, c->b->v[index].in->size, (int)state, NULL);
}

static ssize_t watch_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct watch *w = arg;
	if (atomic_load(w->crew->b->cancel))
		return pm_fail(err, PM_E_CANCELLED, "given up");
	ssize_t n = w->in.read(w->in.arg, buf, len, err);
	if (n < 0 || (n == 0 && !w->verify))
		return n;
	if (w->verify && n > 0 && w->at + n > w->hashed) {
		int64_t known = w->hashed - w->at;
		pm_sha256_add(&w->hash, (char *)buf + known, (size_t)(n - known));
		w->hashed = w->at + n;
	}
	if (w->verify && n == 0) {
		struct pm_sha256 h = w->hash;
		char hex[65];
		pm_sha256_hex(&h, hex);
		if (w->at != w->d->size || strcmp(hex, pm_digest_hex(w->d->digest)) != 0)
			return pm_fail(err, PM_E_DIGEST, "content has digest sha256:%s and %lld bytes, "
							 "not %s and %lld",
				       hex, (long long)w->at, w->d->digest, (long long)w->d->size);
	}
	w->at += n;
	if (now_ms() - w->told_at >= PROGRESS_MS) {
		w->told_at = now_ms();
		tell(w->crew, w->index, w->at, PM_LAYER_DOWNLOADING);
	}
	return n;
}

static int watch_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct watch *w = arg;
	int r = w->in.rewind(w->in.arg, offset, err);
	if (r >= 0)
		w->at = offset;
	return r;
}

/* --- one blob ------------------------------------------------------------------------------------ */

/* Is it at the destination already, or can it be mounted? 1 yes. */
static int is_there(struct crew *c, struct pm_copy_blob *blob, const char *digest, struct pm_err *err)
{
	struct pm_copy_blobs *b = c->b;
	const char *domain, *path;
	int64_t size = -1;
	int r = pm_destination_has_blob(b->destination, digest, &size, err);
	/* A file of another size is no good copy; a registry that tells no size is believed. */
	if (r > 0 && blob->change == PM_LAYER_AS_IS && size >= 0 && size != blob->in->size)
		r = 0;
	if (r == 0 && blob->change == PM_LAYER_AS_IS &&
	    pm_source_repository(b->source, &domain, &path)) {
		r = pm_destination_mount(b->destination, digest, domain, path, err);
		size = blob->in->size;
	}
	if (r <= 0)
		return r;
	memcpy(blob->out.digest, digest, PM_DIGEST_SIZE);
	blob->out.size = blob->change == PM_LAYER_AS_IS ? blob->in->size : size;
	return blob->out.size >= 0;
}

static bool goes_as_is(const struct pm_copy_blob *blob)
{
	return blob->change == PM_LAYER_AS_IS && !blob->decrypt && !blob->encrypt;
}

static int stream(struct crew *c, struct pm_copy_blob *blob, struct watch *w, struct pm_err *err)
{
	struct pm_copy_blobs *b = c->b;
	struct pm_stream out = {watch_read, watch_rewind, w};
	struct pm_cipher_stream *open = NULL;
	struct pm_inflate_stream *plain = NULL;
	struct pm_deflate_stream *packed = NULL;
	const char *digest = goes_as_is(blob) ? blob->in->digest : NULL;
	int r = 0;
	if (blob->decrypt) {
		r = pm_cipher_stream_new(&out, blob->decrypt, false, &open, err);
		if (r >= 0)
			out = pm_cipher_stream(open);
	}
	if (r >= 0 && blob->change != PM_LAYER_AS_IS) {
		plain = pm_inflate_stream_new(&out);
		out = pm_inflate_stream(plain);
	}
	if (blob->change == PM_LAYER_DECOMPRESS)
		digest = blob->diff_id;
	if (r >= 0 && blob->change == PM_LAYER_COMPRESS) {
		r = pm_deflate_stream_new(&out, b->compression, b->level, &packed, err);
		if (r >= 0)
			out = pm_deflate_stream(packed);
	}
	if (r >= 0 && blob->encrypt)
		r = pm_tx_crypt_put(&b->session->crypt, b->destination, &out, blob->out.digest,
				    &blob->out.size, &blob->out.locked, err);
	else if (r >= 0)
		r = pm_destination_put_blob(b->destination, &out, PM_BLOB_LAYER, digest,
					    goes_as_is(blob) ? blob->in->size : -1, blob->out.digest,
					    &blob->out.size, err);
	if (r >= 0 && open)
		r = pm_cipher_stream_check(open, err);
	pm_deflate_stream_free(packed);
	pm_inflate_stream_free(plain);
	pm_cipher_stream_free(open);
	return r;
}

static int copy_one(struct crew *c, size_t index, struct pm_err *err)
{
	struct pm_copy_blob *blob = &c->b->v[index];
	const char *known = goes_as_is(blob) ? blob->in->digest
			    : blob->change == PM_LAYER_DECOMPRESS && !blob->decrypt && !blob->encrypt
				    ? blob->diff_id
				    : NULL;
	int r = known ? is_there(c, blob, known, err) : 0;
	if (r > 0)
		tell(c, index, blob->in->size, PM_LAYER_EXISTS);
	if (r != 0)
		return r;
	struct pm_source_blob *from;
	r = pm_source_open_blob(c->b->source, blob->in, &from, err);
	if (r < 0)
		return r;
	struct watch w = {
		.crew = c,
		.index = index,
		.d = blob->in,
		.in = *pm_source_blob_stream(from),
		.verify = !goes_as_is(blob),
	};
	pm_sha256_init(&w.hash);
	tell(c, index, 0, PM_LAYER_DOWNLOADING);
	r = stream(c, blob, &w, err);
	pm_source_blob_close(from);
	if (r < 0)
		return pm_wrap(err, "copying layer %s", blob->in->digest);
	tell(c, index, blob->in->size, PM_LAYER_DONE);
	return 0;
}

static void *work(void *arg)
{
	struct crew *c = arg;
	for (;;) {
		pthread_mutex_lock(&c->lock);
		while (c->next < c->b->n && (c->b->v[c->next].skip || c->first[c->next] != c->next))
			c->next++;
		size_t index = c->next++;
		pthread_mutex_unlock(&c->lock);
		if (index >= c->b->n || atomic_load(c->b->cancel))
			break;
		struct pm_err err = PM_ERR_INIT;
		if (copy_one(c, index, &err) >= 0)
			continue;
		pthread_mutex_lock(&c->lock);
		if (!c->err.code) /* the others then fail for that one */
			c->err = err;
		pthread_mutex_unlock(&c->lock);
		atomic_store(c->b->cancel, true);
	}
	uint64_t one = 1;
	while (write(c->done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

/* Until n threads have ended, or pm has. */
static void wait_for(struct crew *c, uint64_t n)
{
	struct pollfd p[2] = {{.fd = c->done, .events = POLLIN},
			      {.fd = c->b->session->sock, .events = POLLIN}};
	for (uint64_t ended = 0; ended < n;) {
		uint64_t more;
		if (poll(p, 2, -1) < 0)
			continue;
		/* pm says nothing meanwhile: it is gone. */
		if (p[1].revents) {
			atomic_store(c->b->cancel, true);
			p[1].fd = -1;
		}
		if (p[0].revents && read(c->done, &more, sizeof(more)) == sizeof(more))
			ended += more;
	}
}

/* Do both come to the same blob? */
static bool same(const struct pm_copy_blob *a, const struct pm_copy_blob *b)
{
	return strcmp(a->in->digest, b->in->digest) == 0 && a->encrypt == b->encrypt;
}

int pm_copy_blobs(struct pm_copy_blobs *b, struct pm_err *err)
{
	struct crew c = {.b = b};
	pthread_t threads[PARALLEL];
	size_t n = 0;
	c.done = eventfd(0, EFD_CLOEXEC);
	if (c.done < 0)
		return pm_fail_sys(err, "eventfd");
	c.first = pm_calloc(b->n, sizeof(*c.first));
	for (size_t i = 0; i < b->n; i++) {
		while (!same(&b->v[c.first[i]], &b->v[i]))
			c.first[i]++;
	}
	pthread_mutex_init(&c.lock, NULL);
	/* Each compressor has threads and windows of its own. */
	size_t most = PARALLEL;
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].change == PM_LAYER_COMPRESS)
			most = PARALLEL_PACKING;
	}
	while (n < most && n < b->n && pthread_create(&threads[n], NULL, work, &c) == 0)
		n++;
	if (!n && b->n)
		pm_fail(&c.err, EAGAIN, "cannot start a thread");
	wait_for(&c, n);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < b->n && !c.err.code; i++) {
		if (c.first[i] != i) {
			const struct pm_rewritten *out = &b->v[c.first[i]].out;
			memcpy(b->v[i].out.digest, out->digest, PM_DIGEST_SIZE);
			b->v[i].out.size = out->size;
			pm_strv_add_all(&b->v[i].out.locked, pm_strv_argv(&out->locked));
		}
		if (b->v[i].skip) {
			memcpy(b->v[i].out.digest, b->v[i].in->digest, PM_DIGEST_SIZE);
			b->v[i].out.size = b->v[i].in->size;
		}
	}
	if (!c.err.code && atomic_load(b->cancel))
		pm_fail(&c.err, PM_E_CANCELLED, "given up");
	close(c.done);
	free(c.first);
	pthread_mutex_destroy(&c.lock);
	if (err)
		*err = c.err;
	return -c.err.code;
}
