#include "engine/transfer/push.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/image/pull.h"
#include "engine/transfer/pack.h"
#include "engine/transfer/protocol.h"
#include "engine/transfer/rewrite.h"
#include "engine/transfer/signing.h"
#include "registry/manifest_make.h"
#include "storage/deflate.h"

enum { PARALLEL = 4, PROGRESS_MS = 100 };

/* A blob that is known to hold a layer. */
struct known {
	size_t layer;
	const char *digest;
	int64_t size;
	enum pm_layer_form form;
};

struct layer {
	const char *diff_id, *dir;
	char digest[PM_DIGEST_SIZE]; /* of what the destination has in the end */
	int64_t size;
	enum pm_layer_form form;
	bool encrypt;
	struct pm_strv locked; /* its annotations when it was encrypted */
};

struct push {
	struct pm_session *s;
	struct pm_destination *d;
	struct pm_pack_server *packers;
	const struct pm_destination_traits *traits;
	struct pm_tx_signing signing;
	enum pm_compression compression;
	int level;
	bool chosen, force, docker; /* docker: what is written is Docker's, whatever the image is */
	const char *manifest_type;  /* NULL: as the image's */

	/* the image */
	struct pm_wire w;
	struct pm_json_pool *pool;
	struct pm_buf manifest_text, config_text;
	struct pm_signatures signatures; /* that go along */
	struct pm_json *root;
	struct pm_manifest manifest;
	struct pm_strv names, diff_ids, dirs;
	struct pm_strv blob_layers, blobs, blob_sizes, blob_types;
	struct pm_strv place_layers, place_domains, place_repositories;
	struct known *known;
	size_t n_known;
	struct layer *layers;
	size_t n_layers;

