#include "engine/image/manifest_list.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "engine/image/resolve.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/registries_conf.h"
#include "storage/image.h"
#include "storage/manifest_list.h"
#include "storage/stage.h"

enum { ENTRIES_MAX = 1000 };

void pm_list_free(struct pm_list *l)
{
	free(l->name);
	pm_json_pool_free(l->pool);
	*l = (struct pm_list){0};
}

const struct pm_json *pm_list_index(const struct pm_list *l)
{
	return pm_json_get(l->document, "index");
}

static struct pm_json *entries(const struct pm_list *l)
{
	return pm_json_get(pm_json_get(l->document, "index"), "manifests");
}

static struct pm_json *sources(const struct pm_list *l)
{
	return pm_json_get(l->document, "sources");
}

/* --- rows ---------------------------------------------------------------------------------------- */

static int parse(const char *id, const char *name, const char *document, struct pm_list *ret,
		 struct pm_err *err)
{
	struct pm_list l = {.name = pm_strdup(name), .pool = pm_json_pool_new()};
	snprintf(l.id, sizeof(l.id), "%s", id);
	int r = pm_json_parse(l.pool, document, strlen(document), &l.document, err);
	if (r >= 0 && (!pm_json_is(entries(&l), PM_JSON_ARRAY) ||
		       !pm_json_is(sources(&l), PM_JSON_OBJECT)))
		r = pm_fail(err, PM_E_FORMAT, "list %s: its document is damaged", name);
	if (r < 0) {
		pm_list_free(&l);
		return r;
	}
	*ret = l;
	return 0;
}

static int open_id(struct pm_store *store, const char *id, const char *name, struct pm_list *ret,
		   struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	int r = pm_image_by_id(store, id, PM_IMAGE_CONFIG, &row, err);
	if (r >= 0 && !pm_list_is(&row))
		r = pm_fail(err, PM_E_NOSUCH, "%s is an image, not a manifest list", name ? name : id);
	if (r < 0)
		return r;
	if (!name)
		name = row.n_names ? row.names[0].name : row.id;
	return parse(row.id, name, row.config, ret, err);
}

int pm_list_open(struct pm_store *store, const char *word, struct pm_list *ret, struct pm_err *err)
{
	_cleanup_free_ char *name = NULL;
	char id[65];
	int r = pm_image_resolve_any(store, word, id, &name, err);
	return r < 0 ? r : open_id(store, id, name, ret, err);
}

/* The stored image that an entry of the list is, if it is there. */
static int stored_entry(struct pm_store *store, const struct pm_list *l, const char *digest,
			char ret_id[65])
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	const char *source = pm_json_get_str(sources(l), digest ? digest : "");
	if (source && pm_startswith(source, "containers-storage:")) {
		if (pm_image_by_id(store, strchr(source, ':') + 1, 0, &row, NULL) < 0)
			return 0;
	} else {
		const char *at = source ? strrchr(source, '@') : NULL;
		if (!at || !pm_startswith(source, "docker://"))
			return 0;
		source += strlen("docker://");
		_cleanup_free_ char *repository = pm_strndup(source, (size_t)(at - source));
		if (pm_image_by_digest(store, repository, digest, 0, &row, NULL) < 0)
			return 0;
	}
	memcpy(ret_id, row.id, 65);
	return 1;
}

int pm_list_instance(struct pm_store *store, const char *id, const struct pm_platform *platform, char ret_id[65],
		     struct pm_err *err)
{
	_cleanup_list_ struct pm_list l = {0};
	int r = open_id(store, id, NULL, &l, err);
	if (r < 0)
		return r;
	const struct pm_json *list = entries(&l);
	for (size_t i = 0; i < list->len; i++) {
		const struct pm_json *p = pm_json_get(list->items[i], "platform");
		const char *variant = pm_json_get_str(p, "variant");
		if (pm_streq(pm_json_get_str(p, "os"), platform->os) &&
		    pm_streq(pm_json_get_str(p, "architecture"), platform->arch) &&
		    (!variant || !platform->variant || !*platform->variant || strcmp(variant, platform->variant) == 0) &&
		    stored_entry(store, &l, pm_json_get_str(list->items[i], "digest"), ret_id))
			return 0;
	}
	return pm_fail(err, PM_E_NOSUCH, "%s: image not known: the list has none for %s/%s that is stored",
		       l.name, platform->os, platform->arch);
}

/* What is written of a list; the strings are in the buffers. */
static struct pm_list_text text_of(const struct pm_list *l, struct pm_buf *document,
				   struct pm_buf *index, char digest[PM_DIGEST_SIZE])
{
	pm_json_write(l->document, 0, document);
	pm_json_write(pm_list_index(l), 0, index);
	struct pm_list_text t = {pm_buf_str(document), pm_buf_str(index), digest};
	pm_digest_of(t.index, strlen(t.index), digest);
	return t;
}

