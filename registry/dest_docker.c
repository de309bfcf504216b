#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "registry/destination_kinds.h"

enum { CONNECTIONS = 16 };

/* A connection: one thread's at a time. */
struct link {
	struct pm_http *http;
	struct pm_client *client;
};

struct docker {
	struct pm_reference ref;
	struct link main; /* of manifests; the others are cloned from it */
	unsigned int stall_seconds;
	pthread_mutex_t lock; /* of what follows */
	struct link idle[CONNECTIONS];
	size_t n_idle;
	/* The manifest put last. */
	struct pm_buf manifest;
	char *media_type;
};

static void link_free(struct link *l)
{
	pm_client_free(l->client);
	pm_http_free(l->http);
}

static void docker_free(void *self)
{
	struct docker *d = self;
	for (size_t i = 0; i < d->n_idle; i++)
		link_free(&d->idle[i]);
	link_free(&d->main);
	pm_reference_free(&d->ref);
	pm_buf_free(&d->manifest);
	free(d->media_type);
	pthread_mutex_destroy(&d->lock);
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
	pthread_mutex_init(&d->lock, NULL);
	d->ref = ref;
	d->stall_seconds = o->stall_seconds;
	struct pm_client_options opts = *o->client;
	opts.actions = "pull,push";
	r = pm_http_new(d->stall_seconds, &d->main.http, err);
	if (r >= 0)
		r = pm_client_new(d->main.http, o->conf, &ref, &opts, &d->main.client, err);
	/* Connections made from this one know then how to talk to the registry, and as whom. */
	if (r >= 0)
		r = pm_client_ping(d->main.client, err);
	if (r < 0) {
		docker_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

static int borrow(struct docker *d, struct link *ret, struct pm_err *err)
{
	struct link l = {0};
	pthread_mutex_lock(&d->lock);
	if (d->n_idle)
		l = d->idle[--d->n_idle];
	pthread_mutex_unlock(&d->lock);
	if (!l.http) {
		int r = pm_http_new(d->stall_seconds, &l.http, err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&d->lock);
		l.client = pm_client_clone(d->main.client, l.http);
		pthread_mutex_unlock(&d->lock);
	}
	*ret = l;
	return 0;
}

static void give_back(struct docker *d, struct link *l)
{
	pthread_mutex_lock(&d->lock);
	bool kept = d->n_idle < CONNECTIONS;
	if (kept)
		d->idle[d->n_idle++] = *l;
	pthread_mutex_unlock(&d->lock);
	if (!kept)
		link_free(l);
}

static int docker_has_blob(void *self, const char *digest, int64_t *ret_size, struct pm_err *err)
{
	struct link l;
	int r = borrow(self, &l, err);
	if (r < 0)
		return r;
	r = pm_client_has_blob(l.client, digest, ret_size, err);
	give_back(self, &l);
	return r;
}

static int docker_mount(void *self, const char *digest, const char *domain, const char *repository,
			struct pm_err *err)
{
	struct docker *d = self;
	struct link l;
	if (strcmp(domain, d->ref.domain) != 0)
		return 0;
	int r = borrow(d, &l, err);
	if (r < 0)
		return r;
	r = pm_client_mount(l.client, digest, repository, err);
	give_back(d, &l);
	return r;
}

static int docker_put_blob(void *self, const struct pm_stream *in, enum pm_blob_kind kind,
			   const char *digest, int64_t size, char ret_digest[PM_DIGEST_SIZE],
			   int64_t *ret_size, struct pm_err *err)
{
	struct link l;
	(void)kind;
	int r = borrow(self, &l, err);
	if (r < 0)
		return r;
	r = pm_client_put_blob(l.client, in, digest, size, ret_digest, ret_size, err);
	give_back(self, &l);
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
	int r = pm_client_put_manifest(d->main.client, name, media_type, data, len, err);
	if (r < 0 || instance)
		return r;
	pm_buf_cut(&d->manifest, 0);
	pm_buf_add(&d->manifest, data, len);
	free(d->media_type);
	d->media_type = pm_strdup(media_type);
	return 0;
}

static int docker_add_tag(void *self, const char *tag, struct pm_err *err)
{
	struct docker *d = self;
	if (!pm_tag_valid(tag))
		return pm_fail(err, PM_E_USAGE, "'%.128s' is not a valid tag", tag);
	return pm_client_put_manifest(d->main.client, tag, d->media_type,
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
	.add_tag = docker_add_tag,
	.commit = docker_commit,
	.free = docker_free,
};
