#include "engine/transfer/session.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/transfer/protocol.h"
#include "registry/manifest_make.h"

/* --- messages ------------------------------------------------------------------------------------ */

static int gone(struct pm_err *err)
{
	return pm_fail(err, PM_E_CANCELLED, "pm is gone");
}

int pm_session_begin(struct pm_session *s, int sock, struct pm_err *err)
{
	*s = (struct pm_session){.sock = sock, .sending = PTHREAD_MUTEX_INITIALIZER,
				 .input = -1, .stage = -1, .dir = -1, .recipe = -1, .userns = -1,
				 .output = -1};
	int fds[PM_TRANSFER_FDS_MAX];
	size_t n = PM_TRANSFER_FDS_MAX;
	int r = pm_wire_recv(sock, &s->request, fds, &n, err);
	if (r <= 0)
		return r < 0 ? r : gone(err);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	pm_wire_get_list(&s->request, "fds", &names);
	struct {
		const char *name;
		int *slot;
	} known[] = {{"input", &s->input}, {"stage", &s->stage}, {"dir", &s->dir},
		     {"recipe", &s->recipe}, {"userns", &s->userns}, {"output", &s->output}};
	for (size_t i = 0; i < n; i++) {
		int *slot = NULL;
		for (size_t k = 0; k < PM_ARRAY_SIZE(known) && i < names.n; k++) {
			if (strcmp(names.v[i], known[k].name) == 0)
				slot = known[k].slot;
		}
		if (!slot || *slot >= 0)
			close(fds[i]);
		else
			*slot = fds[i];
	}
	int64_t single;
	r = pm_wire_get_int(&s->request, "single_id", 0, &single, err);
	if (r >= 0)
		r = pm_wire_get_int(&s->request, "whiteouts", 0, &s->whiteouts, err);
	if (r < 0)
		return r;
	s->single_id = single != 0;
	s->platform = (struct pm_platform){
		.os = pm_wire_get(&s->request, "os"),
		.arch = pm_wire_get(&s->request, "arch"),
		.variant = pm_wire_get(&s->request, "variant"),
	};
	pm_platform_default(&s->platform);
	return pm_tx_crypt_load(&s->request, &s->crypt, err);
}

void pm_session_end(struct pm_session *s)
{
	int *fds[] = {&s->input, &s->stage, &s->dir, &s->recipe, &s->userns, &s->output};
	for (size_t i = 0; i < PM_ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(pm_steal_fd(fds[i]));
	}
	pm_tx_crypt_free(&s->crypt);
	pm_wire_free(&s->request);
}

int pm_session_send(struct pm_session *s, const struct pm_wire *w, struct pm_err *err)
{
	pthread_mutex_lock(&s->sending);
	int r = pm_wire_send(s->sock, w, NULL, 0, err);
	pthread_mutex_unlock(&s->sending);
	return r;
}

int pm_session_send_text(struct pm_session *s, const char *type, const char *text,
			 struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", type);
	if (text)
		pm_wire_add(&w, "text", text);
	return pm_session_send(s, &w, err);
}

int pm_session_send_progress(struct pm_session *s, size_t index, int64_t done, int64_t total,
			     int state, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "progress");
	pm_wire_add_int(&w, "index", (int64_t)index);
	pm_wire_add_int(&w, "done", done);
	pm_wire_add_int(&w, "total", total);
	pm_wire_add_int(&w, "state", state);
	return pm_session_send(s, &w, err);
}

int pm_session_send_layer(struct pm_session *s, size_t index, const char *diff_id,
			  const char *blob, int64_t blob_size, int64_t stream_size,
			  struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "layer");
	pm_wire_add_int(&w, "index", (int64_t)index);
	pm_wire_add(&w, "diff_id", diff_id);
	pm_wire_add(&w, "blob", blob);
	pm_wire_add_int(&w, "blob_size", blob_size);
	pm_wire_add_int(&w, "stream_size", stream_size);
	return pm_session_send(s, &w, err);
}

/* --- images -------------------------------------------------------------------------------------- */

void pm_tx_image_free(struct pm_tx_image *i)
{
	for (size_t k = 0; k < i->n_layers; k++) {
		if (i->layers[k].dir >= 0) {
			close(i->layers[k].dir);
			close(i->layers[k].recipe);
		}
		pm_layer_cipher_free(i->layers[k].cipher);
	}
	free(i->layers);
	pm_manifest_free(&i->manifest);
	pm_config_free(&i->config);
	pm_buf_free(&i->manifest_text);
	pm_buf_free(&i->config_text);
	pm_strv_free(&i->names);
	pm_signatures_free(&i->signatures);
	pm_json_pool_free(i->pool);
	*i = (struct pm_tx_image){0};
}

