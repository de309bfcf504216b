#include "engine/image/push.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/image/fetch.h"
#include "engine/image/helper.h"
#include "engine/image/signing.h"
#include "engine/transfer/protocol.h"
#include "netns/userns.h"
#include "registry/reference.h"
#include "storage/blob.h"
#include "storage/image.h"

enum { PLACES_MAX = 8 }; /* repositories to mount a layer from */

struct push {
	struct pm_store *store;
	const struct pm_push_options *o;
	const struct pm_pull_progress *progress;
	struct pm_helper h;
	struct pm_reference ref; /* docker: where it goes */
	bool docker;
	/* the image */
	struct pm_image_row row;
	struct pm_layer_list layers;
	int *locks;
	struct pm_strv blobs; /* of its layers, as written */
	struct pm_written written;
};

static void emit(struct push *p, const struct pm_pull_event *ev)
{
	if (p->progress && p->progress->event)
		p->progress->event(p->progress->arg, ev);
}

static int malformed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
}

static void add_text(struct pm_wire *w, const char *name, const char *value)
{
	if (value && *value)
		pm_wire_add(w, name, value);
}

/* --- the destination -------------------------------------------------------------------------- */

int pm_push_destination(const char *word, const char **ret_transport, char **ret_name,
			struct pm_err *err)
{
	const char *transport = pm_transport_of(word), *name = word;
	if (transport) {
		name += strlen(transport) + 1;
		if (strcmp(transport, "docker") != 0) {
			*ret_transport = transport;
			*ret_name = pm_strdup(name);
			return 0;
		}
		name += strspn(name, "/");
	}
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse_docker(name, &ref, err);
	if (r < 0)
		return pm_wrap(err, "destination '%.300s'", word);
	*ret_transport = "docker";
	*ret_name = pm_reference_str(&ref);
	return 0;
}

/* --- one image -------------------------------------------------------------------------------- */

static int by_chain(const void *a, const void *b)
{
	return strcmp((*(struct pm_layer_row *const *)a)->chain_id,
		      (*(struct pm_layer_row *const *)b)->chain_id);
}

/* In the order of their names. */
static int lock_layers(struct push *p, struct pm_err *err)
{
	size_t n = p->layers.n;
	struct pm_layer_row **sorted = pm_calloc(n + 1, sizeof(struct pm_layer_row *));
	p->locks = pm_calloc(n + 1, sizeof(*p->locks));
	for (size_t i = 0; i < n; i++) {
		sorted[i] = &p->layers.v[i];
		p->locks[i] = -1;
	}
	qsort(sorted, n, sizeof(struct pm_layer_row *), by_chain);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = p->locks[i] = pm_store_lock(p->store, "layer", sorted[i]->chain_id, PM_LOCK_SHARED,
						true, err);
	free(sorted);
	/* it may have gone before the locks were held */
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = pm_layer_get(p->store, p->layers.v[i].chain_id, NULL, err);
		if (r == 0)
			r = pm_fail(err, PM_E_NOSUCH, "image %.12s was removed meanwhile", p->row.id);
	}
	return r < 0 ? r : 0;
}

static void add_blobs(struct pm_wire *w, size_t index, const struct pm_layer_row *l,
		      const struct pm_blob_list *known)
{
	/* the one it was pulled as comes first */
	for (size_t i = 0; i <= known->n; i++) {
		const char *digest = i == 0 ? l->blob : known->v[i - 1].digest;
		const char *type = i == 0 ? l->media_type : known->v[i - 1].media_type;
		int64_t size = i == 0 ? l->blob_size : known->v[i - 1].size;
		if (!digest || !type || (i > 0 && pm_streq(digest, l->blob)))
			continue;
		pm_wire_add_int(w, "blob_layer", (int64_t)index);
		pm_wire_add(w, "blob", digest);
		pm_wire_add_int(w, "blob_size", size);
		pm_wire_add(w, "blob_type", type);
	}
}

static void add_place(struct pm_wire *w, size_t index, const char *domain, const char *repository)
{
	pm_wire_add_int(w, "place_layer", (int64_t)index);
	pm_wire_add(w, "place_domain", domain);
	pm_wire_add(w, "place_repository", repository);
}

static int add_places(struct push *p, struct pm_wire *w, size_t index, struct pm_err *err)
{
	const struct pm_layer_row *l = &p->layers.v[index];
	_cleanup_strv_ struct pm_strv pairs = PM_STRV_INIT;
	size_t count = 0;
	int r = pm_blob_places(p->store, l->diff_id, p->ref.domain, &pairs, err);
	for (size_t i = 0; r >= 0 && i + 1 < pairs.n; i += 2) {
		if (strcmp(pairs.v[i + 1], p->ref.path) != 0 && count++ < PLACES_MAX)
			add_place(w, index, pairs.v[i], pairs.v[i + 1]);
	}
	return r;
}

