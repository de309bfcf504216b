#include <string.h>

#include "base/mem.h"
#include "registry/client_pool.h"
#include "registry/destination_kinds.h"
#include "registry/signature_places.h"

struct docker {
	struct pm_reference ref;
	struct pm_client_pool *pool;
	const char *registries_d; /* borrowed */
	struct pm_signature_places places;
	bool have_places;
	/* The manifest put last. */
	struct pm_buf manifest;
	char *media_type;
};

static void docker_free(void *self)
{
	struct docker *d = self;
	pm_client_pool_free(d->pool);
	pm_reference_free(&d->ref);
	pm_signature_places_free(&d->places);
	pm_buf_free(&d->manifest);
	free(d->media_type);
	free(d);
}

int pm_dest_docker_open(const char *name, const struct pm_destination_options *o, void **ret,
			struct pm_err *err)
{
	struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse_docker(name, &ref, err);
	if (r < 0)
		return r;
	pm_reference_default_tag(&ref);
	struct docker *d = PM_NEW(struct docker);
	d->ref = ref;
	d->registries_d = o->registries_d;
	struct pm_client_options opts = *o->client;
	opts.actions = "pull,push";
	r = pm_client_pool_new(o->conf, &ref, &opts, o->stall_seconds, o->cancel, &d->pool, err);
	/* Connections made from this one know then how to talk to the registry, and as whom. */
	if (r >= 0)
		r = pm_client_ping(pm_client_pool_main(d->pool), err);
	if (r < 0) {
		docker_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static int docker_has_blob(void *self, const char *digest, int64_t *ret_size, struct pm_err *err)
{
	struct docker *d = self;
	struct pm_client *c;
	int r = pm_client_pool_take(d->pool, &c, err);
	if (r < 0)
		return r;
	r = pm_client_has_blob(c, digest, ret_size, err);
	pm_client_pool_give(d->pool, c);
	return r;
}

static int docker_mount(void *self, const char *digest, const char *domain, const char *repository,
			struct pm_err *err)
{
	struct docker *d = self;
	struct pm_client *c;
	if (strcmp(domain, d->ref.domain) != 0)
		return 0;
	int r = pm_client_pool_take(d->pool, &c, err);
	if (r < 0)
		return r;
	r = pm_client_mount(c, digest, repository, err);
	pm_client_pool_give(d->pool, c);
	return r;
}

static int docker_put_blob(void *self, const struct pm_stream *in, enum pm_blob_kind kind,
			   const char *digest, int64_t size, char ret_digest[PM_DIGEST_SIZE],
			   int64_t *ret_size, struct pm_err *err)
{
	struct docker *d = self;
	struct pm_client *c;
	(void)kind;
	int r = pm_client_pool_take(d->pool, &c, err);
	if (r < 0)
		return r;
	r = pm_client_put_blob(c, in, digest, size, ret_digest, ret_size, err);
	pm_client_pool_give(d->pool, c);
	return r;
}

static int docker_put_manifest(void *self, const void *data, size_t len, const char *media_type,
			       const char *digest, bool instance, struct pm_err *err)
{
	struct docker *d = self;
	const char *name = instance || !d->ref.tag ? digest : d->ref.tag;
	if (!instance && d->ref.digest && strcmp(d->ref.digest, digest) != 0)
		return pm_fail(err, PM_E_DIGEST, "the manifest's digest is %s, but %s was asked for",
			       digest, d->ref.digest);
	int r = pm_client_put_manifest(pm_client_pool_main(d->pool), name, media_type, data, len, err);
	if (r < 0 || instance)
		return r;
	pm_buf_cut(&d->manifest, 0);
	pm_buf_add(&d->manifest, data, len);
	free(d->media_type);
	d->media_type = pm_strdup(media_type);
	return 0;
}

static int find_places(struct docker *d, struct pm_err *err)
{
	int r = d->have_places ? 0 : pm_registries_d_find(d->registries_d, &d->ref, &d->places, err);
	d->have_places = r >= 0;
	return r;
}

static int docker_takes_signatures(void *self, enum pm_signature_kind kind, struct pm_err *err)
{
	struct docker *d = self;
	int r = find_places(d, err);
	return r < 0 ? r : pm_signatures_may_put(&d->ref, &d->places, kind, err);
}

static int docker_put_signatures(void *self, const struct pm_signatures *s, const char *digest,
				 bool instance, struct pm_err *err)
{
	struct docker *d = self;
	(void)instance;
	int r = find_places(d, err);
	return r < 0 ? r : pm_signatures_put(pm_client_pool_main(d->pool), &d->ref, &d->places, digest,
					     s, err);
}

static int docker_add_tag(void *self, const char *tag, struct pm_err *err)
{
	struct docker *d = self;
	if (!pm_tag_valid(tag))
		return pm_fail(err, PM_E_USAGE, "'%.128s' is not a valid tag", tag);
	return pm_client_put_manifest(pm_client_pool_main(d->pool), tag, d->media_type,
				      pm_buf_str(&d->manifest), d->manifest.len, err);
}

static int docker_commit(void *self, struct pm_err *err)
{
	(void)self;
	(void)err;
	return 0;
}

const struct pm_destination_ops pm_dest_docker = {
	.traits = {.transport = "docker", .compressed = true, .names_blobs = true},
	.has_blob = docker_has_blob,
	.mount = docker_mount,
	.put_blob = docker_put_blob,
	.put_manifest = docker_put_manifest,
	.takes_signatures = docker_takes_signatures,
	.put_signatures = docker_put_signatures,
	.add_tag = docker_add_tag,
	.commit = docker_commit,
	.free = docker_free,
};