int pm_tx_image_config(struct pm_tx_image *i, int64_t n_layers, struct pm_err *err)
{
	struct pm_json *root;
	if (!i->pool)
		i->pool = pm_json_pool_new();
	int r = pm_json_parse(i->pool, pm_buf_str(&i->config_text), i->config_text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "config");
	return pm_config_parse(root, n_layers, &i->config, err);
}

static int parse_manifest(struct pm_tx_image *i, const struct pm_buf *text,
			  const char *content_type, enum pm_manifest_kind *ret_kind,
			  struct pm_json **ret_root, const char **ret_type, struct pm_err *err)
{
	if (text->len > PM_MANIFEST_MAX)
		return pm_fail(err, PM_E_FORMAT, "manifest is larger than %d bytes",
			       PM_MANIFEST_MAX);
	int r = pm_json_parse(i->pool, pm_buf_str(text), text->len, ret_root, err);
	if (r < 0)
		return pm_wrap(err, "manifest");
	return pm_manifest_kind(*ret_root, content_type, ret_kind, ret_type, err);
}

/* Whoever cannot decrypt an image gets none of it, whatever of its layers the store has. */
static int unlock_layers(struct pm_session *s, struct pm_tx_image *i, struct pm_err *err)
{
	int r = 0;
	for (size_t k = 0; r >= 0 && k < i->n_layers; k++) {
		const struct pm_descriptor *d = &i->manifest.layers[k];
		_cleanup_layer_secret_ struct pm_layer_secret secret = {0};
		if (!pm_layer_is_encrypted(d->media_type))
			continue;
		i->encrypted = true;
		r = pm_tx_crypt_unlock(&s->crypt, d, &secret, err);
		if (r >= 0)
			r = pm_layer_cipher_new(&secret, false, &i->layers[k].cipher, err);
	}
	return r;
}

int pm_tx_image_fill(struct pm_session *s, struct pm_tx_image *i, struct pm_buf *text,
		     const char *content_type, const struct pm_tx_source *source,
		     struct pm_err *err)
{
	enum pm_manifest_kind kind;
	struct pm_json *root;
	const char *type;
	i->pool = pm_json_pool_new();
	int r = parse_manifest(i, text, content_type, &kind, &root, &type, err);
	if (r < 0)
		return r;
	_cleanup_buf_ struct pm_buf second = PM_BUF_INIT;
	_cleanup_free_ char *second_type = NULL;
	if (kind == PM_MANIFEST_INDEX) {
		struct pm_descriptor d;
		r = pm_index_choose(root, &s->platform, &d, err);
		if (r >= 0 && d.size > PM_MANIFEST_MAX)
			r = pm_fail(err, PM_E_FORMAT, "manifest %s is larger than %d bytes",
				    d.digest, PM_MANIFEST_MAX);
		if (r >= 0)
			r = source->manifest(source->arg, d.digest, d.size, &second, &second_type,
					     err);
		if (r < 0)
			return r;
		if ((int64_t)second.len != d.size)
			return pm_fail(err, PM_E_DIGEST, "manifest %s has %zu bytes, not %lld",
				       d.digest, second.len, (long long)d.size);
		pm_digest_of(pm_buf_str(text), text->len, i->name_digest);
		r = parse_manifest(i, &second, second_type ? second_type : d.media_type, &kind,
				   &root, &type, err);
		if (r < 0)
			return r;
		if (kind == PM_MANIFEST_INDEX)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "image index holds an index, which is not supported");
		text = &second;
	}
	r = pm_manifest_parse_any(root, type, PM_MANIFEST_ENCRYPTED, &i->manifest, err);
	if (r < 0)
		return r;
	pm_digest_of(pm_buf_str(text), text->len, i->digest);
	pm_buf_free(&i->manifest_text);
	i->manifest_text = *text;
	*text = (struct pm_buf)PM_BUF_INIT;
	r = source->config(source->arg, &i->manifest.config, &i->config_text, err);
	if (r >= 0)
		r = pm_tx_image_config(i, (int64_t)i->manifest.n_layers, err);
	if (r < 0)
		return r;
	i->n_layers = i->manifest.n_layers;
	i->layers = pm_calloc(i->n_layers, sizeof(*i->layers));
	for (size_t k = 0; k < i->n_layers; k++) {
		struct pm_tx_layer *l = &i->layers[k];
		*l = (struct pm_tx_layer){
			.size = i->manifest.layers[k].size,
			.media_type = i->manifest.layers[k].media_type,
			.diff_id = i->config.diff_ids[k],
			.dir = -1,
			.fd = -1,
		};
		memcpy(l->digest, i->manifest.layers[k].digest, PM_DIGEST_SIZE);
	}
	return unlock_layers(s, i, err);
}

