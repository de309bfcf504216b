#include "engine/transfer/rewrite.h"

#include <string.h>

enum pm_layer_form pm_rewrite_form(enum pm_compression c)
{
	return c == PM_COMPRESSION_GZIP	  ? PM_LAYER_GZIP
	       : c == PM_COMPRESSION_ZSTD ? PM_LAYER_ZSTD
					  : PM_LAYER_PLAIN;
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

static enum pm_layer_change change_of(enum pm_layer_form now, bool docker,
				      const struct pm_rewrite_plan *p,
				      const struct pm_rewrite_wish *wish,
				      const struct pm_destination_traits *traits)
{
	bool plain = now == PM_LAYER_PLAIN;
	bool dir = !traits->compressed && !traits->plain_layers;
	if (traits->plain_layers || (dir && wish->decompress))
		return plain ? PM_LAYER_AS_IS : PM_LAYER_DECOMPRESS;
	if (docker && now == PM_LAYER_ZSTD)
		return PM_LAYER_COMPRESS;
	if (dir && !wish->compress)
		return PM_LAYER_AS_IS;
	if (plain)
		return wish->accept_plain && traits->oci_only ? PM_LAYER_AS_IS : PM_LAYER_COMPRESS;
	return wish->compression != PM_COMPRESSION_NONE && now != pm_rewrite_form(p->compression)
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
		enum pm_layer_form form = pm_layer_form_of(type);
		bool foreign = pm_layer_is_foreign(type);
		if (form == PM_LAYER_OTHER && (p.changes || traits->plain_layers || traits->single))
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "layer %s is of type '%.100s', which cannot be converted",
				       m->layers[i].digest, type);
		if (form == PM_LAYER_OTHER || foreign)
			continue;
		p.layers[i] = change_of(form, docker, &p, wish, traits);
		if (p.layers[i] != PM_LAYER_AS_IS && wish->preserve && !wish->compress &&
		    !wish->decompress && !traits->plain_layers &&
		    wish->compression == PM_COMPRESSION_NONE)
			p.layers[i] = PM_LAYER_AS_IS;
		p.changes |= p.layers[i] != PM_LAYER_AS_IS;
	}
	if (p.changes && wish->preserve)
		return pm_fail(err, PM_E_USAGE, "would change the image's digest, %s: %s: would take it in "
						"another form only",
			       wish->preserve_why, traits->transport);
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
		enum pm_layer_form form = pm_layer_form_of(m->layers[i].media_type);
		if (form == PM_LAYER_OTHER)
			continue;
		if (plan->layers[i] == PM_LAYER_DECOMPRESS)
			form = PM_LAYER_PLAIN;
		else if (plan->layers[i] == PM_LAYER_COMPRESS)
			form = pm_rewrite_form(plan->compression);
		/* zstd in Docker's, which has no type, is never planned */
		pm_json_set_str(pool, l, "mediaType", pm_layer_media_type(plan->media_type, form));
		pm_json_set_str(pool, l, "digest", layers[i].digest);
		pm_json_set_int(pool, l, "size", layers[i].size);
		if (docker)
			pm_json_unset(l, "annotations");
	}
	pm_json_write(root, 0, out);
	return 0;
}
