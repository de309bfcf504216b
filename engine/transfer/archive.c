#include "engine/transfer/archive.h"

#include "engine/transfer/dir_signatures.h"
#include "engine/transfer/docker_archive.h"
#include "engine/transfer/layers.h"
#include "engine/transfer/layout.h"
#include "engine/transfer/trust.h"
#include "registry/reference.h"

enum { INDEX_MAX = 4 << 20 };

struct archive {
	struct pm_session *s;
	struct pm_files *f;
	enum pm_archive_kind kind;
	const char *where;
};

/* Its signatures: verified where that is demanded, and to be stored. */
static int find_signatures(struct archive *a, struct pm_tx_image *i, struct pm_err *err)
{
	const struct pm_trust_image t = {
		.transport = pm_wire_get(&a->s->request, "transport"),
		.scope = pm_wire_get(&a->s->request, "name"),
		.digest = i->digest,
	};
	if (!t.transport || !t.scope) /* load */
		return 0;
	const char *top = i->name_digest[0] ? i->name_digest : i->digest;
	bool drop = pm_streq(pm_wire_get(&a->s->request, "remove_signatures"), "1");
	i->signatures_looked = true;
	if (drop && !pm_trust_wanted(a->s))
		return 0;
	int r = a->kind == PM_ARCHIVE_DIR ? pm_dir_signatures(a->f, i->digest, top, &i->signatures, err)
					  : 0;
	if (r >= 0)
		r = pm_trust_verify(a->s, &t, &i->signatures, err);
	if (drop)
		pm_signatures_free(&i->signatures);
	return r;
}

/* Fetch what pm wants of a filled image and have it committed. */
static int deliver(struct archive *a, struct pm_tx_image *i, struct pm_err *err)
{
	struct pm_http *http; /* for its loop only */
	int r = find_signatures(a, i, err);
	if (r >= 0)
		r = pm_session_offer(a->s, i, err);
	if (r < 0)
		return r;
	r = pm_http_new(60, &http, err);
	if (r < 0)
		return r;
	r = pm_layers_fetch(a->s, i, http, NULL, a->where, true, err);
	pm_http_free(http);
	return r < 0 ? r : pm_session_ready(a->s, err);
}

/* --- OCI and dir --------------------------------------------------------------------------------- */

/* digest is valid, so the path cannot leave the layout. The caller frees. */
static char *blob_path(const struct archive *a, const char *digest)
{
	return pm_asprintf("%s%s", a->kind == PM_ARCHIVE_OCI ? "blobs/sha256/" : "",
			   pm_digest_hex(digest));
}

static int read_blob(struct archive *a, const char *digest, int64_t size, size_t max,
		     const char *what, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_free_ char *path = blob_path(a, digest);
	int r = pm_files_read(a->f, path, max, out, err);
	if (r < 0)
		return pm_wrap(err, "%s %s", what, digest);
	if (size >= 0 && (int64_t)out->len != size)
		return pm_fail(err, PM_E_DIGEST, "%s %s has %zu bytes, not %lld", what, digest,
			       out->len, (long long)size);
	return pm_digest_verify(pm_buf_str(out), out->len, digest, what, err);
}

static int get_manifest(void *arg, const char *digest, int64_t size, struct pm_buf *out,
			char **ret_type, struct pm_err *err)
{
	*ret_type = NULL;
	return read_blob(arg, digest, size, PM_MANIFEST_MAX, "manifest", out, err);
}

static int get_config(void *arg, const struct pm_descriptor *d, struct pm_buf *out,
		      struct pm_err *err)
{
	return read_blob(arg, d->digest, d->size, PM_CONFIG_MAX, "config", out, err);
}

/* From a manifest's text (moved) to a committed image. */
static int send_manifest(struct archive *a, struct pm_buf *text, const char *media_type,
			 const struct pm_strv *names, struct pm_err *err)
{
	struct pm_tx_source source = {get_manifest, get_config, a};
	_cleanup_tx_image_ struct pm_tx_image i = {0};
	pm_strv_add_all(&i.names, pm_strv_argv(names));
	int r = pm_tx_image_fill(a->s, &i, text, media_type, &source, err);
	for (size_t k = 0; r >= 0 && k < i.n_layers; k++) {
		struct pm_tx_layer *l = &i.layers[k];
		_cleanup_free_ char *path = blob_path(a, l->digest);
		int64_t size = 0;
		r = pm_files_find(a->f, path, &l->fd, &l->offset, &size, err);
		if (r < 0)
			return pm_wrap(err, "layer %s", l->digest);
		if (size != l->size)
			r = pm_fail(err, PM_E_DIGEST, "layer %s has %lld bytes, not %lld", l->digest,
				    (long long)size, (long long)l->size);
	}
	return r < 0 ? r : deliver(a, &i, err);
}

