#include "engine/transfer/archive.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/transfer/layers.h"
#include "registry/reference.h"
#include "storage/inflate.h"

#define REF_NAME "org.opencontainers.image.ref.name"

enum { INDEX_MAX = 4 << 20, IMAGES_MAX = 1000, COUNT_CHUNK = 256 << 10 };

struct archive {
	struct pm_session *s;
	struct pm_files *f;
	enum pm_archive_kind kind;
	const char *where;
};

/* Fetch what pm wants of a filled image and have it committed. */
static int deliver(struct archive *a, struct pm_tx_image *i, struct pm_err *err)
{
	struct pm_http *http; /* for its loop only */
	int r = pm_session_offer(a->s, i, err);
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
	char *name = annotated_name(pm_json_get_str(notes, REF_NAME));
	if (!name)
		name = annotated_name(pm_json_get_str(notes, "io.containerd.image.name"));
	if (name)
		pm_strv_take(&names, name);
	return send_manifest(a, &text, pm_json_get_str(d, "mediaType"), &names, err);
}

static bool is_for(const struct pm_json *d, const struct pm_platform *p)
{
	const struct pm_json *platform = pm_json_get(d, "platform");
	const char *os = pm_json_get_str(platform, "os");
	const char *arch = pm_json_get_str(platform, "architecture");
	return pm_streq(os, p->os) && pm_streq(arch, p->arch);
}

/* The one image meant when none was named: the only one, or the only one for this platform. */
static const struct pm_json *only_one(const struct pm_json *list, const struct pm_platform *p)
{
	const struct pm_json *found = NULL;
	if (pm_json_len(list) == 1)
		return list->items[0];
	for (size_t i = 0; i < pm_json_len(list); i++) {
		if (!is_for(list->items[i], p))
			continue;
		if (found)
			return NULL;
		found = list->items[i];
	}
	return found;
}

