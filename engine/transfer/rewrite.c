#include "engine/transfer/rewrite.h"

#include <string.h>

#include "registry/layer_crypt.h"

enum pm_layer_form pm_rewrite_form(enum pm_compression c)
{
	return c == PM_COMPRESSION_GZIP	  ? PM_LAYER_GZIP
	       : c == PM_COMPRESSION_ZSTD ? PM_LAYER_ZSTD
					  : PM_LAYER_PLAIN;
}

void pm_rewrite_plan_free(struct pm_rewrite_plan *p)
{
	free(p->layers);
	free(p->crypt);
	*p = (struct pm_rewrite_plan){0};
}

void pm_rewritten_free(struct pm_rewritten *layers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pm_strv_free(&layers[i].locked);
	free(layers);
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
	if (traits->oci_only || wish->encrypts)
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

/* Docker's format has no encrypted layers. */
static int check_encryption(const struct pm_manifest *m, const struct pm_rewrite_wish *wish,
			    const struct pm_destination_traits *traits, struct pm_err *err)
{
	if (!wish->encrypts)
		return 0;
	if (wish->preserve)
		return pm_fail(err, PM_E_USAGE, "encryption would change the image's digest, %s", wish->preserve_why);
	if (!is_image(m))
		return pm_fail(err, PM_E_UNSUPPORTED, "it is an artifact of type '%.100s', which is not "
						      "encrypted",
			       m->config.media_type);
	if (wish->format == PM_FORMAT_DOCKER)
		return pm_fail(err, PM_E_USAGE, "encrypted layers need the OCI format (--format oci)");
	if (traits->docker_only)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: cannot hold encrypted layers", traits->transport);
	return 0;
}

/* A layer that is none of ours stays as it is, or the image cannot go there. */
static int keep_other(const struct pm_descriptor *d, bool possible, const struct pm_destination_traits *traits,
		      struct pm_err *err)
{
	if (possible)
		return 0;
	if (pm_layer_is_encrypted(d->media_type))
		return pm_fail(err, PM_E_UNSUPPORTED, "layer %s is encrypted, which %s: cannot hold: a key that "
						      "decrypts it is needed (--decryption-key)",
			       d->digest, traits->transport);
	return pm_fail(err, PM_E_UNSUPPORTED, "layer %s is of type '%.100s', which cannot be converted",
		       d->digest, d->media_type);
}

int pm_rewrite_plan(const struct pm_manifest *m, const struct pm_rewrite_wish *wish,
		    const struct pm_destination_traits *traits, struct pm_rewrite_plan *ret,
		    struct pm_err *err)
{
	_cleanup_rewrite_plan_ struct pm_rewrite_plan p = {0};
	int r = check_encryption(m, wish, traits, err);
	if (r < 0)
		return r;
	bool docker = want_docker(m->media_type, wish, traits);
	p.media_type = docker ? PM_MT_DOCKER_MANIFEST : PM_MT_OCI_MANIFEST;
	p.compression = wish->compression;
	if (docker && p.compression == PM_COMPRESSION_ZSTD)
		return pm_fail(err, PM_E_USAGE, "zstd layers need the OCI format (--format oci)");
	if (p.compression == PM_COMPRESSION_NONE)
		p.compression = PM_COMPRESSION_GZIP;
	p.changes = strcmp(p.media_type, m->media_type) != 0;
	bool converts = p.changes || traits->plain_layers || traits->single;
	p.layers = pm_calloc(m->n_layers, sizeof(*p.layers));
	p.crypt = pm_calloc(m->n_layers, sizeof(*p.crypt));
	bool image = is_image(m);
	if (!image && (docker || p.changes || traits->single))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "it is an artifact of type '%.100s', which %s: cannot hold",
			       m->config.media_type, traits->transport);
	for (size_t i = 0; image && i < m->n_layers; i++) {
		const char *type = m->layers[i].media_type;
		bool decrypt = wish->decrypt && pm_layer_is_encrypted(type);
		enum pm_layer_form form = decrypt ? pm_layer_form_inside(type) : pm_layer_form_of(type);
		if (form == PM_LAYER_OTHER)
			r = keep_other(&m->layers[i], !converts, traits, err);
		if (r < 0)
			return r;
		if (form == PM_LAYER_OTHER || pm_layer_is_foreign(type))
			continue;
		p.crypt[i].decrypt = decrypt;
		p.crypt[i].encrypt = wish->encrypts && wish->encrypt[i];
		p.layers[i] = change_of(form, docker, &p, wish, traits);
		if (p.layers[i] != PM_LAYER_AS_IS && wish->preserve && !wish->compress &&
		    !wish->decompress && !traits->plain_layers &&
		    wish->compression == PM_COMPRESSION_NONE)
			p.layers[i] = PM_LAYER_AS_IS;
		p.changes |= p.layers[i] != PM_LAYER_AS_IS || decrypt || p.crypt[i].encrypt;
	}
	if (p.changes && wish->preserve)
		return pm_fail(err, PM_E_USAGE, "would change the image's digest, %s: %s: would take it in "
						"another form only",
			       wish->preserve_why, traits->transport);
	*ret = p;
	p = (struct pm_rewrite_plan){0};
	return 0;
}

/* Its annotations: those that it had and that are still true. */
static void set_annotations(struct pm_json_pool *pool, struct pm_json *l, bool docker,
			    const struct pm_strv *locked)
{
	struct pm_json *notes = docker ? NULL
				       : pm_layer_annotations(pool, pm_json_get(l, "annotations"), locked);
	if (notes)
		pm_json_set(pool, l, "annotations", notes);
	else
		pm_json_unset(l, "annotations");
}

/* The media type of a layer; zstd in Docker's, which has no type, is never planned. */
static void set_type(struct pm_json_pool *pool, struct pm_json *l, const char *manifest_type,
		     enum pm_layer_form form, bool encrypted)
{
	const char *type = pm_layer_media_type(manifest_type, form);
	_cleanup_free_ char *longer = pm_asprintf("%s%s", type, encrypted ? PM_LAYER_ENCRYPTED : "");
	pm_json_set_str(pool, l, "mediaType", longer);
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
		const char *type = m->layers[i].media_type;
		enum pm_layer_form form = plan->crypt[i].decrypt ? pm_layer_form_inside(type)
								 : pm_layer_form_of(type);
		if (form == PM_LAYER_OTHER)
			continue;
		if (plan->layers[i] == PM_LAYER_DECOMPRESS)
			form = PM_LAYER_PLAIN;
		else if (plan->layers[i] == PM_LAYER_COMPRESS)
			form = pm_rewrite_form(plan->compression);
		set_type(pool, l, plan->media_type, form, plan->crypt[i].encrypt);
		pm_json_set_str(pool, l, "digest", layers[i].digest);
		pm_json_set_int(pool, l, "size", layers[i].size);
		set_annotations(pool, l, docker, &layers[i].locked);
	}
	pm_json_write(root, 0, out);
	return 0;
}
