#include "engine/image/fetch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/image/decrypted.h"
#include "engine/image/helper.h"
#include "engine/transfer/protocol.h"
#include "netns/userns.h"
#include "registry/digest.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/signature.h"
#include "storage/blob.h"

struct fetch {
	struct pm_store *store;
	const struct pm_pull_progress *progress;
	struct pm_helper h;
	struct pm_stage *stage;
	bool userns_asked, single_id;
	int userns; /* -1: none, or not asked for yet */
	unsigned int images;
	struct pm_reference from; /* of a registry's image; else domain is NULL */
	pm_fetch_stored_fn *stored;
	void *stored_arg;
};

/* An image as offered, and what becomes of it. */
struct offer {
	struct pm_image_row row; /* points into wire and texts; names allocated */
	struct pm_buf manifest, config, signatures;
	struct pm_strv names, digests, sizes, types, diff_ids;
	char id[65];
	char (*chain)[65];
	struct pm_layer_row *layers;
	char **staged; /* names within the stage; NULL: the store has it */
	bool *complete;
	size_t n;
	int *locks;
	bool decrypted; /* some layers came encrypted: the manifest is not the one that is stored */
	char digest[PM_DIGEST_SIZE]; /* of that one then */
};

static void offer_free(struct offer *o)
{
	for (size_t i = 0; i < o->n && o->locks; i++) {
		if (o->locks[i] >= 0)
			close(o->locks[i]);
		free(o->staged[i]);
	}
	free(o->row.names);
	free(o->chain);
	free(o->layers);
	free(o->staged);
	free(o->complete);
	free(o->locks);
	pm_buf_free(&o->manifest);
	pm_buf_free(&o->config);
	pm_buf_free(&o->signatures);
	pm_strv_free(&o->names);
	pm_strv_free(&o->digests);
	pm_strv_free(&o->sizes);
	pm_strv_free(&o->types);
	pm_strv_free(&o->diff_ids);
}

/* A decimal number, -1 when it is none. */
static int64_t number(const char *s)
{
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	return errno || end == s || *end ? -1 : v;
}

static void emit(struct fetch *f, const struct pm_pull_event *ev)
{
	if (f->progress && f->progress->event)
		f->progress->event(f->progress->arg, ev);
}

static void finish(struct fetch *f)
{
	pm_helper_finish(&f->h);
	if (f->userns >= 0)
		close(pm_steal_fd(&f->userns));
}

/* --- user namespace and stage -------------------------------------------------------------------- */

static int need_userns(struct fetch *f, struct pm_err *err)
{
	if (f->userns_asked)
		return 0;
	int r = pm_userns_get(f->store->runroot_fd, &f->userns, err);
	if (r < 0)
		return r;
	if (r == 1) {
		_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
		r = pm_userns_default_map(&map, err);
		if (r < 0)
			return r;
		f->single_id = map.single;
		pm_engine_tell_single_id(f->store, &map);
	}
	f->userns_asked = true;
	return 0;
}

static int sweep_inside(void *arg, struct pm_err *err)
{
	bool left = false;
	return pm_sweep_at(*(int *)arg, &left, err);
}

void pm_fetch_drop_stage(struct pm_store *store, struct pm_stage **stage)
{
	bool left = false;
	struct pm_err err = PM_ERR_INIT;
	pm_stage_free(*stage);
	*stage = NULL;
	if (pm_sweep(store, &left, &err) >= 0 && left) {
		_cleanup_close_ int ns = -1;
		int r = pm_userns_get(store->runroot_fd, &ns, &err);
		if (r >= 0)
			r = pm_userns_run(ns, sweep_inside, &store->root_fd, &err);
	}
	if (err.code)
		pm_debug("sweep: %s", err.text);
}

/* --- layers -------------------------------------------------------------------------------------- */