static int send_oci(struct archive *a, const char *which, bool all, const char *path_name,
		    struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = pm_files_read(a->f, "index.json", INDEX_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "index.json");
	const struct pm_json *list = pm_json_get(root, "manifests");
	if (!pm_json_is(list, PM_JSON_ARRAY) || !list->len || list->len > IMAGES_MAX)
		return pm_fail(err, PM_E_FORMAT, "index.json names no images, or more than %d",
			       IMAGES_MAX);
	if (which) {
		for (size_t i = 0; i < list->len; i++) {
			const char *name = pm_json_get_str(
				pm_json_get(list->items[i], "annotations"), REF_NAME);
			if (pm_streq(name, which))
				return send_descriptor(a, list->items[i], path_name, err);
		}
		return pm_fail(err, PM_E_NOSUCH, "no image is named '%.200s' there", which);
	}
	const struct pm_json *one = only_one(list, &a->s->platform);
	if (one)
		return send_descriptor(a, one, path_name, err);
	if (!all)
		return pm_fail(err, PM_E_USAGE, "it holds more than one image: name one (PATH:TAG)");
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

struct counter {
	int fd;
	int64_t at, end;
	char *buf;
};

static ssize_t count_source(void *arg, const void **ret_data, struct pm_err *err)
{
	struct counter *c = arg;
	size_t want = c->end - c->at < COUNT_CHUNK ? (size_t)(c->end - c->at) : (size_t)COUNT_CHUNK;
	ssize_t n;
	do
		n = pread(c->fd, c->buf, want, c->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pm_fail_sys(err, "read the archive");
	c->at += n;
	*ret_data = c->buf;
	return n;
}

/* The size of a layer's tar stream, which the manifest needs before it is extracted. */
static int stream_size(const struct pm_tx_layer *l, int64_t *ret, struct pm_err *err)
{
	_cleanup_free_ char *in = pm_malloc(COUNT_CHUNK);
	struct counter c = {.fd = l->fd, .at = l->offset, .end = l->offset + l->size, .buf = in};
	struct pm_inflate_opts opts = {.foreign = true};
	struct pm_inflate *z;
	int r = pm_inflate_new(count_source, &c, &opts, &z, err);
	if (r < 0)
		return r;
	if (pm_inflate_kind(z) == PM_COMPRESSION_NONE) {
		*ret = l->size;
	} else {
		_cleanup_free_ char *out = pm_malloc(COUNT_CHUNK);
		ssize_t n;
		*ret = 0;
		while ((n = pm_inflate_read(z, out, COUNT_CHUNK, err)) > 0)
			*ret += n;
		r = n < 0 ? (int)n : 0;
	}
	pm_inflate_free(z);
	return r;
}

/* The manifest that a registry would have for it: uncompressed layers, named by their diff ids. */
static int make_manifest(struct pm_tx_image *i, struct pm_err *err)
{
	char config[PM_DIGEST_SIZE];
	struct pm_json_pool *p = i->pool;
	pm_digest_of(pm_buf_str(&i->config_text), i->config_text.len, config);
	struct pm_json *root = pm_json_object(p), *c = pm_json_object(p);
	pm_json_set_int(p, root, "schemaVersion", 2);
	pm_json_set_str(p, root, "mediaType", PM_MT_DOCKER_MANIFEST);
	pm_json_set_str(p, c, "mediaType", PM_MT_DOCKER_CONFIG);
	pm_json_set_int(p, c, "size", (int64_t)i->config_text.len);
	pm_json_set_str(p, c, "digest", config);
	pm_json_set(p, root, "config", c);
	struct pm_json *layers = pm_json_array(p);
	for (size_t k = 0; k < i->n_layers; k++) {
		int64_t size = 0;
		int r = stream_size(&i->layers[k], &size, err);
		if (r < 0)
			return pm_wrap(err, "layer %zu", k + 1);
		struct pm_json *l = pm_json_object(p);
		pm_json_set_str(p, l, "mediaType", PM_MT_DOCKER_LAYER);
		pm_json_set_int(p, l, "size", size);
		pm_json_set_str(p, l, "digest", i->layers[k].diff_id);
		pm_json_add(p, layers, l);
	}
	pm_json_set(p, root, "layers", layers);
	pm_json_write(root, 0, &i->manifest_text);
	pm_digest_of(pm_buf_str(&i->manifest_text), i->manifest_text.len, i->digest);
	return pm_manifest_parse(root, PM_MT_DOCKER_MANIFEST, &i->manifest, err);
}

static int add_repo_tags(const struct pm_json *item, struct pm_strv *names, struct pm_err *err)
{
	const struct pm_json *tags = pm_json_get(item, "RepoTags");
	for (size_t k = 0; k < pm_json_len(tags); k++) {
		const struct pm_json *tag = pm_json_at(tags, k);
		struct pm_reference ref;
		int r = pm_reference_parse_docker(pm_json_is(tag, PM_JSON_STRING) ? tag->string : "",
						  &ref, err);
		if (r < 0) {
			if (err)
				err->code = PM_E_FORMAT;
			return pm_wrap(err, "RepoTags in manifest.json");
		}
		pm_reference_default_tag(&ref);
		pm_strv_take(names, pm_reference_str(&ref));
		pm_reference_free(&ref);
	}
	return 0;
}

static int send_docker_image(struct archive *a, const struct pm_json *item, struct pm_err *err)
{
	_cleanup_tx_image_ struct pm_tx_image i = {.pool = pm_json_pool_new()};
	const char *config = pm_json_get_str(item, "Config");
	const struct pm_json *layers = pm_json_get(item, "Layers");
	if (!config || (layers && layers->kind != PM_JSON_ARRAY && layers->kind != PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "manifest.json: an image without Config or Layers");
	int r = pm_files_read(a->f, config, PM_CONFIG_MAX, &i.config_text, err);
	if (r >= 0)
		r = pm_tx_image_config(&i, (int64_t)pm_json_len(layers), err);
	if (r >= 0)
		r = add_repo_tags(item, &i.names, err);
	if (r < 0)
		return r;
	i.n_layers = i.config.n_diff_ids;
	i.layers = pm_calloc(i.n_layers, sizeof(*i.layers));
	for (size_t k = 0; k < i.n_layers; k++)
		i.layers[k] = (struct pm_tx_layer){.dir = -1, .fd = -1,
						   .media_type = PM_MT_DOCKER_LAYER,
						   .diff_id = i.config.diff_ids[k]};
	for (size_t k = 0; k < i.n_layers; k++) {
		struct pm_tx_layer *l = &i.layers[k];
		const struct pm_json *path = pm_json_at(layers, k);
		r = pm_files_find(a->f, pm_json_is(path, PM_JSON_STRING) ? path->string : "", &l->fd,
				  &l->offset, &l->size, err);
		if (r < 0)
			return pm_wrap(err, "layer %zu", k + 1);
	}
	r = make_manifest(&i, err);
	return r < 0 ? r : deliver(a, &i, err);
}

/* Does item carry the name which ("@N": is it the Nth)? */
static bool docker_is(const struct pm_json *item, size_t index, const char *which)
{
	if (which[0] == '@') {
		char text[24];
		snprintf(text, sizeof(text), "@%zu", index);
		return strcmp(text, which) == 0;
	}
	struct pm_reference ref;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (pm_reference_parse_docker(which, &ref, NULL) < 0 ||
	    add_repo_tags(item, &names, NULL) < 0)
		return false;
	pm_reference_default_tag(&ref);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	pm_reference_free(&ref);
	return pm_strv_has(&names, full);
}

static int send_docker(struct archive *a, const char *which, bool all, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = pm_files_read(a->f, "manifest.json", INDEX_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "manifest.json");
	if (!pm_json_is(root, PM_JSON_ARRAY) || !root->len || root->len > IMAGES_MAX)
		return pm_fail(err, PM_E_FORMAT, "manifest.json names no images, or more than %d",
			       IMAGES_MAX);
	if (which) {
		for (size_t i = 0; i < root->len; i++) {
			if (docker_is(root->items[i], i, which))
				return send_docker_image(a, root->items[i], err);
		}
		return pm_fail(err, PM_E_NOSUCH, "no image is named '%.200s' there", which);
	}
	if (root->len > 1 && !all)
		return pm_fail(err, PM_E_USAGE, "it holds more than one image: name one (FILE:REF)");
	for (size_t i = 0; r >= 0 && i < root->len; i++)
		r = send_docker_image(a, root->items[i], err);
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
