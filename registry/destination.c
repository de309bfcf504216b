#include "registry/destination.h"

#include <string.h>

#include "base/mem.h"
#include "registry/destination_kinds.h"
#include "registry/manifest.h"
#include "registry/spool.h"

struct pm_destination {
	const struct pm_destination_ops *ops;
	void *self;
	char *where;
	/* The manifest put last, for add_tag. */
	bool named;
	bool precompute; /* digests of blobs */
	const char *domain, *repository; /* where such blobs may be too */
};

static const struct {
	const struct pm_destination_ops *ops;
	pm_destination_open_fn *open;
} kinds[] = {
	{&pm_dest_docker, pm_dest_docker_open},
	{&pm_dest_oci, pm_dest_oci_open},
	{&pm_dest_oci_archive, pm_dest_oci_archive_open},
	{&pm_dest_dir, pm_dest_dir_open},
	{&pm_dest_docker_archive, pm_dest_docker_archive_open},
	{&pm_dest_daemon, pm_dest_daemon_open},
};

int pm_destination_open(const char *transport, const char *name,
			const struct pm_destination_options *options, struct pm_destination **ret,
			struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].ops->traits.transport, transport) != 0)
			continue;
		void *self;
		int r = kinds[i].open(name, options, &self, err);
		if (r < 0)
			return r;
		struct pm_destination *d = PM_NEW(struct pm_destination);
		d->ops = kinds[i].ops;
		d->self = self;
		d->where = pm_asprintf("%s:%s%s", transport,
				       strcmp(transport, "docker") == 0 ? "//" : "", name);
		*ret = d;
		return 0;
	}
	return pm_fail(err, PM_E_UNSUPPORTED, "images cannot be written to %s:", transport);
}

void pm_destination_free(struct pm_destination *d)
{
	if (!d)
		return;
	d->ops->free(d->self);
	free(d->where);
	free(d);
}

const struct pm_destination_traits *pm_destination_traits(const struct pm_destination *d)
{
	return &d->ops->traits;
}

const char *pm_destination_where(const struct pm_destination *d)
{
	return d->where;
}

int pm_destination_has_blob(struct pm_destination *d, const char *digest, int64_t *ret_size,
			    struct pm_err *err)
{
	int64_t size = -1;
	int r = pm_digest_check(digest, "blob", err);
	if (r >= 0)
		r = d->ops->has_blob(d->self, digest, &size, err);
	if (r > 0 && ret_size)
		*ret_size = size;
	return r;
}

int pm_destination_mount(struct pm_destination *d, const char *digest, const char *domain,
			 const char *repository, struct pm_err *err)
{
	int r = pm_digest_check(digest, "blob", err);
	if (r < 0)
		return r;
	return d->ops->mount ? d->ops->mount(d->self, digest, domain, repository, err) : 0;
}

void pm_destination_precompute(struct pm_destination *d, const char *domain, const char *repository)
{
	d->precompute = strcmp(d->ops->traits.transport, "docker") == 0;
	d->domain = domain;
	d->repository = repository;
}

static int put_precomputed(struct pm_destination *d, const struct pm_stream *in, enum pm_blob_kind kind,
			   char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	struct pm_spool spool = PM_SPOOL_INIT;
	int64_t size = -1;
	int r = pm_spool_fill(&spool, in, err);
	if (r >= 0)
		r = d->ops->has_blob(d->self, spool.digest, &size, err);
	if (r > 0 && size >= 0 && size != spool.file.size)
		r = 0;
	if (r == 0 && d->domain)
		r = pm_destination_mount(d, spool.digest, d->domain, d->repository, err);
	if (r == 0) {
		struct pm_stream file = pm_stream_of_file(&spool.file);
		r = d->ops->put_blob(d->self, &file, kind, spool.digest, spool.file.size, ret_digest,
				     ret_size, err);
	} else if (r > 0) {
		memcpy(ret_digest, spool.digest, PM_DIGEST_SIZE);
		*ret_size = spool.file.size;
	}
	pm_spool_free(&spool);
	return r;
}

int pm_destination_put_blob(struct pm_destination *d, const struct pm_stream *in,
			    enum pm_blob_kind kind, const char *digest, int64_t size,
			    char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err)
{
	char found[PM_DIGEST_SIZE];
	int64_t n = 0;
	int r = digest ? pm_digest_check(digest, "blob", err) : 0;
	if (r >= 0 && !digest && d->precompute)
		r = put_precomputed(d, in, kind, found, &n, err);
	else if (r >= 0)
		r = d->ops->put_blob(d->self, in, kind, digest, size, found, &n, err);
	if (r < 0)
		return r;
	if (ret_digest)
		memcpy(ret_digest, found, PM_DIGEST_SIZE);
	if (ret_size)
		*ret_size = n;
	return 0;
}

int pm_destination_put_text(struct pm_destination *d, const void *data, size_t len,
			    enum pm_blob_kind kind, struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	struct pm_stream_text text = {.data = data, .len = len};
	struct pm_stream in = pm_stream_of_text(&text);
	pm_digest_of(data, len, digest);
	return pm_destination_put_blob(d, &in, kind, digest, (int64_t)len, NULL, NULL, err);
}

int pm_destination_set_names(struct pm_destination *d, const struct pm_strv *names,
			     struct pm_err *err)
{
	if (!d->ops->set_names)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: takes one image only", d->where);
	return d->ops->set_names(d->self, names, err);
}

int pm_destination_put_manifest(struct pm_destination *d, const void *data, size_t len,
				const char *media_type, const char *instance,
				char ret_digest[PM_DIGEST_SIZE], struct pm_err *err)
{
	char digest[PM_DIGEST_SIZE];
	if (len > PM_MANIFEST_MAX)
		return pm_fail(err, PM_E_FORMAT, "manifest is larger than %d bytes",
			       PM_MANIFEST_MAX);
	if (instance) {
		int r = pm_digest_verify(data, len, instance, "manifest", err);
		if (r < 0)
			return r;
	}
	pm_digest_of(data, len, digest);
	int r = d->ops->put_manifest(d->self, data, len, media_type, digest, instance != NULL, err);
	d->named = r >= 0 && !instance;
	if (r >= 0 && ret_digest)
		memcpy(ret_digest, digest, PM_DIGEST_SIZE);
	return r;
}

int pm_destination_takes_signatures(struct pm_destination *d, enum pm_signature_kind kind,
				    struct pm_err *err)
{
	if (!d->ops->takes_signatures)
		return pm_fail(err, PM_E_UNSUPPORTED, "images in %s: have no signatures",
			       d->ops->traits.transport);
	return d->ops->takes_signatures(d->self, kind, err);
}

int pm_destination_put_signatures(struct pm_destination *d, const struct pm_signatures *s,
				  const char *digest, bool instance, struct pm_err *err)
{
	int r = pm_digest_check(digest, "manifest", err);
	return r < 0 ? r : d->ops->put_signatures(d->self, s, digest, instance, err);
}

int pm_destination_add_tag(struct pm_destination *d, const char *tag, struct pm_err *err)
{
	if (!d->ops->add_tag)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: further tags are not possible there",
			       d->where);
	if (!d->named)
		return pm_fail(err, PM_E_INTERNAL, "there is no manifest to tag");
	return d->ops->add_tag(d->self, tag, err);
}

int pm_destination_commit(struct pm_destination *d, struct pm_err *err)
{
	return d->ops->commit(d->self, err);
}
