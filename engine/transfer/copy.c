#include "engine/transfer/copy.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "engine/transfer/access.h"
#include "engine/transfer/copy_blobs.h"
#include "engine/transfer/rewrite.h"
#include "engine/transfer/signing.h"
#include "engine/transfer/source.h"
#include "engine/transfer/trust.h"
#include "registry/destination.h"

enum { INDEX_ENTRIES_MAX = 1000 };

struct copy {
	struct pm_session *s;
	struct pm_access src_access, dst_access;
	struct pm_source *source;
	struct pm_destination *destination;
	const struct pm_destination_traits *traits;
	struct pm_rewrite_wish wish;
	const char *multi; /* "system", "all", "index-only" */
	bool foreign, drop_signatures;
	struct pm_tx_signing signing;
	const char *list; /* digest of the list that images are chosen from, or NULL */
	atomic_bool cancel;
};

/* A manifest as the destination got it. */
struct copied {
	char digest[PM_DIGEST_SIZE];
	int64_t size;
	const char *media_type;
};

static bool flag(const struct pm_session *s, const char *name)
{
	return pm_streq(pm_wire_get(&s->request, name), "1");
}

/* --- one image ----------------------------------------------------------------------------------- */

static int announce(struct copy *c, const struct pm_manifest *m, struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "image");
	for (size_t i = 0; i < m->n_layers; i++)
		pm_wire_add(&w, "layer", m->layers[i].digest);
	return pm_session_send(c->s, &w, err);
}

/* Diff ids where the config tells them; the config's text in *ret_text. */
static int read_config(struct copy *c, const struct pm_manifest *m, struct pm_json_pool *pool,
		       struct pm_buf *ret_text, struct pm_config *ret, struct pm_err *err)
{
	int r = pm_source_read_blob(c->source, &m->config, PM_CONFIG_MAX, ret_text, err);
	bool image = strcmp(m->config.media_type, PM_MT_OCI_CONFIG) == 0 ||
		     strcmp(m->config.media_type, PM_MT_DOCKER_CONFIG) == 0;
	if (r < 0 || !image)
		return r;
	struct pm_json *root;
	r = pm_json_parse(pool, pm_buf_str(ret_text), ret_text->len, &root, err);
	if (r >= 0)
		r = pm_config_parse(root, (int64_t)m->n_layers, ret, err);
	return r < 0 ? pm_wrap(err, "config %s", m->config.digest) : 0;
}

/* What the layers are encrypted by that the plan decrypts: n secrets. */
static int unlock_layers(struct copy *c, const struct pm_manifest *m, const struct pm_rewrite_plan *plan,
			 struct pm_layer_secret *secrets, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < m->n_layers; i++) {
		if (plan->crypt[i].decrypt)
			r = pm_tx_crypt_unlock(&c->s->crypt, &m->layers[i], &secrets[i], err);
	}
	return r;
}

static int copy_layers(struct copy *c, const struct pm_manifest *m,
		       const struct pm_rewrite_plan *plan, const struct pm_config *config,
		       struct pm_rewritten *ret, struct pm_err *err)
{
	struct pm_layer_secret *secrets = pm_calloc(m->n_layers, sizeof(*secrets));
	struct pm_copy_blobs b = {
		.session = c->s,
		.source = c->source,
		.destination = c->destination,
		.compression = plan->compression,
		.level = c->wish.level,
		.v = pm_calloc(m->n_layers, sizeof(*b.v)),
		.n = m->n_layers,
		.cancel = &c->cancel,
	};
	for (size_t i = 0; i < b.n; i++)
		b.v[i] = (struct pm_copy_blob){
			.in = &m->layers[i],
			.change = plan->layers[i],
			.diff_id = i < config->n_diff_ids ? config->diff_ids[i] : NULL,
			.skip = pm_layer_is_foreign(m->layers[i].media_type),
			.decrypt = plan->crypt[i].decrypt ? &secrets[i] : NULL,
			.encrypt = plan->crypt[i].encrypt,
		};
	int r = unlock_layers(c, m, plan, secrets, err);
	if (r >= 0)
		r = pm_copy_blobs(&b, err);
	for (size_t i = 0; i < b.n; i++) {
		ret[i] = b.v[i].out;
		pm_layer_secret_wipe(&secrets[i]);
	}
	free(b.v);
	free(secrets);
	return r;
}

