#include "engine/transfer/docker_archive.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "registry/reference.h"
#include "storage/inflate.h"

enum { INDEX_MAX = 4 << 20, IMAGES_MAX = 1000, COUNT_CHUNK = 256 << 10 };

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

int pm_docker_archive_names(const struct pm_json *item, struct pm_strv *names, struct pm_err *err)
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
	    pm_docker_archive_names(item, &names, NULL) < 0)
		return false;
	pm_reference_default_tag(&ref);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	pm_reference_free(&ref);
	return pm_strv_has(&names, full);
}

int pm_docker_archive_read(struct pm_files *f, struct pm_json_pool *pool, struct pm_json **ret,
			   struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = pm_files_read(f, "manifest.json", INDEX_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "manifest.json");
	if (!pm_json_is(root, PM_JSON_ARRAY) || !root->len || root->len > IMAGES_MAX)
		return pm_fail(err, PM_E_FORMAT, "manifest.json names no images, or more than %d",
			       IMAGES_MAX);
	*ret = root;
	return 0;
}

int pm_docker_archive_choose(const struct pm_json *list, const char *which,
			     const struct pm_json **ret, struct pm_err *err)
{
	for (size_t i = 0; which && i < list->len; i++) {
		if (docker_is(list->items[i], i, which)) {
			*ret = list->items[i];
			return 0;
		}
	}
	if (which)
		return pm_fail(err, PM_E_NOSUCH, "no image is named '%.200s' there", which);
	if (list->len > 1)
		return pm_fail(err, PM_E_USAGE, "it holds more than one image: name one (FILE:REF)");
	*ret = list->items[0];
	return 0;
}

int pm_docker_archive_fill(struct pm_files *f, const struct pm_json *item, struct pm_tx_image *i,
			   struct pm_err *err)
{
	i->pool = pm_json_pool_new();
	const char *config = pm_json_get_str(item, "Config");
	const struct pm_json *layers = pm_json_get(item, "Layers");
	if (!config || (layers && layers->kind != PM_JSON_ARRAY && layers->kind != PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "manifest.json: an image without Config or Layers");
	int r = pm_files_read(f, config, PM_CONFIG_MAX, &i->config_text, err);
	if (r >= 0)
		r = pm_tx_image_config(i, (int64_t)pm_json_len(layers), err);
	if (r >= 0)
		r = pm_docker_archive_names(item, &i->names, err);
	if (r < 0)
		return r;
	i->n_layers = i->config.n_diff_ids;
	i->layers = pm_calloc(i->n_layers, sizeof(*i->layers));
	for (size_t k = 0; k < i->n_layers; k++)
		i->layers[k] = (struct pm_tx_layer){.dir = -1, .fd = -1,
						   .media_type = PM_MT_DOCKER_LAYER,
						   .diff_id = i->config.diff_ids[k]};
	for (size_t k = 0; k < i->n_layers; k++) {
		struct pm_tx_layer *l = &i->layers[k];
		const struct pm_json *path = pm_json_at(layers, k);
		r = pm_files_find(f, pm_json_is(path, PM_JSON_STRING) ? path->string : "", &l->fd,
				  &l->offset, &l->size, err);
		if (r < 0)
			return pm_wrap(err, "layer %zu", k + 1);
	}
	return make_manifest(i, err);
}