int pm_list_create(struct pm_store *store, const char *word, bool amend, struct pm_list *ret,
		   struct pm_err *err)
{
	_cleanup_free_ char *name = NULL;
	char id[65];
	int r = pm_image_new_name(word, &name, err);
	if (r < 0)
		return r;
	struct pm_err why = PM_ERR_INIT;
	if (amend) {
		r = pm_list_open(store, name, ret, &why);
		if (r != -PM_E_NOSUCH) {
			if (r < 0 && err)
				*err = why;
			return r;
		}
	}
	if (pm_image_resolve_any(store, name, id, NULL, NULL) >= 0)
		return pm_fail(err, PM_E_EXISTS, "image name \"%s\" is already associated with image "
						 "\"%s\": that name is already in use",
			       name, id);
	pm_random_hex(32, id);
	static const char empty[] = "{\"index\":{\"schemaVersion\":2,\"mediaType\":\"" PM_LIST_MEDIA_TYPE
				    "\",\"manifests\":[]},\"sources\":{}}";
	_cleanup_list_ struct pm_list l = {0};
	_cleanup_buf_ struct pm_buf document = PM_BUF_INIT, index = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE];
	r = parse(id, name, empty, &l, err);
	if (r >= 0)
		r = pm_store_need_dirs(store, err);
	if (r < 0)
		return r;
	struct pm_list_text t = text_of(&l, &document, &index, digest);
	r = pm_list_add(store, id, name, &t, err);
	if (r >= 0) {
		*ret = l;
		l = (struct pm_list){0};
	}
	return r;
}

int pm_list_save(struct pm_store *store, struct pm_list *l, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf document = PM_BUF_INIT, index = PM_BUF_INIT;
	char digest[PM_DIGEST_SIZE];
	struct pm_list_text t = text_of(l, &document, &index, digest);
	return pm_list_set(store, l->id, &t, err);
}

int pm_list_delete(struct pm_store *store, struct pm_list *l, struct pm_err *err)
{
	return pm_image_remove(store, l->id, NULL, err);
}

/* --- entries ------------------------------------------------------------------------------------- */

static void set_text(struct pm_json_pool *p, struct pm_json *o, const char *name, const char *value)
{
	if (value && *value)
		pm_json_set_str(p, o, name, value);
}

static int apply(struct pm_list *l, struct pm_json *d, const struct pm_list_entry *e,
		 struct pm_err *err)
{
	struct pm_json *platform = pm_json_get(d, "platform");
	if (!pm_json_is(platform, PM_JSON_OBJECT))
		platform = pm_json_set(l->pool, d, "platform", pm_json_object(l->pool));
	set_text(l->pool, platform, "architecture", e->arch);
	set_text(l->pool, platform, "os", e->os);
	set_text(l->pool, platform, "variant", e->variant);
	set_text(l->pool, platform, "os.version", e->os_version);
	if (e->features && e->features->n)
		pm_json_set(l->pool, platform, "features", pm_json_strv(l->pool, e->features));
	if (e->os_features && e->os_features->n)
		pm_json_set(l->pool, platform, "os.features", pm_json_strv(l->pool, e->os_features));
	for (size_t i = 0; e->annotations && i < e->annotations->n; i++) {
		const char *text = e->annotations->v[i], *eq = strchr(text, '=');
		if (!eq || eq == text)
			return pm_fail(err, PM_E_USAGE, "no value given for annotation \"%s\"", text);
		_cleanup_free_ char *key = pm_strndup(text, (size_t)(eq - text));
		struct pm_json *notes = pm_json_get(d, "annotations");
		if (!pm_json_is(notes, PM_JSON_OBJECT))
			notes = pm_json_set(l->pool, d, "annotations", pm_json_object(l->pool));
		pm_json_set_str(l->pool, notes, key, eq + 1);
	}
	return 0;
}

static struct pm_json *find(const struct pm_list *l, const char *digest)
{
	const struct pm_json *list = entries(l);
	for (size_t i = 0; i < list->len; i++) {
		if (pm_streq(pm_json_get_str(list->items[i], "digest"), digest))
			return list->items[i];
	}
	return NULL;
}

/* A descriptor for the image; one that is there is replaced. */
static int put(struct pm_list *l, const char *media_type, int64_t size, const char *digest,
	       const struct pm_json *platform, const char *source, const struct pm_list_entry *e,
	       struct pm_err *err)
{
	struct pm_json *list = entries(l), *d = find(l, digest);
	if (!d && list->len >= ENTRIES_MAX)
		return pm_fail(err, PM_E_USAGE, "the list has %d images already", ENTRIES_MAX);
	if (!d)
		d = pm_json_add(l->pool, list, pm_json_object(l->pool));
	pm_json_set_str(l->pool, d, "mediaType", media_type);
	pm_json_set_int(l->pool, d, "size", size);
	pm_json_set_str(l->pool, d, "digest", digest);
	pm_json_set(l->pool, d, "platform", pm_json_copy(l->pool, platform));
	pm_json_set_str(l->pool, sources(l), digest, source);
	return apply(l, d, e, err);
}