static int send_image(struct pm_session *s, struct pm_tx_image *i, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "image");
	pm_wire_add(&w, "media_type", i->manifest.media_type);
	pm_wire_add(&w, "digest", i->digest);
	pm_wire_add(&w, "name_digest", i->name_digest[0] ? i->name_digest : i->digest);
	pm_wire_add_int(&w, "created", i->config.created);
	pm_wire_add(&w, "os", i->config.os);
	pm_wire_add(&w, "arch", i->config.arch);
	pm_wire_add(&w, "variant", i->config.variant);
	const char *store_as = pm_wire_get(&s->request, "store_as");
	if (store_as)
		pm_wire_add(&w, "name", store_as);
	else
		pm_wire_add_list(&w, "name", &i->names);
	if (i->encrypted)
		pm_wire_add(&w, "decrypted", "1");
	for (size_t k = 0; k < i->n_layers; k++) {
		/* what is stored has nothing to do with an encrypted blob */
		pm_wire_add(&w, "layer", i->layers[k].cipher ? "" : i->layers[k].digest);
		pm_wire_add_int(&w, "size", i->layers[k].size);
		pm_wire_add(&w, "layer_type", i->layers[k].media_type);
		pm_wire_add(&w, "diff_id", i->layers[k].diff_id);
	}
	_cleanup_close_ int manifest = pm_fs_memfd("manifest", &i->manifest_text, err);
	if (manifest < 0)
		return manifest;
	_cleanup_close_ int config = pm_fs_memfd("config", &i->config_text, err);
	if (config < 0)
		return config;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	if (i->signatures.n && !i->encrypted)
		pm_signatures_write(&i->signatures, &text);
	_cleanup_close_ int signatures = text.len ? pm_fs_memfd("signatures", &text, err) : -1;
	if (text.len && signatures < 0)
		return signatures;
	if (i->signatures_looked)
		pm_wire_add(&w, "signatures", text.len ? "1" : "0");
	int fds[3] = {manifest, config, signatures};
	return pm_wire_send(s->sock, &w, fds, text.len ? 3 : 2, err);
}

/* A "layer" message: fds are its directory, its recipe and perhaps the user namespace; taken or closed. */
static int want_layer(struct pm_session *s, struct pm_tx_image *i, const struct pm_wire *w,
		      int *fds, size_t n, struct pm_err *err)
{
	int64_t index = -1, userns = 0, single = 0, whiteouts = 0;
	int r = pm_wire_get_int(w, "index", -1, &index, err);
	if (r >= 0)
		r = pm_wire_get_int(w, "userns", 0, &userns, err);
	if (r >= 0)
		r = pm_wire_get_int(w, "single_id", s->single_id, &single, err);
	if (r >= 0)
		r = pm_wire_get_int(w, "whiteouts", s->whiteouts, &whiteouts, err);
	bool good = r >= 0 && index >= 0 && (size_t)index < i->n_layers &&
		    n == (userns ? 3U : 2U) && i->layers[index].dir < 0 &&
		    (!userns || s->userns < 0);
	if (!good) {
		for (size_t k = 0; k < n; k++)
			close(fds[k]);
		return r < 0 ? r : pm_fail(err, PM_E_INTERNAL, "malformed message from pm");
	}
	i->layers[index].dir = fds[0];
	i->layers[index].recipe = fds[1];
	if (userns)
		s->userns = fds[2];
	s->single_id = single != 0;
	s->whiteouts = whiteouts;
	return 0;
}

int pm_session_offer(struct pm_session *s, struct pm_tx_image *i, struct pm_err *err)
{
	int r = send_image(s, i, err);
	while (r >= 0) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[PM_TRANSFER_FDS_MAX];
		size_t n = PM_TRANSFER_FDS_MAX;
		r = pm_wire_recv(s->sock, &w, fds, &n, err);
		if (r <= 0)
			return r < 0 ? r : gone(err);
		const char *type = pm_wire_get(&w, "type");
		if (pm_streq(type, "go"))
			return 0;
		r = want_layer(s, i, &w, fds, n, err);
	}
	return r;
}

int pm_session_ready(struct pm_session *s, struct pm_err *err)
{
	int r = pm_session_send_text(s, "ready", NULL, err);
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	r = pm_wire_recv(s->sock, &w, NULL, NULL, err);
	return r < 0 ? r : r == 0 ? gone(err) : 0;
}