static int by_chain(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Take the lock without blocking signals for the time that another process holds it. */
static int lock_layer(struct fetch *f, const char *chain, enum pm_lock_kind how,
		      struct pm_err *err)
{
	int fd = pm_store_lock(f->store, "layer", chain, how, false, NULL);
	if (fd >= 0)
		return fd;
	if (fd != -EAGAIN)
		return pm_store_lock(f->store, "layer", chain, how, false, err);
	pm_debug("waiting for layer %s, which another pm is fetching", chain);
	sigset_t now;
	sigprocmask(SIG_SETMASK, &f->h.old_mask, &now);
	fd = pm_store_lock(f->store, "layer", chain, how, true, err);
	sigprocmask(SIG_SETMASK, &now, NULL);
	return fd;
}

/* Is layer i in the store? Its lock is held on return: shared when it is, exclusive when it is not. */
static int settle_layer(struct fetch *f, struct offer *o, size_t i, struct pm_err *err)
{
	for (;;) {
		int there = pm_layer_get(f->store, o->chain[i], NULL, err);
		if (there < 0)
			return there;
		o->locks[i] = lock_layer(f, o->chain[i],
					 there ? PM_LOCK_SHARED : PM_LOCK_EXCLUSIVE, err);
		if (o->locks[i] < 0)
			return o->locks[i];
		struct pm_layer_row row = {0};
		int now = pm_layer_get(f->store, o->chain[i], &row, err);
		if (now < 0)
			return now;
		/* Another made it meanwhile: an exclusive lock keeps it as well as a shared one. */
		if (now) {
			o->layers[i].size = row.size;
			pm_layer_row_free(&row);
			return 0;
		}
		if (!there) {
			o->staged[i] = pm_asprintf("%u-%zu", f->images, i);
			o->layers[i].staged = o->staged[i];
			return 0;
		}
		close(pm_steal_fd(&o->locks[i])); /* removed just now: again, exclusively */
	}
}

static int settle_layers(struct fetch *f, struct offer *o, struct pm_err *err)
{
	char **sorted = pm_calloc(o->n, sizeof(*sorted));
	for (size_t i = 0; i < o->n; i++)
		sorted[i] = o->chain[i];
	qsort(sorted, o->n, sizeof(*sorted), by_chain);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < o->n; i++)
		r = settle_layer(f, o, (size_t)((char(*)[65])sorted[i] - o->chain), err);
	free(sorted);
	return r;
}

static int request_layer(struct fetch *f, struct offer *o, size_t i, bool first,
			 struct pm_err *err)
{
	int r = 0;
	if (!f->stage) {
		r = pm_stage_new(f->store, &f->stage, err);
		if (r < 0)
			return r;
	}
	_cleanup_close_ int dir = pm_stage_layer(f->stage, o->staged[i], err);
	if (dir < 0)
		return dir;
	_cleanup_close_ int recipe = pm_stage_recipe(f->stage, o->staged[i], err);
	if (recipe < 0)
		return recipe;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	int fds[3] = {dir, recipe, f->userns};
	bool with_userns = first && f->userns >= 0;
	pm_wire_add(&w, "type", "layer");
	pm_wire_add_int(&w, "index", (int64_t)i);
	pm_wire_add_int(&w, "userns", with_userns);
	pm_wire_add_int(&w, "single_id", f->single_id);
	return pm_wire_send(f->h.sock, &w, fds, with_userns ? 3 : 2, err);
}

static void emit_layer(struct fetch *f, const struct offer *o, size_t i,
		       enum pm_pull_layer_state state, int64_t done, int64_t total)
{
	struct pm_pull_event ev = {
		.kind = PM_PULL_LAYER,
		.state = state,
		.layer = (unsigned int)i,
		.layers = (unsigned int)o->n,
		.digest = o->digests.v[i][0] ? o->digests.v[i] : o->diff_ids.v[i],
		.done = done < 0 ? 0 : (uint64_t)done,
		.total = total < 0 ? 0 : (uint64_t)total,
	};
	emit(f, &ev);
}

static int answer(struct fetch *f, struct offer *o, struct pm_err *err)
{
	bool userns_sent = f->userns_asked;
	bool first = true;
	int r = settle_layers(f, o, err);
	for (size_t i = 0; r >= 0 && i < o->n; i++) {
		if (!o->staged[i]) {
			emit_layer(f, o, i, PM_LAYER_EXISTS, number(o->sizes.v[i]),
				   number(o->sizes.v[i]));
			continue;
		}
		r = need_userns(f, err);
		if (r >= 0)
			r = request_layer(f, o, i, first && !userns_sent, err);
		first = false;
	}
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "go");
	return pm_wire_send(f->h.sock, &w, NULL, 0, err);
}

/* --- one image ----------------------------------------------------------------------------------- */

static int malformed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
}