static struct pm_json *platform_of(struct pm_json_pool *p, const char *arch, const char *os,
				   const char *variant)
{
	struct pm_json *v = pm_json_object(p);
	set_text(p, v, "architecture", arch);
	set_text(p, v, "os", os);
	set_text(p, v, "variant", variant);
	return v;
}

static int add_stored(struct pm_store *store, struct pm_list *l, const char *id,
		      const struct pm_list_entry *e, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	int r = pm_image_by_id(store, id, PM_IMAGE_MANIFEST, &row, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *source = pm_asprintf("containers-storage:%s", id);
	return put(l, row.media_type, (int64_t)row.manifest_len, row.digest,
		   platform_of(l->pool, row.arch, row.os, row.variant), source, e, err);
}

static int add_list(struct pm_list *l, const struct pm_json *index, const char *repository,
		    const struct pm_list_entry *e, struct pm_err *err)
{
	const struct pm_json *list = pm_json_get(index, "manifests");
	int r = 0;
	for (size_t i = 0; r >= 0 && i < pm_json_len(list); i++) {
		struct pm_descriptor d;
		const struct pm_json *v = list->items[i], *platform = pm_json_get(v, "platform");
		r = pm_descriptor_parse(v, "image in index", &d, err);
		if (r < 0)
			break;
		_cleanup_free_ char *source = pm_asprintf("docker://%s@%s", repository, d.digest);
		r = put(l, d.media_type, d.size, d.digest,
			platform ? platform : pm_json_object(l->pool), source, e, err);
		const struct pm_json *notes = pm_json_get(v, "annotations");
		if (r >= 0 && notes && !e->annotations)
			pm_json_set(l->pool, find(l, d.digest), "annotations",
				    pm_json_copy(l->pool, notes));
	}
	return r;
}

static int add_remote(struct pm_list *l, const char *name, bool all,
		      const struct pm_query_options *o, const struct pm_list_entry *e,
		      struct pm_err *err)
{
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	enum pm_manifest_kind kind;
	struct pm_json *top, *config;
	const char *type;
	int r = 0;
	if (all) { /* perhaps a list without an image for this platform */
		r = pm_query_inspect(name, o, true, false, &i, err);
		if (r >= 0)
			r = pm_json_parse(pool, pm_buf_str(&i.manifest), i.manifest.len, &top, err);
		if (r >= 0)
			r = pm_manifest_kind(top, NULL, &kind, &type, err);
		if (r < 0)
			return r;
		if (kind == PM_MANIFEST_INDEX)
			return add_list(l, top, i.name, e, err);
		pm_remote_image_free(&i);
	}
	r = pm_query_inspect(name, o, false, false, &i, err);
	if (r < 0)
		return r;
	r = pm_json_parse(pool, pm_buf_str(&i.image), i.image.len, &top, err);
	if (r >= 0)
		r = pm_manifest_kind(top, NULL, &kind, &type, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&i.config), i.config.len, &config, err);
	if (r < 0)
		return r;
	char digest[PM_DIGEST_SIZE];
	pm_digest_of(pm_buf_str(&i.image), i.image.len, digest);
	_cleanup_free_ char *source = pm_asprintf("docker://%s@%s", i.name, digest);
	return put(l, type, (int64_t)i.image.len, digest,
		   platform_of(l->pool, pm_json_get_str(config, "architecture"),
			       pm_json_get_str(config, "os"), pm_json_get_str(config, "variant")),
		   source, e, err);
}

int pm_list_add_image(struct pm_store *store, struct pm_list *l, const char *image, bool all,
		      const struct pm_query_options *o, const struct pm_list_entry *entry,
		      struct pm_err *err)
{
	const char *transport = pm_transport_of(image);
	char id[65];
	if (pm_streq(transport, "docker"))
		return add_remote(l, image, all, o, entry, err);
	if (transport && strcmp(transport, "containers-storage") != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: images are added from the store and from "
						      "registries (docker://) only",
			       image);
	const char *word = transport ? strchr(image, ':') + 1 : image;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_image_resolve(store, word, id, NULL, &why);
	if (r >= 0)
		return add_stored(store, l, id, entry, err);
	if (transport || r != -PM_E_NOSUCH) {
		if (err)
			*err = why;
		return r;
	}
	_cleanup_free_ char *remote = pm_asprintf("docker://%s", image);
	return add_remote(l, remote, all, o, entry, err);
}

