#include "engine/transfer/rewrite.h"

#include <string.h>

/* The forms of a layer: uncompressed, gzip, zstd. */
static const struct {
	const char *media_type;
	bool docker;
	enum pm_compression compression;
} layer_types[] = {
	{PM_MT_OCI_LAYER, false, PM_COMPRESSION_NONE},
	{PM_MT_OCI_LAYER "+gzip", false, PM_COMPRESSION_GZIP},
	{PM_MT_OCI_LAYER "+zstd", false, PM_COMPRESSION_ZSTD},
	{PM_MT_DOCKER_LAYER, true, PM_COMPRESSION_NONE},
	{PM_MT_DOCKER_LAYER ".gzip", true, PM_COMPRESSION_GZIP},
	{PM_MT_DOCKER_LAYER ".zstd", true, PM_COMPRESSION_ZSTD},
};

static int form_of(const char *media_type)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(layer_types); i++) {
		if (strcmp(layer_types[i].media_type, media_type) == 0)
			return (int)i;
	}
	return -1;
}

static const char *type_of(bool docker, enum pm_compression compression)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(layer_types); i++) {
		if (layer_types[i].docker == docker && layer_types[i].compression == compression)
			return layer_types[i].media_type;
	}
	return PM_MT_OCI_LAYER; /* not reached: the kinds are those of the table */
}

void pm_rewrite_plan_free(struct pm_rewrite_plan *p)
{
	free(p->layers);
	*p = (struct pm_rewrite_plan){0};
}

static bool is_image(const struct pm_manifest *m)
{
	return strcmp(m->config.media_type, PM_MT_OCI_CONFIG) == 0 ||
	       strcmp(m->config.media_type, PM_MT_DOCKER_CONFIG) == 0;
}

/* Docker's format or OCI's? */
static bool want_docker(const char *media_type, const struct pm_rewrite_wish *wish,
			const struct pm_destination_traits *traits)
{
	if (traits->docker_only)
		return true;
	if (traits->oci_only)
		return false;
	if (wish->format != PM_FORMAT_KEEP)
		return wish->format == PM_FORMAT_DOCKER;
	/* Docker's format knows no zstd. */
	if (wish->compression == PM_COMPRESSION_ZSTD && !wish->preserve)
		return false;
	return strcmp(media_type, PM_MT_DOCKER_MANIFEST) == 0 ||
	       strcmp(media_type, PM_MT_DOCKER_LIST) == 0;
}

const char *pm_rewrite_index_type(const char *media_type, const struct pm_rewrite_wish *wish,
				  const struct pm_destination_traits *traits)
{
	return want_docker(media_type, wish, traits) ? PM_MT_DOCKER_LIST : PM_MT_OCI_INDEX;
}

static enum pm_layer_change change_of(enum pm_compression now, bool docker,
				      const struct pm_rewrite_plan *p,
				      const struct pm_rewrite_wish *wish,
				      const struct pm_destination_traits *traits)
{
	bool plain = now == PM_COMPRESSION_NONE;
	bool dir = !traits->compressed && !traits->plain_layers;
	if (traits->plain_layers || (dir && wish->decompress))
		return plain ? PM_LAYER_AS_IS : PM_LAYER_PLAIN;
	if (docker && now == PM_COMPRESSION_ZSTD)
		return PM_LAYER_COMPRESS;
	if (dir && !wish->compress)
		return PM_LAYER_AS_IS;
	if (plain)
		return wish->accept_plain && traits->oci_only ? PM_LAYER_AS_IS : PM_LAYER_COMPRESS;
	return wish->compression != PM_COMPRESSION_NONE && now != p->compression
		       ? PM_LAYER_COMPRESS
		       : PM_LAYER_AS_IS;
}

