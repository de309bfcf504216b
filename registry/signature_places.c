#include "registry/signature_places.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "registry/digest.h"
#include "registry/manifest.h"

/* --- a lookaside storage ------------------------------------------------------------------------- */

/* signature-1, signature-2, ... until there is none. */
static int fetch_lookaside(struct pm_client *c, const struct pm_reference *ref, const char *base,
			   const char *digest, struct pm_signatures *ret, struct pm_err *err)
{
	for (unsigned int i = 1; i <= PM_SIGNATURES_MAX; i++) {
		_cleanup_free_ char *url = pm_asprintf("%s/%s@sha256=%s/signature-%u", base, ref->path,
						       pm_digest_hex(digest), i);
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		struct pm_err why = PM_ERR_INIT;
		int r = pm_startswith(url, "file://")
				? pm_fs_read_file(AT_FDCWD, url + 7, PM_SIGNATURE_MAX, &text, &why)
				: pm_client_document(c, url, PM_SIGNATURE_MAX, &text, &why);
		if (r == -ENOENT || r == -ENOTDIR || r == -PM_E_NOSUCH)
			return 0;
		if (r >= 0)
			r = pm_signature_parse(pm_buf_str(&text), text.len, ret, &why);
		if (r < 0) {
			if (err)
				*err = why;
			return pm_wrap(err, "signatures in %s", base);
		}
		r = pm_signatures_check_size(ret, base, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_lookaside(const struct pm_reference *ref, const struct pm_signature_places *places,
			 const char *digest, const struct pm_signatures *s, struct pm_err *err)
{
	_cleanup_free_ char *base = NULL;
	int r = pm_signature_places_directory(places, ref, &base, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *path = pm_asprintf("%s/%s@sha256=%s", base, ref->path, pm_digest_hex(digest));
	r = pm_fs_mkdirs(AT_FDCWD, path, 0755, err);
	if (r < 0)
		return pm_wrap(err, "signatures in %s", base);
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (dir < 0)
		return dir;
	unsigned int n = 1;
	for (size_t i = 0; r >= 0 && i < s->n; i++) {
		_cleanup_free_ char *name = pm_asprintf("signature-%u", n);
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		if (s->v[i].kind != PM_SIGNATURE_SIMPLE)
			continue;
		pm_signature_format(&s->v[i], &text);
		r = pm_fs_write_file(dir, name, pm_buf_str(&text), text.len, 0644, false, err);
		n++;
	}
	if (r < 0)
		return pm_wrap(err, "signatures in %s", path);
	/* Readers go on to the first that is missing. */
	for (; n <= PM_SIGNATURES_MAX; n++) {
		_cleanup_free_ char *name = pm_asprintf("signature-%u", n);
		if (unlinkat(dir, name, 0) < 0)
			break;
	}
	return 0;
}

/* --- attachments --------------------------------------------------------------------------------- */

/* The image that signatures are attached by, as it is now. */
struct attachment {
	char *tag;
	struct pm_json_pool *pool;
	struct pm_json *root; /* NULL: there is none yet */
	struct pm_manifest m;
};

static void attachment_free(struct attachment *a)
{
	free(a->tag);
	pm_manifest_free(&a->m);
	pm_json_pool_free(a->pool);
}

static int attachment_read(struct pm_client *c, const char *digest, struct attachment *ret,
			   struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *type = NULL;
	struct pm_err why = PM_ERR_INIT;
	enum pm_manifest_kind kind;
	const char *media_type;
	*ret = (struct attachment){
		.tag = pm_asprintf("sha256-%s.sig", pm_digest_hex(digest)),
		.pool = pm_json_pool_new(),
	};
	int r = pm_client_manifest(c, ret->tag, &text, &type, &why);
	if (r == -PM_E_NOSUCH)
		return 0;
	if (r < 0 && err)
		*err = why;
	if (r >= 0)
		r = pm_json_parse(ret->pool, pm_buf_str(&text), text.len, &ret->root, err);
	if (r >= 0)
		r = pm_manifest_kind(ret->root, type, &kind, &media_type, err);
	if (r >= 0 && (kind != PM_MANIFEST_IMAGE || strcmp(media_type, PM_MT_OCI_MANIFEST) != 0))
		r = pm_fail(err, PM_E_FORMAT, "it is no OCI image");
	if (r >= 0)
		r = pm_manifest_parse_any(ret->root, media_type, PM_MANIFEST_ARTIFACTS, &ret->m, err);
	if (r >= 0 && ret->m.n_layers > PM_SIGNATURES_MAX)
		r = pm_fail(err, PM_E_FORMAT, "there are more than %d signatures", PM_SIGNATURES_MAX);
	return r < 0 ? pm_wrap(err, "signatures %s", ret->tag) : 0;
}

static const struct pm_json *layer_notes(const struct attachment *a, size_t i)
{
	const struct pm_json *notes =
		pm_json_get(pm_json_at(pm_json_get(a->root, "layers"), i), "annotations");
	return pm_json_is(notes, PM_JSON_OBJECT) ? notes : NULL;
}

static int fetch_attached(struct pm_client *like, const char *digest, struct pm_signatures *ret,
			  struct pm_err *err)
{
	/* A mirror without them must not be given up for the image's blobs. */
	struct pm_client *c = pm_client_clone(like, pm_client_http(like));
	_cleanup_(attachment_free) struct attachment a = {0};
	int r = attachment_read(c, digest, &a, err);
	for (size_t i = 0; r >= 0 && i < a.m.n_layers; i++) {
		const struct pm_descriptor *d = &a.m.layers[i];
		const struct pm_json *notes = layer_notes(&a, i);
		if (d->size > PM_SIGNATURE_MAX || pm_json_len(notes) > PM_SIGNATURE_NOTES_MAX) {
			r = pm_fail(err, PM_E_FORMAT, "signatures %s: %s is larger than %d bytes, or has "
						      "more than %d annotations",
				    a.tag, d->digest, PM_SIGNATURE_MAX, PM_SIGNATURE_NOTES_MAX);
			break;
		}
		struct pm_signature *one = pm_signatures_add(ret, PM_SIGNATURE_SIGSTORE);
		one->media_type = pm_strdup(d->media_type);
		for (size_t k = 0; notes && k < notes->len; k++) {
			if (!pm_json_is(notes->members[k].value, PM_JSON_STRING))
				continue;
			pm_strv_add(&one->notes, notes->members[k].name);
			pm_strv_add(&one->notes, notes->members[k].value->string);
		}
		r = pm_client_blob(c, d->digest, d->size, &one->payload, err);
		if (r < 0)
			pm_wrap(err, "signatures %s", a.tag);
		else
			r = pm_signatures_check_size(ret, a.tag, err);
	}
	pm_client_free(c);
	return r;
}

/* Is it attached already? */
static bool has(const struct attachment *a, const struct pm_signature *s, const char *digest)
{
	for (size_t i = 0; i < a->m.n_layers; i++) {
		const struct pm_json *notes = layer_notes(a, i);
		bool same = strcmp(a->m.layers[i].digest, digest) == 0 &&
			    pm_streq(a->m.layers[i].media_type, s->media_type);
		for (size_t k = 0; same && k + 1 < s->notes.n; k += 2)
			same = pm_streq(pm_json_get_str(notes, s->notes.v[k]), s->notes.v[k + 1]);
		if (same)
			return true;
	}
	return false;
}

static int put_text(struct pm_client *c, const struct pm_buf *text, const char *digest,
		    struct pm_err *err)
{
	struct pm_stream_text t = {.data = pm_buf_str(text), .len = text->len};
	struct pm_stream in = pm_stream_of_text(&t);
	int r = pm_client_has_blob(c, digest, NULL, err);
	return r != 0 ? r : pm_client_put_blob(c, &in, digest, (int64_t)text->len, NULL, NULL, err);
}

/* The config that goes with such an image names the payloads as if they were layers; what an earlier one has else is
 * kept. */
static int read_config(struct pm_client *c, struct attachment *a, struct pm_json **ret,
		       struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r = 0;
	if (a->root && a->m.config.size > PM_SIGNATURE_MAX)
		return pm_fail(err, PM_E_FORMAT, "the config is larger than %d bytes", PM_SIGNATURE_MAX);
	if (a->root)
		r = pm_client_blob(c, a->m.config.digest, a->m.config.size, &text, err);
	if (r >= 0 && text.len)
		r = pm_json_parse(a->pool, pm_buf_str(&text), text.len, ret, err);
	if (r < 0)
		return r;
	if (!text.len || !pm_json_is(*ret, PM_JSON_OBJECT))
		*ret = pm_json_object(a->pool);
	if (!pm_json_get(*ret, "architecture"))
		pm_json_set_str(a->pool, *ret, "architecture", "");
	if (!pm_json_get(*ret, "os"))
		pm_json_set_str(a->pool, *ret, "os", "");
	if (!pm_json_get(*ret, "config"))
		pm_json_set(a->pool, *ret, "config", pm_json_object(a->pool));
	struct pm_json *ids = pm_json_array(a->pool), *rootfs = pm_json_object(a->pool);
	for (size_t i = 0; i < a->m.n_layers; i++)
		pm_json_add(a->pool, ids, pm_json_str(a->pool, a->m.layers[i].digest));
	pm_json_set_str(a->pool, rootfs, "type", "layers");
	pm_json_set(a->pool, rootfs, "diff_ids", ids);
	pm_json_set(a->pool, *ret, "rootfs", rootfs);
	return 0;
}

static struct pm_json *descriptor(struct pm_json_pool *pool, const char *type, const char *digest,
				  size_t size)
{
	struct pm_json *d = pm_json_object(pool);
	pm_json_set_str(pool, d, "mediaType", type);
	pm_json_set_str(pool, d, "digest", digest);
	pm_json_set_int(pool, d, "size", (int64_t)size);
	return d;
}

/* One more payload. 1: added, 0: it was there. */
static int add_payload(struct pm_client *c, struct attachment *a, struct pm_json *layers,
		       struct pm_json *ids, const struct pm_signature *s, struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(pm_buf_str(&s->payload), s->payload.len, digest);
	if (has(a, s, digest))
		return 0;
	if (layers->len >= PM_SIGNATURES_MAX)
		return pm_fail(err, PM_E_STATE, "there are %d signatures already: remove the tag to "
						"begin anew",
			       PM_SIGNATURES_MAX);
	int r = put_text(c, &s->payload, digest, err);
	if (r < 0)
		return r;
	struct pm_json *d = descriptor(a->pool, s->media_type, digest, s->payload.len),
		       *notes = pm_json_object(a->pool);
	for (size_t i = 0; i + 1 < s->notes.n; i += 2)
		pm_json_set_str(a->pool, notes, s->notes.v[i], s->notes.v[i + 1]);
	pm_json_set(a->pool, d, "annotations", notes);
	pm_json_add(a->pool, layers, d);
	pm_json_add(a->pool, ids, pm_json_str(a->pool, digest));
	return 1;
}

static int add_payloads(struct pm_client *c, struct attachment *a, const struct pm_signatures *s,
			struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT, config_text = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE];
	struct pm_json *config;
	int r = read_config(c, a, &config, err);
	if (r < 0)
		return r;
	if (!a->root) {
		a->root = pm_json_object(a->pool);
		pm_json_set_int(a->pool, a->root, "schemaVersion", 2);
		pm_json_set_str(a->pool, a->root, "mediaType", PM_MT_OCI_MANIFEST);
		pm_json_set(a->pool, a->root, "config", pm_json_null(a->pool));
	}
	if (!pm_json_is(pm_json_get(a->root, "layers"), PM_JSON_ARRAY))
		pm_json_set(a->pool, a->root, "layers", pm_json_array(a->pool));
	struct pm_json *layers = pm_json_get(a->root, "layers"),
		       *ids = pm_json_find(config, "rootfs", "diff_ids", NULL);
	int added = 0;
	for (size_t i = 0; r >= 0 && i < s->n; i++) {
		if (s->v[i].kind != PM_SIGNATURE_SIGSTORE)
			continue;
		r = add_payload(c, a, layers, ids, &s->v[i], err);
		added += r > 0;
	}
	if (r < 0 || !added)
		return r;
	pm_json_write(config, 0, &config_text);
	pm_digest_of(pm_buf_str(&config_text), config_text.len, digest);
	r = put_text(c, &config_text, digest, err);
	if (r < 0)
		return r;
	pm_json_set(a->pool, a->root, "config",
		    descriptor(a->pool, PM_MT_OCI_CONFIG, digest, config_text.len));
	pm_json_write(a->root, 0, &text);
	return pm_client_put_manifest(c, a->tag, PM_MT_OCI_MANIFEST, pm_buf_str(&text), text.len, err);
}

static int put_attached(struct pm_client *c, const char *digest, const struct pm_signatures *s,
			struct pm_err *err)
{
	_cleanup_(attachment_free) struct attachment a = {0};
	int r = attachment_read(c, digest, &a, err);
	if (r < 0)
		return r;
	r = add_payloads(c, &a, s, err);
	return r < 0 ? pm_wrap(err, "signatures %s", a.tag) : 0;
}

/* --- both ---------------------------------------------------------------------------------------- */

int pm_signatures_fetch(struct pm_client *c, const struct pm_reference *ref,
			const struct pm_signature_places *places, const char *digest,
			struct pm_signatures *ret, struct pm_err *err)
{
	int r = pm_digest_check(digest, "manifest", err);
	if (r >= 0 && places->lookaside)
		r = fetch_lookaside(c, ref, places->lookaside, digest, ret, err);
	if (r >= 0 && places->attachments)
		r = fetch_attached(c, digest, ret, err);
	return r;
}

int pm_signatures_may_put(const struct pm_reference *ref, const struct pm_signature_places *places,
			  enum pm_signature_kind kind, struct pm_err *err)
{
	_cleanup_free_ char *dir = NULL;
	if (kind == PM_SIGNATURE_SIMPLE)
		return pm_signature_places_directory(places, ref, &dir, err);
	if (!places->attachments)
		return pm_fail(err, PM_E_UNSUPPORTED, "writing sigstore attachments is disabled: "
						      "registries.d must say use-sigstore-attachments: "
						      "true for %s",
			       ref->domain);
	return 0;
}

int pm_signatures_put(struct pm_client *c, const struct pm_reference *ref,
		      const struct pm_signature_places *places, const char *digest,
		      const struct pm_signatures *s, struct pm_err *err)
{
	int r = pm_digest_check(digest, "manifest", err);
	for (int kind = PM_SIGNATURE_SIMPLE; r >= 0 && kind <= PM_SIGNATURE_SIGSTORE; kind++) {
		if (!pm_signatures_have(s, (enum pm_signature_kind)kind))
			continue;
		r = pm_signatures_may_put(ref, places, (enum pm_signature_kind)kind, err);
		if (r >= 0)
			r = kind == PM_SIGNATURE_SIMPLE ? put_lookaside(ref, places, digest, s, err)
							: put_attached(c, digest, s, err);
	}
	return r;
}