static int send_image(struct push *p, const struct pm_push_image *image, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "image");
	pm_wire_add_int(&w, "named", image->names != NULL);
	if (image->names)
		pm_wire_add_list(&w, "name", image->names);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < p->layers.n; i++) {
		const struct pm_layer_row *l = &p->layers.v[i];
		_cleanup_blob_list_ struct pm_blob_list known = {0};
		_cleanup_free_ char *diff = pm_store_layer_path(p->store, l->chain_id);
		*strrchr(diff, '/') = '\0'; /* without "diff" */
		pm_wire_add(&w, "diff_id", l->diff_id);
		pm_wire_add(&w, "dir", diff);
		r = pm_blob_of_layer(p->store, l->diff_id, p->o->level, &known, err);
		if (r >= 0)
			add_blobs(&w, i, l, &known);
		if (r >= 0 && p->docker)
			r = add_places(p, &w, i, err);
	}
	if (r < 0)
		return r;
	struct pm_buf manifest = {.data = p->row.manifest, .len = p->row.manifest_len};
	struct pm_buf config = {.data = p->row.config, .len = p->row.config_len};
	_cleanup_close_ int m = pm_fs_memfd("manifest", &manifest, err);
	if (m < 0)
		return m;
	_cleanup_close_ int c = pm_fs_memfd("config", &config, err);
	if (c < 0)
		return c;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (p->o->signatures && !p->row.readonly)
		r = pm_image_signatures(p->store, p->row.id, &text, err);
	_cleanup_close_ int signatures =
		r >= 0 && text.len ? pm_fs_memfd("signatures", &text, err) : -1;
	if (r < 0 || (text.len && signatures < 0))
		return r < 0 ? r : signatures;
	int fds[3] = {m, c, signatures};
	return pm_wire_send(p->h.sock, &w, fds, text.len ? 3 : 2, err);
}

static int on_progress(struct push *p, const struct pm_wire *w, struct pm_err *err)
{
	int64_t index = -1, done = 0, total = 0, state = 0;
	if (pm_wire_get_int(w, "index", -1, &index, err) < 0 ||
	    pm_wire_get_int(w, "done", 0, &done, err) < 0 ||
	    pm_wire_get_int(w, "total", 0, &total, err) < 0 ||
	    pm_wire_get_int(w, "state", 0, &state, err) < 0 || index < 0 ||
	    (size_t)index >= p->layers.n || state < 0 || state > PM_LAYER_EXISTS || done < 0 ||
	    total < 0)
		return malformed(err);
	struct pm_pull_event ev = {
		.kind = PM_PULL_LAYER,
		.state = (enum pm_pull_layer_state)state,
		.layer = (unsigned int)index,
		.layers = (unsigned int)p->layers.n,
		.digest = p->layers.v[index].diff_id,
		.done = (uint64_t)done,
		.total = (uint64_t)total,
	};
	emit(p, &ev);
	return 0;
}

static int on_packed(struct push *p, const struct pm_wire *w, struct pm_err *err)
{
	int64_t index = -1, level = 0, size = -1;
	const char *kind = pm_wire_get(w, "kind"), *blob = pm_wire_get(w, "blob");
	if (pm_wire_get_int(w, "index", -1, &index, err) < 0 ||
	    pm_wire_get_int(w, "level", 0, &level, err) < 0 ||
	    pm_wire_get_int(w, "blob_size", -1, &size, err) < 0 || index < 0 ||
	    (size_t)index >= p->layers.n || size < 0 || !kind || !pm_digest_valid(blob))
		return malformed(err);
	return pm_blob_packed(p->store, p->layers.v[index].diff_id, kind, (int)level, blob, size, err);
}

static int on_written(struct push *p, const struct pm_wire *w, struct pm_err *err)
{
	pm_strv_free(&p->blobs);
	pm_wire_get_list(w, "blob", &p->blobs);
	int r = pm_written_read(w, &p->written, err);
	return r < 0 || !p->docker ? r
				   : pm_blob_placed_all(p->store, &p->blobs, p->ref.domain,
							p->ref.path, err);
}

static int talk(struct push *p, struct pm_err *err)
{
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int r = pm_helper_next(&p->h, &w, NULL, NULL, err);
		if (r < 0)
			return r;
		const char *type = pm_wire_get(&w, "type");
		if (pm_streq(type, "written"))
			return on_written(p, &w, err);
		if (pm_streq(type, "progress")) {
			r = on_progress(p, &w, err);
		} else if (pm_streq(type, "packed")) {
			r = on_packed(p, &w, err);
		} else if (pm_streq(type, "retry")) {
			struct pm_pull_event ev = {.kind = PM_PULL_RETRY,
						   .text = pm_wire_get(&w, "text")};
			emit(p, &ev);
		} else {
			r = malformed(err);
		}
		if (r < 0)
			return r;
	}
}