int pm_rewrite_plan(const struct pm_manifest *m, const struct pm_rewrite_wish *wish,
		    const struct pm_destination_traits *traits, struct pm_rewrite_plan *ret,
		    struct pm_err *err)
{
	_cleanup_rewrite_plan_ struct pm_rewrite_plan p = {0};
	bool docker = want_docker(m->media_type, wish, traits);
	p.media_type = docker ? PM_MT_DOCKER_MANIFEST : PM_MT_OCI_MANIFEST;
	p.compression = wish->compression;
	if (docker && p.compression == PM_COMPRESSION_ZSTD)
		return pm_fail(err, PM_E_USAGE, "zstd layers need the OCI format (--format oci)");
	if (p.compression == PM_COMPRESSION_NONE)
		p.compression = PM_COMPRESSION_GZIP;
	p.changes = strcmp(p.media_type, m->media_type) != 0;
	p.layers = pm_calloc(m->n_layers, sizeof(*p.layers));
	bool image = is_image(m);
	if (!image && (docker || p.changes || traits->single))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "it is an artifact of type '%.100s', which %s: cannot hold",
			       m->config.media_type, traits->transport);
	for (size_t i = 0; image && i < m->n_layers; i++) {
		const char *type = m->layers[i].media_type;
		int form = form_of(type);
		bool foreign = pm_layer_is_foreign(type);
		if (form < 0 && (p.changes || traits->plain_layers || traits->single))
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "layer %s is of type '%.100s', which cannot be converted",
				       m->layers[i].digest, type);
		if (form < 0 || foreign)
			continue;
		p.layers[i] = change_of(layer_types[form].compression, docker, &p, wish, traits);
		if (p.layers[i] != PM_LAYER_AS_IS && wish->preserve && !wish->compress &&
		    !wish->decompress && !traits->plain_layers &&
		    wish->compression == PM_COMPRESSION_NONE)
			p.layers[i] = PM_LAYER_AS_IS;
		p.changes |= p.layers[i] != PM_LAYER_AS_IS;
	}
	if (p.changes && wish->preserve)
		return pm_fail(err, PM_E_USAGE,
			       "would change the image's digest, which --preserve-digests forbids: %s: "
			       "takes it in another form only",
			       traits->transport);
	*ret = p;
	p = (struct pm_rewrite_plan){0};
	return 0;
}

int pm_rewrite_manifest(struct pm_json_pool *pool, struct pm_json *root,
			const struct pm_manifest *m, const struct pm_rewrite_plan *plan,
			const struct pm_rewritten *layers, struct pm_buf *out, struct pm_err *err)
{
	bool docker = strcmp(plan->media_type, PM_MT_DOCKER_MANIFEST) == 0;
	struct pm_json *list = pm_json_get(root, "layers");
	pm_json_set_str(pool, root, "mediaType", plan->media_type);
	if (docker && pm_json_get(root, "subject"))
		return pm_fail(err, PM_E_UNSUPPORTED, "it refers to another image (subject), which "
						      "Docker's format cannot say");
	if (is_image(m))
		pm_json_set_str(pool, pm_json_get(root, "config"), "mediaType",
				docker ? PM_MT_DOCKER_CONFIG : PM_MT_OCI_CONFIG);
	if (docker)
		pm_json_unset(root, "annotations");
	for (size_t i = 0; i < m->n_layers; i++) {
		struct pm_json *l = list->items[i];
		int form = form_of(m->layers[i].media_type);
		if (form < 0)
			continue;
		enum pm_compression c = layer_types[form].compression;
		if (plan->layers[i] == PM_LAYER_PLAIN)
			c = PM_COMPRESSION_NONE;
		else if (plan->layers[i] == PM_LAYER_COMPRESS)
			c = plan->compression;
		pm_json_set_str(pool, l, "mediaType", type_of(docker, c));
		pm_json_set_str(pool, l, "digest", layers[i].digest);
		pm_json_set_int(pool, l, "size", layers[i].size);
		if (docker)
			pm_json_unset(l, "annotations");
	}
	pm_json_write(root, 0, out);
	return 0;
}