static int parse_offer(const struct pm_wire *w, const int *fds, size_t n_fds, struct offer *o,
		       struct pm_err *err)
{
	pm_wire_get_list(w, "name", &o->names);
	pm_wire_get_list(w, "layer", &o->digests);
	pm_wire_get_list(w, "size", &o->sizes);
	pm_wire_get_list(w, "layer_type", &o->types);
	pm_wire_get_list(w, "diff_id", &o->diff_ids);
	size_t n = o->diff_ids.n;
	const char *looked = pm_wire_get(w, "signatures");
	bool have = pm_streq(looked, "1");
	if (n_fds != (have ? 3U : 2U) || o->digests.n != n || o->sizes.n != n || o->types.n != n ||
	    !pm_digest_valid(pm_wire_get(w, "digest")) ||
	    !pm_digest_valid(pm_wire_get(w, "name_digest")))
		return malformed(err);
	int r = pm_fs_read_fd(fds[0], PM_MANIFEST_MAX, &o->manifest, err);
	if (r >= 0)
		r = pm_fs_read_fd(fds[1], PM_CONFIG_MAX, &o->config, err);
	if (r >= 0 && have)
		r = pm_fs_read_fd(fds[2], PM_SIGNATURES_TEXT_MAX, &o->signatures, err);
	if (r < 0)
		return r;
	o->row.signatures_looked = looked != NULL;
	o->decrypted = pm_streq(pm_wire_get(w, "decrypted"), "1");
	o->chain = pm_calloc(n, sizeof(*o->chain));
	o->layers = pm_calloc(n, sizeof(*o->layers));
	o->staged = pm_calloc(n, sizeof(*o->staged));
	o->complete = pm_calloc(n, sizeof(*o->complete));
	o->locks = pm_calloc(n, sizeof(*o->locks));
	o->n = n;
	for (size_t i = 0; i < n; i++)
		o->locks[i] = -1;
	for (size_t i = 0; i < n; i++) {
		const char *blob = o->digests.v[i];
		if (!pm_digest_valid(o->diff_ids.v[i]) || (*blob && !pm_digest_valid(blob)))
			return malformed(err);
		pm_chain_id(i ? o->chain[i - 1] : NULL, o->diff_ids.v[i], o->chain[i]);
		o->layers[i] = (struct pm_layer_row){
			.chain_id = o->chain[i],
			.parent = i ? o->chain[i - 1] : NULL,
			.diff_id = o->diff_ids.v[i],
			.blob = *blob ? o->digests.v[i] : NULL,
			.blob_size = *blob ? number(o->sizes.v[i]) : 0,
			.media_type = *blob ? o->types.v[i] : NULL,
		};
	}
	return 0;
}

static int fill_row(const struct pm_wire *w, struct offer *o, struct pm_err *err)
{
	struct pm_image_row *row = &o->row;
	pm_sha256_of(pm_buf_str(&o->config), o->config.len, o->id);
	row->id = o->id;
	row->digest = (char *)pm_wire_get(w, "digest");
	row->media_type = (char *)pm_wire_get(w, "media_type");
	row->manifest = (char *)pm_buf_str(&o->manifest);
	row->manifest_len = o->manifest.len;
	row->config = (char *)pm_buf_str(&o->config);
	row->config_len = o->config.len;
	row->signatures = o->signatures.data;
	row->signatures_len = o->signatures.len;
	row->os = (char *)pm_wire_get(w, "os");
	row->arch = (char *)pm_wire_get(w, "arch");
	row->variant = (char *)pm_wire_get(w, "variant");
	row->top = o->n ? o->chain[o->n - 1] : NULL;
	int r = pm_wire_get_int(w, "created", 0, &row->created, err);
	if (r < 0)
		return r;
	if (!row->media_type || !row->os || !row->arch || !row->variant)
		return malformed(err);
	row->n_names = o->names.n;
	row->names = pm_calloc(o->names.n, sizeof(*row->names));
	for (size_t i = 0; i < o->names.n; i++)
		row->names[i] = (struct pm_image_name){o->names.v[i],
						       (char *)pm_wire_get(w, "name_digest")};
	return 0;
}

static int layer_done(struct offer *o, const struct pm_wire *w, struct pm_err *err)
{
	int64_t index = -1, size = -1, blob_size = -1;
	if (pm_wire_get_int(w, "index", -1, &index, err) < 0 ||
	    pm_wire_get_int(w, "stream_size", -1, &size, err) < 0 ||
	    pm_wire_get_int(w, "blob_size", -1, &blob_size, err) < 0 || index < 0 ||
	    (size_t)index >= o->n || !o->staged[index] || o->complete[index] || size < 0 ||
	    !pm_streq(pm_wire_get(w, "diff_id"), o->diff_ids.v[index]))
		return malformed(err);
	o->complete[index] = true;
	o->layers[index].size = size;
	if (o->layers[index].blob)
		o->layers[index].blob_size = blob_size;
	return 0;
}