static void image_free(struct push *p)
{
	for (size_t i = 0; p->locks && i < p->layers.n; i++) {
		if (p->locks[i] >= 0)
			close(p->locks[i]);
	}
	free(p->locks);
	p->locks = NULL;
	pm_layer_list_free(&p->layers);
	pm_image_row_free(&p->row);
	pm_strv_free(&p->blobs);
}

static int push_image(struct push *p, const struct pm_push_image *image, struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	int r = pm_image_by_id(p->store, image->id, PM_IMAGE_CONFIG | PM_IMAGE_MANIFEST, &p->row, err);
	if (r >= 0)
		r = pm_image_layers(p->store, p->row.id, &p->layers, err);
	if (r >= 0)
		r = lock_layers(p, err);
	if (r >= 0) {
		struct pm_pull_event ev = {.kind = PM_PULL_SOURCE,
					   .layers = (unsigned int)p->layers.n};
		emit(p, &ev);
		r = send_image(p, image, err);
	}
	if (r >= 0)
		r = talk(p, err);
	if (r >= 0) {
		snprintf(digest, sizeof(digest), "sha256:%s", p->row.id);
		struct pm_pull_event ev = {.kind = PM_PULL_CONFIG, .digest = digest};
		emit(p, &ev);
		ev.kind = PM_PULL_COMMIT;
		emit(p, &ev);
	}
	image_free(p);
	return r;
}

/* --- the request ------------------------------------------------------------------------------ */

static int send_request(struct push *p, int userns, struct pm_stage *stage, struct pm_err *err)
{
	const struct pm_push_options *o = p->o;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[PM_TRANSFER_FDS_MAX];
	size_t n = 0;
	pm_wire_add(&w, "type", "request");
	pm_wire_add(&w, "op", "push");
	pm_wire_add(&w, "transport", o->transport);
	pm_wire_add(&w, "name", o->name);
	add_text(&w, "authfile", o->authfile);
	add_text(&w, "creds", o->creds);
	add_text(&w, "cert_dir", o->cert_dir);
	add_text(&w, "manifest", o->format);
	add_text(&w, "compression", o->compression);
	add_text(&w, "registries_d", o->registries_d);
	pm_signing_add(&w, o->signing);
	pm_encryption_add(&w, o->encryption);
	pm_wire_add_int(&w, "tls_verify", o->tls_verify);
	pm_wire_add_int(&w, "chosen", o->chosen);
	pm_wire_add_int(&w, "force", o->force);
	pm_wire_add_int(&w, "instance", o->instance);
	pm_wire_add_int(&w, "level", o->level);
	if (o->precompute)
		pm_wire_add(&w, "precompute", "1");
	if (o->retries >= 0)
		pm_wire_add_int(&w, "retries", o->retries);
	if (o->retry_ms >= 0)
		pm_wire_add_int(&w, "retry_ms", o->retry_ms);
	pm_wire_add(&w, "fds", "stage");
	fds[n++] = stage->dir_fd;
	if (userns >= 0) {
		pm_wire_add(&w, "fds", "userns");
		fds[n++] = userns;
	}
	if (o->output >= 0) {
		pm_wire_add(&w, "fds", "output");
		fds[n++] = o->output;
	}
	return pm_wire_send(p->h.sock, &w, fds, n, err);
}

static int run(struct push *p, const struct pm_push_image *images, size_t n, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = push_image(p, &images[i], err);
	if (r >= 0) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add(&w, "type", "commit");
		r = pm_wire_send(p->h.sock, &w, NULL, 0, err);
	}
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	r = pm_helper_next(&p->h, &w, NULL, NULL, err);
	return r < 0 ? r : pm_streq(pm_wire_get(&w, "type"), "end") ? 0 : malformed(err);
}

int pm_image_push(struct pm_store *store, const struct pm_push_image *images, size_t n,
		  const struct pm_push_options *options, const struct pm_pull_progress *progress,
		  struct pm_written *ret, struct pm_err *err)
{
	struct push p = {.store = store, .o = options, .progress = progress, .h = PM_HELPER_INIT,
			 .ref = PM_REFERENCE_INIT};
	_cleanup_close_ int userns = -1;
	struct pm_stage *stage = NULL;
	p.docker = pm_streq(options->transport, "docker");
	int r = p.docker ? pm_reference_parse(options->name, &p.ref, err) : 0;
	if (r >= 0)
		r = pm_store_need_dirs(store, err);
	if (r >= 0)
		r = pm_store_need_db(store, err);
	if (r >= 0)
		r = pm_helper_begin(&p.h, err);
	if (r >= 0)
		r = pm_userns_get(store->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_stage_new(store, &stage, err);
	if (r >= 0)
		r = send_request(&p, userns, stage, err);
	if (r >= 0)
		r = run(&p, images, n, err);
	pm_helper_finish(&p.h);
	if (stage)
		pm_fetch_drop_stage(store, &stage);
	pm_helper_unmask(&p.h);
	pm_reference_free(&p.ref);
	if (r >= 0 && ret)
		*ret = p.written;
	return r < 0 ? r : 0;
}
