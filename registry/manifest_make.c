#include "registry/manifest_make.h"

#include <string.h>

#include "base/mem.h"

/* The forms of a layer, in OCI's manifests and in Docker's. */
static const struct {
	const char *media_type;
	bool oci;
	enum pm_layer_form form;
} layer_types[] = {
	{PM_MT_OCI_LAYER, true, PM_LAYER_PLAIN},
	{PM_MT_OCI_LAYER "+gzip", true, PM_LAYER_GZIP},
	{PM_MT_OCI_LAYER "+zstd", true, PM_LAYER_ZSTD},
	{PM_MT_DOCKER_LAYER, false, PM_LAYER_PLAIN},
	{PM_MT_DOCKER_LAYER ".gzip", false, PM_LAYER_GZIP},
	{PM_MT_DOCKER_LAYER ".zstd", false, PM_LAYER_ZSTD}, /* read, never written */
};

enum pm_layer_form pm_layer_form_of(const char *type)
{
	for (size_t i = 0; type && i < PM_ARRAY_SIZE(layer_types); i++) {
		if (strcmp(layer_types[i].media_type, type) == 0)
			return layer_types[i].form;
	}
	return PM_LAYER_OTHER;
}

bool pm_layer_is_encrypted(const char *media_type)
{
	return pm_endswith(media_type, PM_LAYER_ENCRYPTED);
}

enum pm_layer_form pm_layer_form_inside(const char *media_type)
{
	_cleanup_free_ char *inside = pm_strdup(media_type);
	if (pm_layer_is_encrypted(media_type))
		inside[strlen(inside) - strlen(PM_LAYER_ENCRYPTED)] = '\0';
	return pm_layer_form_of(inside);
}

const char *pm_layer_media_type(const char *manifest_type, enum pm_layer_form form)
{
	bool oci = pm_streq(manifest_type, PM_MT_OCI_MANIFEST);
	if (!oci && form == PM_LAYER_ZSTD)
		return NULL;
	for (size_t i = 0; i < PM_ARRAY_SIZE(layer_types); i++) {
		if (layer_types[i].oci == oci && layer_types[i].form == form)
			return layer_types[i].media_type;
	}
	return NULL;
}

static bool unchanged(const struct pm_manifest *m, const struct pm_made_layer *layers)
{
	for (size_t i = 0; i < m->n_layers; i++) {
		if (strcmp(m->layers[i].digest, layers[i].digest) != 0)
			return false;
	}
	return true;
}

static void mark_encrypted(struct pm_json_pool *pool, struct pm_json *layer, const struct pm_strv *locked)
{
	_cleanup_free_ char *type = pm_asprintf("%s" PM_LAYER_ENCRYPTED, pm_json_get_str(layer, "mediaType"));
	struct pm_json *notes = pm_json_set(pool, layer, "annotations", pm_json_object(pool));
	pm_json_set_str(pool, layer, "mediaType", type);
	for (size_t i = 0; i + 1 < locked->n; i += 2)
		pm_json_set_str(pool, notes, locked->v[i], locked->v[i + 1]);
}

int pm_manifest_make(struct pm_json_pool *pool, const struct pm_json *root,
		     const struct pm_manifest *m, const struct pm_made_layer *layers,
		     const char *manifest_type, struct pm_buf *out, struct pm_err *err)
{
	bool same_family = pm_streq(m->media_type, manifest_type);
	bool oci = pm_streq(manifest_type, PM_MT_OCI_MANIFEST);
	if (same_family && unchanged(m, layers))
		return 0;
	struct pm_json *to = pm_json_object(pool), *list = pm_json_array(pool);
	pm_json_set_int(pool, to, "schemaVersion", 2);
	pm_json_set_str(pool, to, "mediaType", manifest_type);
	struct pm_json *config = pm_json_copy(pool, pm_json_get(root, "config"));
	if (!same_family)
		pm_json_set_str(pool, config, "mediaType", oci ? PM_MT_OCI_CONFIG : PM_MT_DOCKER_CONFIG);
	pm_json_set(pool, to, "config", config);
	for (size_t i = 0; i < m->n_layers; i++) {
		struct pm_json *was = pm_json_at(pm_json_get(root, "layers"), i), *l;
		const char *type = pm_layer_media_type(manifest_type, layers[i].form);
		bool same = strcmp(m->layers[i].digest, layers[i].digest) == 0;
		if (same && same_family) {
			pm_json_add(pool, list, pm_json_copy(pool, was));
			continue;
		}
		if (!type)
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "layer %s: Docker's schema 2 has no layers of this compression; "
				       "use the OCI format",
				       layers[i].digest);
		l = pm_json_object(pool);
		pm_json_set_str(pool, l, "mediaType", type);
		pm_json_set_str(pool, l, "digest", layers[i].digest);
		pm_json_set_int(pool, l, "size", layers[i].size);
		if (same && oci && pm_json_get(was, "annotations"))
			pm_json_set(pool, l, "annotations",
				    pm_json_copy(pool, pm_json_get(was, "annotations")));
		if (layers[i].locked)
			mark_encrypted(pool, l, layers[i].locked);
		pm_json_add(pool, list, l);
	}
	pm_json_set(pool, to, "layers", list);
	static const char *const kept[] = {"annotations", "subject", "artifactType"};
	for (size_t i = 0; oci && i < PM_ARRAY_SIZE(kept); i++) {
		const struct pm_json *v = pm_json_get(root, kept[i]);
		if (v)
			pm_json_set(pool, to, kept[i], pm_json_copy(pool, v));
	}
	pm_json_write(to, 0, out);
	return 1;
}