static int on_progress(struct fetch *f, struct offer *o, const struct pm_wire *w,
		       struct pm_err *err)
{
	int64_t index = -1, done = 0, total = 0, state = 0;
	if (pm_wire_get_int(w, "index", -1, &index, err) < 0 ||
	    pm_wire_get_int(w, "done", 0, &done, err) < 0 ||
	    pm_wire_get_int(w, "total", 0, &total, err) < 0 ||
	    pm_wire_get_int(w, "state", 0, &state, err) < 0 || index < 0 ||
	    (size_t)index >= o->n || state < 0 || state > PM_LAYER_EXISTS)
		return malformed(err);
	emit_layer(f, o, (size_t)index, (enum pm_pull_layer_state)state, done, total);
	return 0;
}

static void emit_text(struct fetch *f, enum pm_pull_event_kind kind, const struct pm_wire *w)
{
	struct pm_pull_event ev = {.kind = kind, .text = pm_wire_get(w, "text")};
	emit(f, &ev);
}

/* Once all sizes are known. */
static int use_decrypted(struct offer *o, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = pm_decrypted_manifest(&o->manifest, o->row.media_type, o->layers, o->n, &text, err);
	if (r < 0)
		return r;
	pm_buf_free(&o->manifest);
	o->manifest = text;
	text = (struct pm_buf)PM_BUF_INIT;
	pm_digest_of(o->manifest.data, o->manifest.len, o->digest);
	o->row.digest = o->digest;
	o->row.manifest = o->manifest.data;
	o->row.manifest_len = o->manifest.len;
	return 0;
}

static int commit(struct fetch *f, struct offer *o, struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	snprintf(digest, sizeof(digest), "sha256:%s", o->id);
	o->row.size = 0;
	for (size_t i = 0; i < o->n; i++) {
		if (o->staged[i] && !o->complete[i])
			return malformed(err);
		o->row.size += o->layers[i].size;
	}
	int r = o->decrypted ? use_decrypted(o, err) : 0;
	if (r < 0)
		return r;
	struct pm_pull_event ev = {.kind = PM_PULL_CONFIG, .digest = digest};
	emit(f, &ev);
	ev.kind = PM_PULL_COMMIT;
	emit(f, &ev);
	r = pm_image_commit(f->store, &o->row, o->layers, o->n, f->stage, err);
	if (r >= 0 && f->from.domain)
		r = pm_blob_placed_all(f->store, &o->digests, f->from.domain, f->from.path, err);
	if (r < 0)
		return r;
	ev.kind = PM_PULL_DONE;
	for (size_t i = 0; i < o->names.n || i == 0; i++) {
		ev.text = o->names.n ? o->names.v[i] : NULL;
		emit(f, &ev);
	}
	if (f->stored)
		f->stored(f->stored_arg, o->id, &o->names);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "next");
	return pm_wire_send(f->h.sock, &w, NULL, 0, err);
}

static int talk(struct fetch *f, struct offer *o, struct pm_err *err)
{
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int r = pm_helper_next(&f->h, &w, NULL, NULL, err);
		if (r < 0)
			return r;
		const char *type = pm_wire_get(&w, "type");
		if (pm_streq(type, "ready"))
			return commit(f, o, err);
		if (pm_streq(type, "progress"))
			r = on_progress(f, o, &w, err);
		else if (pm_streq(type, "layer"))
			r = layer_done(o, &w, err);
		else if (pm_streq(type, "retry"))
			emit_text(f, PM_PULL_RETRY, &w);
		else
			r = malformed(err);
		if (r < 0)
			return r;
	}
}

static int one_image(struct fetch *f, const struct pm_wire *w, const int *fds, size_t n_fds,
		     struct pm_err *err)
{
	struct offer o = {0};
	int r = parse_offer(w, fds, n_fds, &o, err);
	if (r >= 0)
		r = fill_row(w, &o, err);
	if (r >= 0) {
		struct pm_pull_event ev = {.kind = PM_PULL_SOURCE, .layers = (unsigned int)o.n};
		emit(f, &ev);
		r = pm_store_need_db(f->store, err);
	}
	if (r >= 0)
		r = answer(f, &o, err);
	if (r >= 0)
		r = talk(f, &o, err);
	f->images++;
	offer_free(&o);
	return r;
}

/* --- requests ------------------------------------------------------------------------------------ */

static int run_images(struct fetch *f, struct pm_err *err)
{
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[PM_TRANSFER_FDS_MAX];
		size_t n = PM_TRANSFER_FDS_MAX;
		int r = pm_helper_next(&f->h, &w, fds, &n, err);
		if (r < 0)
			return r;
		const char *type = pm_wire_get(&w, "type");
		if (pm_streq(type, "image"))
			r = one_image(f, &w, fds, n, err);
		else if (pm_streq(type, "trying"))
			emit_text(f, PM_PULL_TRYING, &w);
		else if (pm_streq(type, "retry"))
			emit_text(f, PM_PULL_RETRY, &w);
		else if (!pm_streq(type, "end"))
			r = malformed(err);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		if (r < 0 || pm_streq(type, "end"))
			return r;
	}
}