static int copy_config(struct copy *c, const struct pm_manifest *m, const struct pm_buf *text,
		       struct pm_err *err)
{
	int64_t size = -1;
	int r = pm_destination_has_blob(c->destination, m->config.digest, &size, err);
	if (r < 0 || (r > 0 && (size < 0 || size == m->config.size)))
		return r;
	r = pm_session_send_text(c->s, "config", m->config.digest, err);
	return r < 0 ? r : pm_destination_put_text(c->destination, pm_buf_str(text), text->len,
						   PM_BLOB_CONFIG, err);
}

/* Signatures of the manifest that go along. verify: if the policy demands some, they are those that it wants. */
static int carry_signatures(struct copy *c, const char *digest, bool verify,
			    struct pm_signatures *ret, struct pm_err *err)
{
	const struct pm_trust_image t = {
		.transport = pm_wire_get(&c->s->request, "src_transport"),
		.scope = pm_wire_get(&c->s->request, "src_name"),
		.digest = digest,
		.list = c->list,
		.fetch = pm_source_signatures,
		.arg = c->source,
	};
	verify = verify && pm_trust_wanted(c->s);
	int r = c->drop_signatures && !verify ? 0
					      : pm_source_signatures(c->source, digest, ret, err);
	if (r >= 0 && verify)
		r = pm_trust_verify(c->s, &t, ret, err);
	if (c->drop_signatures)
		pm_signatures_free(ret);
	return r < 0 ? r : pm_tx_signing_check(&c->signing, c->destination, ret, err);
}

/* A signature is for the manifest as it is. */
static struct pm_rewrite_wish wish_for(const struct copy *c, const struct pm_signatures *carried)
{
	struct pm_rewrite_wish wish = c->wish;
	wish.preserve_why = wish.preserve ? "which --preserve-digests forbids"
					  : "which would invalidate its signatures (--remove-signatures "
					    "leaves them out)";
	wish.preserve = wish.preserve || carried->n;
	return wish;
}

/* signatures: what is carried along. */
static int put_manifest(struct copy *c, const struct pm_buf *text, const char *media_type,
			bool instance, struct pm_signatures *signatures, struct copied *ret,
			struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(pm_buf_str(text), text->len, digest);
	int r = instance ? 0 : pm_session_send_text(c->s, "manifest", NULL, err);
	if (r >= 0)
		r = pm_tx_signing_store(&c->signing, c->destination, signatures, digest, instance, err);
	if (r >= 0)
		r = pm_destination_put_manifest(c->destination, pm_buf_str(text), text->len, media_type,
						instance ? digest : NULL, ret->digest, err);
	ret->size = (int64_t)text->len;
	ret->media_type = media_type;
	return r;
}