	pthread_mutex_t mutex;
	size_t next;   /* under mutex: the first layer that no thread has taken */
	unsigned int running;
	bool stop;
	struct pm_err failed; /* the first */
	int wake;             /* a thread has ended: written to */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- telling pm ------------------------------------------------------------------------------- */

static int tell(struct push *p, size_t index, int64_t done, int64_t total,
		enum pm_pull_layer_state state, struct pm_err *err)
{
	return pm_session_send_progress(p->s, index, done, total, (int)state, err);
}

static int tell_packed(struct push *p, size_t index, struct pm_err *err)
{
	const struct layer *l = &p->layers[index];
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int level;
	/* an encrypted blob is never the same again */
	if (p->compression == PM_COMPRESSION_NONE || l->encrypt ||
	    pm_deflate_level(p->compression, p->level, &level, NULL) < 0)
		return 0;
	pm_wire_add(&w, "type", "packed");
	pm_wire_add_int(&w, "index", (int64_t)index);
	pm_wire_add(&w, "kind", p->compression == PM_COMPRESSION_ZSTD ? "zstd" : "gzip");
	pm_wire_add_int(&w, "level", level);
	pm_wire_add(&w, "blob", l->digest);
	pm_wire_add_int(&w, "blob_size", l->size);
	return pm_session_send(p->s, &w, err);
}

static bool stopped(struct push *p)
{
	pthread_mutex_lock(&p->mutex);
	bool stop = p->stop;
	pthread_mutex_unlock(&p->mutex);
	return stop;
}

/* --- a blob as it is made --------------------------------------------------------------------- */

struct making {
	struct push *push;
	size_t index;
	struct pm_pack pack;
	bool finished;
	struct pm_pack_result result;
	int64_t done, told_at;
};

static ssize_t read_packed(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct making *m = arg;
	ssize_t n;
	if (stopped(m->push))
		return pm_fail(err, PM_E_CANCELLED, "the push has ended");
	if (m->finished)
		return 0;
	do
		n = read(m->pack.output, buf, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pm_fail_sys(err, "read from the packer");
	if (n == 0) {
		/* only now is it known that it was the whole layer */
		m->finished = true;
		int r = pm_pack_finish(&m->pack, &m->result, err);
		return r < 0 ? r : 0;
	}
	m->done += n;
	if (now_ms() - m->told_at >= PROGRESS_MS) {
		m->told_at = now_ms();
		int r = tell(m->push, m->index, m->done, 0, PM_LAYER_DOWNLOADING, err);
		if (r < 0)
			return r;
	}
	return n;
}

static int make_blob(struct push *p, size_t index, struct pm_err *err)
{
	struct layer *l = &p->layers[index];
	struct making m = {.push = p, .index = index, .pack = PM_PACK_INIT, .told_at = now_ms()};
	struct pm_stream in = {.read = read_packed, .arg = &m};
	struct pm_pack_spec spec = PM_PACK_SPEC_INIT;
	_cleanup_close_ int spool = -1;
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, l->dir, O_PATH | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	_cleanup_close_ int diff = pm_fs_open(dir, "diff", O_PATH | O_DIRECTORY, 0, err);
	if (diff < 0)
		return diff;
	_cleanup_close_ int recipe = openat(dir, "recipe", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (p->s->stage >= 0)
		spool = openat(p->s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	spec.diff = diff;
	spec.recipe = recipe;
	spec.spool = spool;
	spec.userns = p->s->userns;
	spec.compression = p->compression;
	spec.level = p->level;
	spec.diff_id = l->diff_id;
	int r = tell(p, index, 0, 0, PM_LAYER_DOWNLOADING, err);
	if (r >= 0)
		r = pm_pack_spawn(p->packers, &spec, &m.pack, err);
	if (r < 0)
		return r;
	r = l->encrypt ? pm_tx_crypt_put(&p->s->crypt, p->d, &in, l->digest, &l->size, &l->locked, err)
		       : pm_destination_put_blob(p->d, &in, PM_BLOB_LAYER, NULL, -1, l->digest, &l->size,
						 err);
	/* an encrypted blob is as large as it was before */
	if (r >= 0 && (!m.finished || l->size != m.result.blob_size))
		r = pm_fail(err, PM_E_INTERNAL, "the blob that was stored is not the one that was made");
	pm_pack_cancel(&m.pack);
	if (r < 0)
		return recipe < 0 && r == -PM_E_DIGEST
			       ? pm_wrap(err, "the layer was stored by an older pm without what is needed "
					      "to write it out: pull its image again")
			       : r;
	l->form = pm_rewrite_form(p->compression);
	r = tell_packed(p, index, err);
	return r < 0 ? r : tell(p, index, l->size, l->size, PM_LAYER_DONE, err);
}

/* --- one layer -------------------------------------------------------------------------------- */

static bool acceptable(const struct push *p, const struct known *k)
{
	if (p->compression == PM_COMPRESSION_NONE)
		return k->form == PM_LAYER_PLAIN;
	if (p->force || k->form == PM_LAYER_PLAIN || k->form == PM_LAYER_OTHER)
		return false;
	if (p->chosen)
		return k->form == pm_rewrite_form(p->compression);
	return k->form == PM_LAYER_GZIP || !p->docker;
}

static int use(struct push *p, size_t index, const struct known *k, int64_t size,
	       struct pm_err *err)
{
	struct layer *l = &p->layers[index];
	snprintf(l->digest, sizeof(l->digest), "%s", k->digest);
	l->size = k->size >= 0 ? k->size : size;
	l->form = k->form;
	return tell(p, index, l->size, l->size, PM_LAYER_EXISTS, err);
}

static int place_layer(struct push *p, size_t index, struct pm_err *err)
{
	for (size_t i = 0; i < p->n_known && !p->layers[index].encrypt; i++) {
		const struct known *k = &p->known[i];
		int64_t size = -1;
		if (k->layer != index || !acceptable(p, k))
			continue;
		int r = pm_destination_has_blob(p->d, k->digest, &size, err);
		if (r < 0)
			return r;
		if (r == 1 && (k->size >= 0 || size >= 0) && (k->size < 0 || size < 0 || size == k->size))
			return use(p, index, k, size, err);
		for (size_t n = 0; n < p->place_layers.n; n++) {
			if ((size_t)strtoul(p->place_layers.v[n], NULL, 10) != index || k->size < 0)
				continue;
			r = pm_destination_mount(p->d, k->digest, p->place_domains.v[n],
						 p->place_repositories.v[n], err);
			if (r != 0)
				return r < 0 ? r : use(p, index, k, -1, err);
		}
	}
	return make_blob(p, index, err);
}

static void *work(void *arg)
{
	struct push *p = arg;
	pthread_mutex_lock(&p->mutex);
	while (!p->stop && p->next < p->n_layers) {
		size_t index = p->next++;
		struct pm_err err = PM_ERR_INIT;
		pthread_mutex_unlock(&p->mutex);
		int r = place_layer(p, index, &err);
		pthread_mutex_lock(&p->mutex);
		if (r < 0 && !p->stop) {
			p->stop = true;
			p->failed = err;
			pm_wrap(&p->failed, "layer %s", p->layers[index].diff_id);
		}
	}
	p->running--;
	int wake = p->wake;
	pthread_mutex_unlock(&p->mutex);
	if (write(wake, "", 1) < 0)
		return NULL; /* cannot be: there is room, and the reader waits for us */
	return NULL;
}

/* All layers, and meanwhile an eye on pm. */
static int place_layers(struct push *p, struct pm_err *err)
{
	pthread_t threads[PARALLEL];
	unsigned int n = 0;
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return pm_fail_sys(err, "make a pipe");
	_cleanup_close_ int woken = pipe_fds[0], wake = pipe_fds[1];
	p->wake = wake;
	p->next = 0;
	p->stop = false;
	p->failed = (struct pm_err)PM_ERR_INIT;
	pthread_mutex_lock(&p->mutex);
	int e = 0;
	for (; n < PARALLEL && n < p->n_layers && e == 0; n += e == 0)
		e = pthread_create(&threads[n], NULL, work, p);
	p->running = n;
	bool some = n > 0;
	p->stop = e != 0;
	pthread_mutex_unlock(&p->mutex);
	struct pollfd fds[2] = {{.fd = p->s->sock, .events = POLLIN}, {.fd = woken, .events = POLLIN}};
	bool gone = false;
	while (some) {
		char byte;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fds[0].revents = POLLERR;
		pthread_mutex_lock(&p->mutex);
		if (fds[0].revents && !gone) {
			gone = p->stop = true;
			fds[0].fd = -1;
			pm_fail(&p->failed, PM_E_CANCELLED, "pm is gone");
		}
		if (fds[1].revents && read(woken, &byte, 1) < 0)
			p->stop = true;
		some = p->running > 0;
		pthread_mutex_unlock(&p->mutex);
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (e != 0)
		return pm_fail_errno(err, e, "start a thread");
	return p->stop ? pm_fail(err, p->failed.code, "%s", p->failed.text) : 0;
}

/* --- one image -------------------------------------------------------------------------------- */

static int malformed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "malformed message from pm");
}

static int parse_known(struct push *p, struct pm_err *err)
{
	size_t n = p->blobs.n;
	if (p->blob_layers.n != n || p->blob_sizes.n != n || p->blob_types.n != n ||
	    p->place_layers.n != p->place_domains.n ||
	    p->place_layers.n != p->place_repositories.n)
		return malformed(err);
	p->known = pm_calloc(p->n_layers + n + 1, sizeof(*p->known));
	/* What the image's own manifest names comes first: with it the manifest stays what it was. It is true of this
	 * image, whatever it is of others that have the layer. */
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct pm_descriptor *d = &p->manifest.layers[i];
		p->known[p->n_known++] = (struct known){.layer = i,
							.digest = d->digest,
							.size = d->size,
							.form = pm_layer_form_of(d->media_type)};
	}
	for (size_t i = 0; i < n; i++) {
		if (!pm_digest_valid(p->blobs.v[i]))
			return malformed(err);
		p->known[p->n_known++] = (struct known){
			.layer = (size_t)strtoul(p->blob_layers.v[i], NULL, 10),
			.digest = p->blobs.v[i],
			.size = strtoll(p->blob_sizes.v[i], NULL, 10),
			.form = pm_layer_form_of(p->blob_types.v[i]),
		};
	}
	return 0;
}

static int read_signatures(struct push *p, int fd, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_fs_read_fd(fd, PM_SIGNATURES_TEXT_MAX, &text, err);
	return r < 0 ? r : pm_signatures_read(pm_buf_str(&text), text.len, &p->signatures, err);
}

static int parse_image(struct push *p, const int *fds, size_t n_fds, struct pm_err *err)
{
	const struct {
		const char *name;
		struct pm_strv *to;
	} lists[] = {{"name", &p->names},
		     {"diff_id", &p->diff_ids},
		     {"dir", &p->dirs},
		     {"blob_layer", &p->blob_layers},
		     {"blob", &p->blobs},
		     {"blob_size", &p->blob_sizes},
		     {"blob_type", &p->blob_types},
		     {"place_layer", &p->place_layers},
		     {"place_domain", &p->place_domains},
		     {"place_repository", &p->place_repositories}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++)
		pm_wire_get_list(&p->w, lists[i].name, lists[i].to);
	if ((n_fds != 2 && n_fds != 3) || p->dirs.n != p->diff_ids.n)
		return malformed(err);
	int r = pm_fs_read_fd(fds[0], PM_MANIFEST_MAX, &p->manifest_text, err);
	if (r >= 0)
		r = pm_fs_read_fd(fds[1], PM_CONFIG_MAX, &p->config_text, err);
	if (r >= 0 && n_fds == 3)
		r = read_signatures(p, fds[2], err);
	if (r < 0)
		return r;
	enum pm_manifest_kind kind;
	const char *type;
	p->pool = pm_json_pool_new();
	r = pm_json_parse(p->pool, pm_buf_str(&p->manifest_text), p->manifest_text.len, &p->root, err);
	if (r >= 0)
		r = pm_manifest_kind(p->root, NULL, &kind, &type, err);
	if (r >= 0)
		r = pm_manifest_parse(p->root, type, &p->manifest, err);
	if (r < 0)
		return pm_wrap(err, "the image's manifest");
	if (p->manifest.n_layers != p->dirs.n)
		return malformed(err);
	p->n_layers = p->dirs.n;
	p->layers = pm_calloc(p->n_layers, sizeof(*p->layers));
	for (size_t i = 0; i < p->n_layers; i++) {
		p->layers[i].diff_id = p->diff_ids.v[i];
		p->layers[i].dir = p->dirs.v[i];
	}
	_cleanup_free_ bool *chosen = pm_calloc(p->n_layers, sizeof(*chosen));
	r = pm_tx_crypt_choose(&p->s->crypt, p->n_layers, chosen, err);
	for (size_t i = 0; r >= 0 && i < p->n_layers; i++)
		p->layers[i].encrypt = chosen[i];
	return r < 0 ? r : parse_known(p, err);
}

static void image_free(struct push *p)
{
	struct pm_strv *lists[] = {&p->names,	    &p->diff_ids,      &p->dirs,
				   &p->blob_layers, &p->blobs,	       &p->blob_sizes,
				   &p->blob_types,  &p->place_layers,  &p->place_domains,
				   &p->place_repositories};
	for (size_t i = 0; i < PM_ARRAY_SIZE(lists); i++)
		pm_strv_free(lists[i]);
	for (size_t i = 0; i < p->n_layers; i++)
		pm_strv_free(&p->layers[i].locked);
	free(p->known);
	free(p->layers);
	p->known = NULL;
	p->n_known = 0;
	p->layers = NULL;
	p->n_layers = 0;
	pm_manifest_free(&p->manifest);
	pm_buf_free(&p->manifest_text);
	pm_buf_free(&p->config_text);
	pm_signatures_free(&p->signatures);
	pm_json_pool_free(p->pool);
	p->pool = NULL;
	pm_wire_free(&p->w);
}

static int signatures_forbid(const struct push *p, struct pm_err *err)
{
	return pm_fail(err, PM_E_USAGE, "%s: would take the image with another manifest, which would "
					"invalidate its signatures (--remove-signatures leaves them out)",
		       pm_destination_where(p->d));
}

static int put_manifest(struct push *p, const char *type, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf made = PM_BUF_INIT;
	struct pm_made_layer *layers = pm_calloc(p->n_layers + 1, sizeof(*layers));
	for (size_t i = 0; i < p->n_layers; i++)
		layers[i] = (struct pm_made_layer){p->layers[i].digest, p->layers[i].size,
						   p->layers[i].form,
						   p->layers[i].encrypt ? &p->layers[i].locked : NULL};
	int r = pm_manifest_make(p->pool, p->root, &p->manifest, layers, type, &made, err);
	free(layers);
	if (r < 0)
		return r;
	if (r && p->signatures.n)
		return signatures_forbid(p, err);
	const struct pm_buf *text = r ? &made : &p->manifest_text;
	char digest[PM_DIGEST_SIZE];
	int64_t named = 0, instance = 0;
	r = pm_wire_get_int(&p->w, "named", 0, &named, err);
	if (r >= 0)
		r = pm_wire_get_int(&p->s->request, "instance", 0, &instance, err);
	pm_digest_of(text->data, text->len, digest);
	if (r >= 0 && named)
		r = pm_destination_set_names(p->d, &p->names, err);
	if (r >= 0)
		r = pm_tx_signing_store(&p->signing, p->d, &p->signatures, digest, instance, err);
	if (r >= 0)
		r = pm_destination_put_manifest(p->d, text->data, text->len, type,
						instance ? digest : NULL, NULL, err);
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "written");
	pm_wire_add(&w, "digest", digest);
	pm_wire_add_int(&w, "size", (int64_t)text->len);
	pm_wire_add(&w, "media_type", type);
	for (size_t i = 0; i < p->n_layers; i++)
		pm_wire_add(&w, "blob", p->layers[i].encrypt ? "" : p->layers[i].digest);
	return pm_session_send(p->s, &w, err);
}

/* Signed as it was made here: with layers that are not compressed, and stay so. */
static bool signed_plain(const struct push *p)
{
	bool plain = p->signatures.n && !p->chosen;
	for (size_t i = 0; i < p->manifest.n_layers; i++)
		plain = plain && pm_endswith(p->manifest.layers[i].media_type, ".tar");
	return plain;
}

static int push_image(struct push *p, const int *fds, size_t n_fds, struct pm_err *err)
{
	int r = parse_image(p, fds, n_fds, err);
	if (r < 0)
		return r;
	const enum pm_compression asked = p->compression;
	if (signed_plain(p))
		p->compression = PM_COMPRESSION_NONE;
	const char *type = p->manifest_type ? p->manifest_type : p->manifest.media_type;
	if ((p->compression == PM_COMPRESSION_ZSTD || p->s->crypt.encrypts) && !p->manifest_type)
		type = PM_MT_OCI_MANIFEST;
	p->docker = pm_streq(type, PM_MT_DOCKER_MANIFEST);
	r = pm_tx_signing_check(&p->signing, p->d, &p->signatures, err);
	if (r >= 0 && p->signatures.n &&
	    (p->s->crypt.encrypts || strcmp(type, p->manifest.media_type) != 0))
		r = signatures_forbid(p, err);
	if (r >= 0)
		r = place_layers(p, err);
	if (r >= 0)
		r = pm_destination_put_text(p->d, p->config_text.data, p->config_text.len,
					    PM_BLOB_CONFIG, err);
	if (r >= 0)
		r = put_manifest(p, type, err);
	p->compression = asked;
	return r;
}

/* --- the request ------------------------------------------------------------------------------ */

static int parse_request(struct push *p, struct pm_err *err)
{
	const struct pm_wire *w = &p->s->request;
	const char *manifest = pm_wire_get(w, "manifest"), *kind = pm_wire_get(w, "compression");
	int64_t chosen = 0, force = 0, level = 0;
	if (pm_wire_get_int(w, "chosen", 0, &chosen, err) < 0 ||
	    pm_wire_get_int(w, "force", 0, &force, err) < 0 ||
	    pm_wire_get_int(w, "level", 0, &level, err) < 0)
		return malformed(err);
	p->chosen = chosen != 0;
	p->force = force != 0;
	p->level = (int)level;
	if (pm_streq(manifest, "oci") || p->traits->oci_only)
		p->manifest_type = PM_MT_OCI_MANIFEST;
	else if (pm_streq(manifest, "v2s2") || p->traits->docker_only)
		p->manifest_type = PM_MT_DOCKER_MANIFEST;
	if ((p->traits->oci_only && pm_streq(manifest, "v2s2")) ||
	    (p->traits->docker_only && pm_streq(manifest, "oci")))
		return pm_fail(err, PM_E_USAGE, "%s: images there are not of format %s",
			       pm_destination_where(p->d), manifest);
	if (pm_streq(kind, "none") || p->traits->plain_layers ||
	    (!(kind && *kind) && !p->traits->compressed))
		p->compression = PM_COMPRESSION_NONE;
	else if (pm_streq(kind, "zstd"))
		p->compression = PM_COMPRESSION_ZSTD;
	else
		p->compression = PM_COMPRESSION_GZIP;
	if (p->compression == PM_COMPRESSION_ZSTD &&
	    pm_streq(p->manifest_type, PM_MT_DOCKER_MANIFEST))
		return pm_fail(err, PM_E_USAGE,
			       "zstd compression needs the OCI format, not Docker's schema 2");
	if (p->s->crypt.encrypts && p->traits->docker_only)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: cannot hold encrypted layers",
			       pm_destination_where(p->d));
	if (p->s->crypt.encrypts && pm_streq(p->manifest_type, PM_MT_DOCKER_MANIFEST))
		return pm_fail(err, PM_E_USAGE, "encrypted layers need the OCI format, not Docker's schema 2");
	return 0;
}