int pm_list_annotate(struct pm_store *store, struct pm_list *l, const char *image,
		     const struct pm_list_entry *entry, struct pm_err *err)
{
	struct pm_json *d = find(l, image);
	char id[65];
	if (!d && pm_image_resolve(store, image, id, NULL, NULL) >= 0) {
		_cleanup_image_row_ struct pm_image_row row = {0};
		if (pm_image_by_id(store, id, 0, &row, NULL) >= 0)
			d = find(l, row.digest);
	}
	if (!d)
		return pm_fail(err, PM_E_NOSUCH, "no image with digest \"%s\" in list %s", image, l->name);
	return apply(l, d, entry, err);
}

int pm_list_remove_entry(struct pm_list *l, const char *digest, struct pm_err *err)
{
	struct pm_json *old = entries(l), *kept = pm_json_array(l->pool);
	for (size_t i = 0; i < old->len; i++) {
		if (!pm_streq(pm_json_get_str(old->items[i], "digest"), digest))
			pm_json_add(l->pool, kept, old->items[i]);
	}
	if (kept->len == old->len)
		return pm_fail(err, PM_E_NOSUCH, "no image with digest \"%s\" in list %s", digest,
			       l->name);
	pm_json_set(l->pool, pm_json_get(l->document, "index"), "manifests", kept);
	pm_json_unset(sources(l), digest);
	return 0;
}

/* --- pushing ------------------------------------------------------------------------------------- */

static int push_entry(struct pm_store *store, struct pm_list *l, struct pm_json *d,
		      const char *destination, const struct pm_copy_options *o,
		      const struct pm_pull_progress *progress, struct pm_err *err)
{
	const char *digest = pm_json_get_str(d, "digest");
	const char *source = pm_json_get_str(sources(l), digest);
	struct pm_copy_options co = *o;
	struct pm_written w;
	if (!source)
		return pm_fail(err, PM_E_FORMAT, "list %s does not say where image %s is", l->name,
			       digest);
	co.instance = true;
	co.format = NULL;
	co.multi = NULL;
	int r = pm_image_copy(store, source, destination, &co, progress, &w, err);
	if (r < 0)
		return pm_wrap(err, "image %s of the list", digest);
	/* Packed anew, it has another digest. */
	pm_json_set_str(l->pool, d, "digest", w.digest);
	pm_json_set_int(l->pool, d, "size", w.size);
	pm_json_set_str(l->pool, d, "mediaType", w.media_type);
	return 0;
}

/* The index as an image that lies in a directory: from there it is copied like any other. */
static int push_index(struct pm_store *store, struct pm_json *index, const char *destination,
		      const struct pm_copy_options *o, const struct pm_pull_progress *progress,
		      struct pm_written *ret, struct pm_err *err)
{
	_cleanup_stage_ struct pm_stage *stage = NULL;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	static const char version[] = "Directory Transport Version: 1.1\n";
	struct pm_copy_options co = *o;
	pm_json_write(index, 0, &text);
	int r = pm_stage_new(store, &stage, err);
	if (r >= 0)
		r = pm_fs_write_file(stage->dir_fd, "version", version, strlen(version), 0600, false, err);
	if (r >= 0)
		r = pm_fs_write_file(stage->dir_fd, "manifest.json", pm_buf_str(&text), text.len, 0600,
				     false, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *source = pm_asprintf("dir:%s", stage->path);
	co.multi = "index-only";
	co.any_policy = true; /* it was put together here */
	return pm_image_copy(store, source, destination, &co, progress, ret, err);
}

int pm_list_push(struct pm_store *store, struct pm_list *l, const char *destination, bool all,
		 const struct pm_copy_options *o, const struct pm_pull_progress *progress,
		 struct pm_written *ret, struct pm_err *err)
{
	const char *transport, *rest;
	int r = pm_transport_split(destination, &transport, &rest, err);
	if (r < 0)
		return r;
	if (strcmp(transport, "docker") != 0 && strcmp(transport, "oci") != 0 &&
	    strcmp(transport, "dir") != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: lists are pushed to registries (docker://), "
						      "oci: and dir: only",
			       destination);
	bool oci = strcmp(transport, "oci") == 0 || pm_streq(o->format, "oci");
	struct pm_json *list = entries(l);
	for (size_t i = 0; r >= 0 && all && i < list->len; i++)
		r = push_entry(store, l, list->items[i], destination, o, progress, err);
	if (r < 0)
		return r;
	struct pm_json *index = pm_json_get(l->document, "index");
	pm_json_set_str(l->pool, index, "mediaType", oci ? PM_MT_OCI_INDEX : PM_MT_DOCKER_LIST);
	return push_index(store, index, destination, o, progress, ret, err);
}