/* root: text parsed, of pool; may be changed. */
static int copy_image(struct copy *c, struct pm_json_pool *pool, struct pm_json *root,
		      const struct pm_buf *text, const char *media_type, bool instance,
		      struct copied *ret, struct pm_err *err)
{
	_cleanup_manifest_ struct pm_manifest m = {0};
	_cleanup_config_ struct pm_config config = {0};
	_cleanup_rewrite_plan_ struct pm_rewrite_plan plan = {0};
	_cleanup_buf_ struct pm_buf config_text = PM_BUF_INIT, changed = PM_BUF_INIT;
	_cleanup_signatures_ struct pm_signatures signatures = {0};
	unsigned int flags = PM_MANIFEST_ARTIFACTS | (c->foreign ? PM_MANIFEST_FOREIGN : 0);
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(pm_buf_str(text), text->len, digest);
	int r = carry_signatures(c, digest, true, &signatures, err);
	struct pm_rewrite_wish wish = wish_for(c, &signatures);
	if (r >= 0)
		r = pm_manifest_parse_any(root, media_type, flags, &m, err);
	_cleanup_free_ bool *chosen = pm_calloc(m.n_layers, sizeof(*chosen));
	if (r >= 0)
		r = pm_tx_crypt_choose(&c->s->crypt, m.n_layers, chosen, err);
	wish.encrypt = chosen;
	if (r >= 0)
		r = pm_rewrite_plan(&m, &wish, c->traits, &plan, err);
	if (r >= 0)
		r = announce(c, &m, err);
	if (r >= 0)
		r = read_config(c, &m, pool, &config_text, &config, err);
	if (r < 0)
		return r;
	struct pm_rewritten *layers = pm_calloc(m.n_layers, sizeof(*layers));
	r = copy_layers(c, &m, &plan, &config, layers, err);
	if (r >= 0)
		r = copy_config(c, &m, &config_text, err);
	if (r >= 0 && plan.changes)
		r = pm_rewrite_manifest(pool, root, &m, &plan, layers, &changed, err);
	pm_rewritten_free(layers, m.n_layers);
	if (r < 0)
		return r;
	return put_manifest(c, plan.changes ? &changed : text, plan.media_type, instance, &signatures,
			    ret, err);
}

/* --- lists --------------------------------------------------------------------------------------- */

/* Text, tree and kind of a manifest; digest NULL: the top one. */
static int read_manifest(struct copy *c, const char *digest, struct pm_json_pool *pool,
			 struct pm_buf *text, struct pm_json **ret_root,
			 enum pm_manifest_kind *ret_kind, const char **ret_type, struct pm_err *err)
{
	_cleanup_free_ char *type = NULL;
	int r = pm_source_manifest(c->source, digest, text, &type, err);
	if (r < 0)
		return r;
	r = pm_json_parse(pool, pm_buf_str(text), text->len, ret_root, err);
	if (r >= 0)
		r = pm_manifest_kind(*ret_root, type, ret_kind, ret_type, err);
	return r < 0 ? pm_wrap(err, "manifest of %s", pm_source_where(c->source)) : 0;
}

/* One entry of a list: copy it, and put what it became into the entry. */
static int copy_entry(struct copy *c, struct pm_json_pool *list_pool, struct pm_json *entry,
		      bool *changed, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_descriptor d;
	struct pm_json *root;
	enum pm_manifest_kind kind;
	const char *type;
	struct copied done;
	int r = pm_descriptor_parse(entry, "image in index", &d, err);
	if (r >= 0)
		r = read_manifest(c, d.digest, pool, &text, &root, &kind, &type, err);
	if (r < 0)
		return r;
	if (kind == PM_MANIFEST_INDEX)
		return pm_fail(err, PM_E_UNSUPPORTED, "image index holds an index, which is not "
						      "supported");
	r = copy_image(c, pool, root, &text, type, true, &done, err);
	if (r < 0)
		return pm_wrap(err, "image %s of the list", d.digest);
	if (strcmp(done.digest, d.digest) == 0)
		return 0;
	*changed = true;
	pm_json_set_str(list_pool, entry, "digest", done.digest);
	pm_json_set_int(list_pool, entry, "size", done.size);
	pm_json_set_str(list_pool, entry, "mediaType", done.media_type);
	return 0;
}