static int serve_images(struct push *p, struct pm_err *err)
{
	for (;;) {
		int fds[PM_TRANSFER_FDS_MAX];
		size_t n = PM_TRANSFER_FDS_MAX;
		int r = pm_wire_recv(p->s->sock, &p->w, fds, &n, err);
		if (r <= 0)
			return r < 0 ? r : pm_fail(err, PM_E_CANCELLED, "pm is gone");
		bool commit = pm_streq(pm_wire_get(&p->w, "type"), "commit");
		if (commit)
			r = pm_destination_commit(p->d, err);
		else
			r = push_image(p, fds, n, err);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		image_free(p);
		if (r < 0 || commit)
			return r;
	}
}

int pm_push_serve(struct pm_session *s, struct pm_destination_options *options, struct pm_err *err)
{
	struct push p = {.s = s, .mutex = PTHREAD_MUTEX_INITIALIZER};
	const char *transport = pm_wire_get(&s->request, "transport");
	const char *name = pm_wire_get(&s->request, "name");
	options->output = s->output;
	options->stage = s->stage;
	options->registries_d = pm_wire_get(&s->request, "registries_d");
	int r = pm_pack_server_start(&p.packers, err);
	if (r >= 0)
		r = pm_tx_signing_load(s, transport ? transport : "", name ? name : "", &p.signing, err);
	if (r >= 0)
		r = pm_destination_open(transport ? transport : "", name ? name : "", options, &p.d,
					err);
	if (r >= 0) {
		p.traits = pm_destination_traits(p.d);
		if (pm_streq(pm_wire_get(&s->request, "precompute"), "1"))
			pm_destination_precompute(p.d, NULL, NULL);
		r = parse_request(&p, err);
	}
	if (r >= 0)
		r = pm_tx_signing_check(&p.signing, p.d, NULL, err);
	if (r >= 0)
		r = serve_images(&p, err);
	pm_destination_free(p.d);
	pm_tx_signing_free(&p.signing);
	pm_pack_server_stop(p.packers);
	return r;
}