/* A full name of the annotation, as a stored name; NULL when it is only a tag. The caller frees. */
static char *annotated_name(const char *ref_name)
{
	struct pm_reference ref;
	if (!ref_name || pm_reference_parse(ref_name, &ref, NULL) < 0)
		return NULL;
	char *ret = NULL;
	if (ref.domain && !ref.digest) {
		pm_reference_normalize(&ref);
		pm_reference_default_tag(&ref);
		ret = pm_reference_str(&ref);
	}
	pm_reference_free(&ref);
	return ret;
}

static int send_descriptor(struct archive *a, const struct pm_json *d, const char *path_name,
			   struct pm_err *err)
{
	const char *digest = pm_json_get_str(d, "digest");
	int r = pm_digest_check(digest, "index.json", err);
	if (r < 0)
		return r;
	int64_t size = pm_json_get_int(d, "size", -1);
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	r = read_blob(a, digest, size, PM_MANIFEST_MAX, "manifest", &text, err);
	if (r < 0)
		return r;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (path_name)
		pm_strv_add(&names, path_name);
	const struct pm_json *notes = pm_json_get(d, "annotations");
	char *name = annotated_name(pm_json_get_str(notes, PM_LAYOUT_REF_NAME));
	if (!name)
		name = annotated_name(pm_json_get_str(notes, "io.containerd.image.name"));
	if (name)
		pm_strv_take(&names, name);
	return send_manifest(a, &text, pm_json_get_str(d, "mediaType"), &names, err);
}

static int send_oci(struct archive *a, const char *which, bool all, const char *path_name,
		    struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *list;
	const struct pm_json *one = NULL;
	int r = pm_layout_read(a->f, pool, &list, err);
	if (r < 0)
		return r;
	struct pm_err why = PM_ERR_INIT;
	r = pm_layout_choose(list, which, &a->s->platform, &one, &why);
	if (r >= 0)
		return send_descriptor(a, one, path_name, err);
	if (which || !all) {
		if (err)
			*err = why;
		return r;
	}
	r = 0;
	for (size_t i = 0; r >= 0 && i < list->len; i++)
		r = send_descriptor(a, list->items[i], NULL, err);
	return r;
}

static int send_dir(struct archive *a, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_strv none = PM_STRV_INIT;
	int r = pm_files_read(a->f, "manifest.json", PM_MANIFEST_MAX, &text, err);
	return r < 0 ? r : send_manifest(a, &text, NULL, &none, err);
}

/* --- docker-archive ------------------------------------------------------------------------------ */

static int send_docker_image(struct archive *a, const struct pm_json *item, struct pm_err *err)
{
	_cleanup_tx_image_ struct pm_tx_image i = {0};
	int r = pm_docker_archive_fill(a->f, item, &i, err);
	return r < 0 ? r : deliver(a, &i, err);
}

static int send_docker(struct archive *a, const char *which, bool all, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *list;
	int r = pm_docker_archive_read(a->f, pool, &list, err);
	if (r < 0)
		return r;
	if (which || !all) {
		const struct pm_json *one;
		r = pm_docker_archive_choose(list, which, &one, err);
		return r < 0 ? r : send_docker_image(a, one, err);
	}
	for (size_t i = 0; r >= 0 && i < list->len; i++)
		r = send_docker_image(a, list->items[i], err);
	return r;
}

/* --- entry --------------------------------------------------------------------------------------- */

/* docker-archive's manifest.json is an array, dir's an object; newer docker saves hold an OCI layout too, where
 * only manifest.json has the full names. */
static enum pm_archive_kind detect(struct pm_files *f)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root = NULL;
	if (pm_files_read(f, "manifest.json", INDEX_MAX, &text, NULL) >= 0 &&
	    pm_json_parse(pool, pm_buf_str(&text), text.len, &root, NULL) >= 0) {
		if (root->kind == PM_JSON_ARRAY)
			return PM_ARCHIVE_DOCKER;
		if (root->kind == PM_JSON_OBJECT && !pm_files_has(f, "index.json"))
			return PM_ARCHIVE_DIR;
	}
	return pm_files_has(f, "index.json") ? PM_ARCHIVE_OCI : PM_ARCHIVE_DETECT;
}

int pm_archive_send(struct pm_session *s, struct pm_files *f, enum pm_archive_kind kind,
		    const char *which, bool all, const char *path_name, const char *where,
		    struct pm_err *err)
{
	if (kind == PM_ARCHIVE_DETECT)
		kind = detect(f);
	struct archive a = {.s = s, .f = f, .kind = kind, .where = where};
	switch (kind) {
	case PM_ARCHIVE_OCI:
		return send_oci(&a, which, all, path_name, err);
	case PM_ARCHIVE_DOCKER:
		return send_docker(&a, which, all, err);
	case PM_ARCHIVE_DIR:
		return send_dir(&a, err);
	case PM_ARCHIVE_DETECT:
	default:
		return pm_fail(err, PM_E_FORMAT,
			       "it is no image archive: neither manifest.json (docker-archive, dir) "
			       "nor index.json (OCI) is in it");
	}
}