static int copy_list(struct copy *c, struct pm_json_pool *pool, struct pm_json *root,
		     const struct pm_buf *text, const char *media_type, struct copied *ret,
		     struct pm_err *err)
{
	_cleanup_signatures_ struct pm_signatures signatures = {0};
	struct pm_json *list = pm_json_get(root, "manifests");
	const char *new_type = pm_rewrite_index_type(media_type, &c->wish, c->traits);
	bool changed = strcmp(new_type, media_type) != 0;
	if (c->traits->single)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: cannot hold a list of images: copy one of "
						      "them (without --all)",
			       c->traits->transport);
	if (!pm_json_is(list, PM_JSON_ARRAY) || list->len > INDEX_ENTRIES_MAX)
		return pm_fail(err, PM_E_FORMAT, "image index has no list of manifests, or one of more "
						 "than %d",
			       INDEX_ENTRIES_MAX);
	/* Its images are verified each; alone it must be good itself. */
	bool all = strcmp(c->multi, "all") == 0;
	if (!all && (c->wish.encrypts || c->wish.decrypt))
		return pm_fail(err, PM_E_USAGE, "--multi-arch=index-only copies no layers: there is nothing to "
						"encrypt or to decrypt");
	int r = carry_signatures(c, c->list, !all, &signatures, err);
	const struct pm_rewrite_wish wish = wish_for(c, &signatures);
	bool forbidden = wish.preserve && changed; /* its form alone: known before anything is copied */
	for (size_t i = 0; r >= 0 && !forbidden && i < list->len && all; i++)
		r = copy_entry(c, pool, list->items[i], &changed, err);
	if (r < 0)
		return r;
	if (!changed)
		return put_manifest(c, text, media_type, false, &signatures, ret, err);
	if (wish.preserve)
		return pm_fail(err, PM_E_USAGE, "would change the list's digest, %s", wish.preserve_why);
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_json_set_str(pool, root, "mediaType", new_type);
	pm_json_write(root, 0, &out);
	return put_manifest(c, &out, new_type, false, &signatures, ret, err);
}

static int open_source(struct copy *c, struct pm_err *err)
{
	const struct pm_wire *w = &c->s->request;
	struct pm_source_options so = {
		.access = &c->src_access,
		.platform = &c->s->platform,
		.shared_blob_dir = pm_wire_get(w, "src_shared"),
		.daemon_host = pm_wire_get(w, "src_daemon"),
		.registries_d = pm_wire_get(w, "registries_d"),
		.input = c->s->input,
		.stage = c->s->stage,
		.cancel = &c->cancel,
	};
	const char *name = pm_wire_get(w, "src_name"), *transport = pm_wire_get(w, "src_transport");
	int r = pm_source_open(transport, name, &so, &c->source, err);
	return r < 0 ? pm_wrap(err, "initializing source %s:%s%s", transport,
			       strcmp(transport, "docker") == 0 ? "//" : "", name)
		     : 0;
}

/* Once the source's manifest is there: a name without an image leaves nothing. */
static int open_destination(struct copy *c, struct pm_err *err)
{
	const struct pm_wire *w = &c->s->request;
	struct pm_destination_options dopt = PM_DESTINATION_OPTIONS_INIT;
	dopt.conf = &c->dst_access.conf;
	dopt.client = &c->dst_access.client;
	dopt.stall_seconds = c->dst_access.stall_seconds;
	dopt.shared_blob_dir = pm_wire_get(w, "dst_shared");
	dopt.daemon_host = pm_wire_get(w, "dst_daemon");
	dopt.registries_d = pm_wire_get(w, "registries_d");
	dopt.output = c->s->output;
	dopt.stage = c->s->stage;
	dopt.cancel = &c->cancel;
	const char *name = pm_wire_get(w, "dst_name"), *transport = pm_wire_get(w, "dst_transport");
	int r = pm_destination_open(transport, name, &dopt, &c->destination, err);
	if (r < 0)
		return pm_wrap(err, "initializing destination %s:%s%s", transport,
			       strcmp(transport, "docker") == 0 ? "//" : "", name);
	c->traits = pm_destination_traits(c->destination);
	const char *domain = NULL, *path = NULL;
	if (flag(c->s, "precompute")) {
		pm_source_repository(c->source, &domain, &path);
		pm_destination_precompute(c->destination, domain, path);
	}
	return 0;
}