#define FETCH_INIT {.h = PM_HELPER_INIT, .userns = -1, .from = PM_REFERENCE_INIT}

int pm_fetch_images(struct pm_store *store, struct pm_wire *request, int input, bool with_stage,
		    const struct pm_pull_progress *progress, pm_fetch_stored_fn *stored, void *arg,
		    struct pm_err *err)
{
	struct fetch f = FETCH_INIT;
	f.store = store;
	f.progress = progress;
	f.stored = stored;
	f.stored_arg = arg;
	int fds[2];
	size_t n = 0;
	int r = 0;
	if (pm_streq(pm_wire_get(request, "transport"), "docker"))
		r = pm_reference_parse(pm_wire_get(request, "name"), &f.from, err);
	if (r >= 0)
		r = pm_store_need_dirs(store, err);
	if (r >= 0)
		r = pm_helper_begin(&f.h, err);
	if (r >= 0 && with_stage)
		r = pm_stage_new(store, &f.stage, err);
	if (r >= 0) {
		pm_wire_add(request, "type", "request");
		if (input >= 0) {
			pm_wire_add(request, "fds", "input");
			fds[n++] = input;
		}
		if (f.stage) {
			pm_wire_add(request, "fds", "stage");
			fds[n++] = f.stage->dir_fd;
		}
		r = pm_wire_send(f.h.sock, request, fds, n, err);
	}
	if (r >= 0)
		r = run_images(&f, err);
	finish(&f);
	if (f.stage)
		pm_fetch_drop_stage(store, &f.stage);
	pm_helper_unmask(&f.h);
	pm_reference_free(&f.from);
	return r;
}

static int run_layer(struct fetch *f, struct pm_fetch_layer *ret, struct pm_err *err)
{
	struct pm_fetch_layer l = {0};
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int r = pm_helper_next(&f->h, &w, NULL, NULL, err);
		const char *type = r < 0 ? NULL : pm_wire_get(&w, "type");
		if (pm_streq(type, "end") && l.diff_id) {
			*ret = l;
			return 0;
		}
		if (pm_streq(type, "layer") && !l.diff_id) {
			if (!pm_digest_valid(pm_wire_get(&w, "diff_id")) ||
			    !pm_digest_valid(pm_wire_get(&w, "blob")) ||
			    pm_wire_get_int(&w, "blob_size", 0, &l.blob_size, err) < 0 ||
			    pm_wire_get_int(&w, "stream_size", 0, &l.stream_size, err) < 0)
				return malformed(err);
			l.diff_id = pm_strdup(pm_wire_get(&w, "diff_id"));
			l.blob = pm_strdup(pm_wire_get(&w, "blob"));
		} else if (!pm_streq(type, "progress")) {
			free(l.diff_id);
			free(l.blob);
			return r < 0 ? r : malformed(err);
		}
	}
}

int pm_fetch_layer(struct pm_store *store, struct pm_stage *stage, const char *name,
		   struct pm_wire *request, int input,
		   const struct pm_pull_progress *progress, struct pm_fetch_layer *ret,
		   struct pm_err *err)
{
	struct fetch f = FETCH_INIT;
	f.store = store;
	f.progress = progress;
	_cleanup_close_ int dir = pm_stage_layer(stage, name, err);
	if (dir < 0)
		return dir;
	_cleanup_close_ int recipe = pm_stage_recipe(stage, name, err);
	if (recipe < 0)
		return recipe;
	int r = pm_helper_begin(&f.h, err);
	if (r >= 0)
		r = need_userns(&f, err);
	if (r >= 0) {
		const struct {
			const char *name;
			int fd;
		} all[] = {{"input", input}, {"stage", stage->dir_fd}, {"dir", dir},
			   {"recipe", recipe}, {"userns", f.userns}};
		int fds[PM_ARRAY_SIZE(all)];
		size_t n = 0;
		pm_wire_add(request, "type", "request");
		pm_wire_add_int(request, "single_id", f.single_id);
		for (size_t i = 0; i < PM_ARRAY_SIZE(all); i++) {
			if (all[i].fd < 0)
				continue;
			pm_wire_add(request, "fds", all[i].name);
			fds[n++] = all[i].fd;
		}
		r = pm_wire_send(f.h.sock, request, fds, n, err);
	}
	if (r >= 0)
		r = run_layer(&f, ret, err);
	finish(&f);
	pm_helper_unmask(&f.h);
	return r;
}