static int copy_top(struct copy *c, struct copied *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, second = PM_BUF_INIT;
	struct pm_json *root;
	enum pm_manifest_kind kind;
	const char *type;
	int r = read_manifest(c, NULL, pool, &text, &root, &kind, &type, err);
	if (r >= 0)
		r = open_destination(c, err);
	if (r < 0)
		return r;
	bool instance = flag(c->s, "instance");
	if (kind == PM_MANIFEST_IMAGE)
		return copy_image(c, pool, root, &text, type, instance, ret, err);
	char list[PM_DIGEST_SIZE];
	pm_digest_of(pm_buf_str(&text), text.len, list);
	c->list = list;
	if (strcmp(c->multi, "system") != 0)
		return copy_list(c, pool, root, &text, type, ret, err);
	struct pm_descriptor d;
	r = pm_index_choose(root, &c->s->platform, &d, err);
	if (r >= 0)
		r = read_manifest(c, d.digest, pool, &second, &root, &kind, &type, err);
	if (r < 0)
		return r;
	if (kind == PM_MANIFEST_INDEX)
		return pm_fail(err, PM_E_UNSUPPORTED, "image index holds an index, which is not "
						      "supported");
	return copy_image(c, pool, root, &second, type, instance, ret, err);
}

/* --- the request --------------------------------------------------------------------------------- */

static int read_wish(struct copy *c, struct pm_err *err)
{
	const struct pm_wire *w = &c->s->request;
	const char *format = pm_wire_get(w, "format"), *kind = pm_wire_get(w, "compression");
	int64_t level;
	int r = pm_wire_get_int(w, "level", 0, &level, err);
	if (r < 0)
		return r;
	c->wish = (struct pm_rewrite_wish){
		.format = pm_streq(format, "oci")    ? PM_FORMAT_OCI
			  : pm_streq(format, "v2s2") ? PM_FORMAT_DOCKER
						     : PM_FORMAT_KEEP,
		.compression = pm_streq(kind, "gzip")	? PM_COMPRESSION_GZIP
			       : pm_streq(kind, "zstd") ? PM_COMPRESSION_ZSTD
							: PM_COMPRESSION_NONE,
		.level = (int)level,
		.compress = flag(c->s, "compress"),
		.decompress = flag(c->s, "decompress"),
		.accept_plain = flag(c->s, "accept_plain"),
		.preserve = flag(c->s, "preserve"),
		.decrypt = c->s->crypt.decrypts,
		.encrypts = c->s->crypt.encrypts,
	};
	c->foreign = flag(c->s, "foreign");
	c->drop_signatures = flag(c->s, "remove_signatures");
	c->multi = pm_wire_get(w, "multi");
	return 0;
}

static int finish(struct copy *c, const struct copied *done, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	pm_wire_get_list(&c->s->request, "tag", &tags);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < tags.n; i++)
		r = pm_destination_add_tag(c->destination, tags.v[i], err);
	if (r >= 0)
		r = pm_destination_commit(c->destination, err);
	if (r < 0)
		return pm_wrap(err, "%s", pm_destination_where(c->destination));
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "result");
	pm_wire_add(&w, "digest", done->digest);
	pm_wire_add_int(&w, "size", done->size);
	pm_wire_add(&w, "media_type", done->media_type);
	return pm_session_send(c->s, &w, err);
}

int pm_copy_serve(struct pm_session *s, struct pm_err *err)
{
	struct copy c = {.s = s};
	struct copied done;
	static const char *const needed[] = {"src_transport", "src_name", "dst_transport", "dst_name",
					     "multi"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(needed); i++) {
		if (!pm_wire_get(&s->request, needed[i]))
			return pm_fail(err, PM_E_INTERNAL, "malformed request");
	}
	int r = read_wish(&c, err);
	if (r >= 0)
		r = pm_tx_signing_load(s, pm_wire_get(&s->request, "dst_transport"),
				       pm_wire_get(&s->request, "dst_name"), &c.signing, err);
	if (r >= 0)
		r = pm_access_load(s, "src_", &c.src_access, err);
	if (r >= 0)
		r = pm_access_load(s, "dst_", &c.dst_access, err);
	if (r >= 0)
		r = open_source(&c, err);
	if (r >= 0)
		r = copy_top(&c, &done, err);
	if (r >= 0)
		r = finish(&c, &done, err);
	pm_destination_free(c.destination);
	pm_source_free(c.source);
	pm_access_free(&c.src_access);
	pm_access_free(&c.dst_access);
	pm_tx_signing_free(&c.signing);
	return r;
}
