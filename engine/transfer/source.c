#include "engine/transfer/source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/transfer/dir_signatures.h"
#include "engine/transfer/docker_archive.h"
#include "engine/transfer/files.h"
#include "engine/transfer/inflate_stream.h"
#include "engine/transfer/layout.h"
#include "engine/transfer/remote_blob.h"
#include "engine/transfer/trust.h"
#include "registry/client_pool.h"
#include "registry/daemon.h"
#include "registry/image_path.h"

enum kind {
	KIND_DOCKER,
	KIND_OCI,
	KIND_OCI_ARCHIVE,
	KIND_DIR,
	KIND_DOCKER_ARCHIVE,
	KIND_DAEMON,
};

static const char *const transports[] = {"docker", "oci", "oci-archive", "dir", "docker-archive",
					 "docker-daemon"};

struct pm_source {
	enum kind kind;
	char *where;
	/* docker */
	struct pm_reference ref;
	struct pm_client_pool *pool;
	const char *registries_d; /* borrowed */
	/* all others */
	int fd, stage;
	bool stage_ours;
	struct pm_files *files, *shared; /* shared: blobs of oci, else NULL */
	int shared_fd;
	pthread_mutex_t lock; /* of files and shared */
	struct pm_json_pool *json;
	const struct pm_json *entry; /* oci: the descriptor chosen */
	struct pm_tx_image image;    /* docker-archive */
	char top[PM_DIGEST_SIZE];    /* dir: of manifest.json, once it was read */
};

struct pm_source_blob {
	struct pm_source *source;
	struct pm_client *client;
	struct pm_remote_blob *remote;
	struct pm_stream_file file;
	struct pm_inflate_stream *plain;
	struct pm_stream stream;
};

void pm_source_free(struct pm_source *s)
{
	if (!s)
		return;
	pm_client_pool_free(s->pool);
	pm_reference_free(&s->ref);
	pm_tx_image_free(&s->image);
	pm_files_free(s->files);
	pm_files_free(s->shared);
	pm_json_pool_free(s->json);
	if (s->fd >= 0)
		close(s->fd);
	if (s->shared_fd >= 0)
		close(s->shared_fd);
	if (s->stage_ours && s->stage >= 0)
		close(s->stage);
	pthread_mutex_destroy(&s->lock);
	free(s->where);
	free(s);
}

const char *pm_source_where(const struct pm_source *s)
{
	return s->where;
}

bool pm_source_repository(const struct pm_source *s, const char **ret_domain, const char **ret_path)
{
	if (s->kind != KIND_DOCKER)
		return false;
	*ret_domain = s->ref.domain;
	*ret_path = s->ref.path;
	return true;
}

struct pm_client *pm_source_client(struct pm_source *s)
{
	return s->pool ? pm_client_pool_main(s->pool) : NULL;
}

/* --- opening ------------------------------------------------------------------------------------- */

static int open_docker(struct pm_source *s, const char *name, const struct pm_source_options *o,
		       struct pm_err *err)
{
	int r = pm_reference_parse_docker(name, &s->ref, err);
	if (r < 0)
		return r;
	pm_reference_default_tag(&s->ref);
	s->registries_d = o->registries_d;
	return pm_client_pool_new(&o->access->conf, &s->ref, &o->access->client,
				  o->access->stall_seconds, o->cancel, &s->pool, err);
}

int pm_source_stage(struct pm_err *err)
{
	const char *tmp = getenv("TMPDIR");
	return pm_fs_open(AT_FDCWD, tmp && *tmp ? tmp : "/var/tmp", O_RDONLY | O_DIRECTORY, 0, err);
}

int pm_source_open_path(const char *path, struct pm_err *err)
{
	return pm_fs_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, err);
}

/* A nameless file in the stage. */
static int temporary(struct pm_source *s, struct pm_err *err)
{
	int fd = openat(s->stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? pm_fail_sys(err, "make a temporary file") : fd;
}

static int open_stage(struct pm_source *s, int stage, struct pm_err *err)
{
	s->stage = stage;
	if (stage >= 0)
		return 0;
	s->stage_ours = true;
	s->stage = pm_source_stage(err);
	return s->stage;
}

static int read_docker_archive(struct pm_source *s, const char *which, struct pm_err *err)
{
	struct pm_json *list;
	const struct pm_json *item;
	int r = pm_docker_archive_read(s->files, s->json, &list, err);
	if (r >= 0)
		r = pm_docker_archive_choose(list, which, &item, err);
	return r < 0 ? r : pm_docker_archive_fill(s->files, item, &s->image, err);
}

static int open_layout(struct pm_source *s, const char *which, const struct pm_source_options *o,
		       struct pm_err *err)
{
	struct pm_json *list;
	int r = pm_layout_read(s->files, s->json, &list, err);
	if (r >= 0)
		r = pm_layout_choose(list, which, o->platform, &s->entry, err);
	if (r >= 0)
		r = pm_digest_check(pm_json_get_str(s->entry, "digest"), "index.json", err);
	if (r < 0 || !o->shared_blob_dir)
		return r;
	s->shared_fd = pm_fs_open(AT_FDCWD, o->shared_blob_dir, O_RDONLY | O_DIRECTORY, 0, err);
	return s->shared_fd < 0 ? s->shared_fd : pm_files_open(s->shared_fd, s->stage, &s->shared, err);
}

static int open_files(struct pm_source *s, const char *name, const struct pm_source_options *o,
		      struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *which = NULL;
	bool directory = s->kind == KIND_OCI || s->kind == KIND_DIR;
	int r = open_stage(s, o->stage, err);
	if (r < 0)
		return r;
	if (s->kind == KIND_DIR)
		path = pm_strdup(name);
	else if (s->kind == KIND_DAEMON)
		path = pm_strdup("docker daemon");
	else
		pm_image_path_split(name, &path, &which);
	if (s->kind == KIND_DAEMON) {
		s->fd = temporary(s, err);
		r = s->fd < 0 ? s->fd : pm_daemon_get(o->daemon_host, name, s->fd, err);
		if (r >= 0 && lseek(s->fd, 0, SEEK_SET) < 0)
			r = pm_fail_sys(err, "lseek");
		if (r < 0)
			return r;
	} else {
		s->fd = o->input >= 0 && !directory
				? fcntl(o->input, F_DUPFD_CLOEXEC, 3)
				: pm_fs_open(AT_FDCWD, path,
					     O_RDONLY | O_NONBLOCK | (directory ? O_DIRECTORY : 0), 0,
					     err);
		if (s->fd < 0)
			return s->fd;
	}
	s->json = pm_json_pool_new();
	r = pm_files_open(s->fd, s->stage, &s->files, err);
	if (r >= 0 && (s->kind == KIND_DOCKER_ARCHIVE || s->kind == KIND_DAEMON))
		r = read_docker_archive(s, which, err);
	else if (r >= 0 && s->kind != KIND_DIR)
		r = open_layout(s, which, o, err);
	return r < 0 ? pm_wrap(err, "%s", path) : r;
}

int pm_source_open(const char *transport, const char *name, const struct pm_source_options *o,
		   struct pm_source **ret, struct pm_err *err)
{
	size_t k = 0;
	while (k < PM_ARRAY_SIZE(transports) && strcmp(transports[k], transport) != 0)
		k++;
	if (k == PM_ARRAY_SIZE(transports))
		return pm_fail(err, PM_E_UNSUPPORTED, "images cannot be read from %s:", transport);
	struct pm_source *s = PM_NEW(struct pm_source);
	s->kind = (enum kind)k;
	s->fd = s->stage = s->shared_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	s->where = pm_asprintf("%s:%s%s", transport, s->kind == KIND_DOCKER ? "//" : "", name);
	int r = s->kind == KIND_DOCKER ? open_docker(s, name, o, err) : open_files(s, name, o, err);
	if (r < 0) {
		pm_source_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- documents ----------------------------------------------------------------------------------- */

/* Where a blob's bytes are; digest is valid, so the path cannot leave the layout. */
static int find_file(struct pm_source *s, const char *digest, struct pm_stream_file *ret,
		     struct pm_err *err)
{
	const char *hex = pm_digest_hex(digest);
	_cleanup_free_ char *path = s->kind == KIND_DIR ? pm_strdup(hex)
				    : s->shared		? pm_asprintf("sha256/%s", hex)
							: pm_asprintf("blobs/sha256/%s", hex);
	*ret = (struct pm_stream_file){0};
	pthread_mutex_lock(&s->lock);
	int r = pm_files_find(s->shared ? s->shared : s->files, path, &ret->fd, &ret->start,
			      &ret->size, err);
	/* The images of an index lie beside the blobs there. */
	if (r == -PM_E_NOSUCH && s->kind == KIND_DIR) {
		_cleanup_free_ char *other = pm_asprintf("%s.manifest.json", hex);
		if (pm_files_find(s->files, other, &ret->fd, &ret->start, &ret->size, NULL) >= 0)
			r = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

static int read_stream(const struct pm_stream *in, size_t max, struct pm_buf *out,
		       struct pm_err *err)
{
	for (;;) {
		char *to = pm_buf_reserve(out, 64 << 10);
		ssize_t n = in->read(in->arg, to, 64 << 10, err);
		if (n <= 0) {
			*pm_buf_reserve(out, 1) = '\0';
			return (int)n;
		}
		out->len += (size_t)n;
		if (out->len > max)
			return pm_fail(err, PM_E_FORMAT, "it is larger than the %zu bytes allowed", max);
	}
}

static int read_file(struct pm_source *s, const char *digest, size_t max, struct pm_buf *out,
		     struct pm_err *err)
{
	struct pm_stream_file file;
	int r = find_file(s, digest, &file, err);
	if (r < 0)
		return r;
	struct pm_stream in = pm_stream_of_file(&file);
	r = read_stream(&in, max, out, err);
	return r < 0 ? r : pm_digest_verify(pm_buf_str(out), out->len, digest, "content", err);
}

int pm_source_manifest(struct pm_source *s, const char *digest, struct pm_buf *out,
		       char **ret_type, struct pm_err *err)
{
	int r = digest ? pm_digest_check(digest, "manifest", err) : 0;
	*ret_type = NULL;
	if (r < 0)
		return r;
	switch (s->kind) {
	case KIND_DOCKER:
		return pm_client_manifest(pm_client_pool_main(s->pool),
					  digest	  ? digest
					  : s->ref.digest ? s->ref.digest
							  : s->ref.tag,
					  out, ret_type, err);
	case KIND_DOCKER_ARCHIVE:
	case KIND_DAEMON:
		if (digest && strcmp(digest, s->image.digest) != 0)
			return pm_fail(err, PM_E_NOSUCH, "%s has no manifest %s", s->where, digest);
		pm_buf_add(out, pm_buf_str(&s->image.manifest_text), s->image.manifest_text.len);
		return 0;
	case KIND_DIR:
		if (digest)
			break;
		r = pm_files_read(s->files, "manifest.json", PM_MANIFEST_MAX, out, err);
		pm_digest_of(pm_buf_str(out), out->len, s->top);
		return r;
	case KIND_OCI:
	case KIND_OCI_ARCHIVE:
	default:
		if (!digest) {
			digest = pm_json_get_str(s->entry, "digest");
			*ret_type = pm_strdup_null(pm_json_get_str(s->entry, "mediaType"));
		}
		break;
	}
	r = read_file(s, digest, PM_MANIFEST_MAX, out, err);
	if (r < 0)
		return pm_wrap(err, "reading manifest %s from %s", digest, s->where);
	return 0;
}

int pm_source_signatures(void *arg, const char *digest, struct pm_signatures *ret, struct pm_err *err)
{
	struct pm_source *s = arg;
	int r = 0;
	if (s->kind == KIND_DOCKER) {
		struct pm_trust_registry t = {pm_client_pool_main(s->pool), &s->ref, s->registries_d};
		r = pm_trust_fetch_registry(&t, digest, ret, err);
	} else if (s->kind == KIND_DIR) {
		r = pm_dir_signatures(s->files, digest, s->top, ret, err);
	}
	return r < 0 ? pm_wrap(err, "reading signatures of %s", s->where) : 0;
}

int pm_source_read_blob(struct pm_source *s, const struct pm_descriptor *d, size_t max,
			struct pm_buf *out, struct pm_err *err)
{
	struct pm_source_blob *b;
	if ((uint64_t)d->size > max)
		return pm_fail(err, PM_E_FORMAT, "blob %s is %lld bytes, more than the %zu allowed",
			       d->digest, (long long)d->size, max);
	int r = pm_source_open_blob(s, d, &b, err);
	if (r < 0)
		return r;
	r = read_stream(pm_source_blob_stream(b), max, out, err);
	pm_source_blob_close(b);
	if (r >= 0)
		r = pm_digest_verify(pm_buf_str(out), out->len, d->digest, "content", err);
	return r < 0 ? pm_wrap(err, "reading blob %s from %s", d->digest, s->where) : 0;
}

/* --- blobs --------------------------------------------------------------------------------------- */

/* Config and layers of a docker-archive: layers may be compressed there, but go by their diff ids. */
static int open_archived(struct pm_source *s, const struct pm_descriptor *d,
			 struct pm_source_blob *b, struct pm_err *err)
{
	for (size_t i = 0; i < s->image.n_layers; i++) {
		const struct pm_tx_layer *l = &s->image.layers[i];
		if (strcmp(l->diff_id, d->digest) != 0)
			continue;
		b->file = (struct pm_stream_file){.fd = l->fd, .start = l->offset, .size = l->size};
		b->stream = pm_stream_of_file(&b->file);
		if (l->size != d->size) {
			b->plain = pm_inflate_stream_new(&b->stream);
			b->stream = pm_inflate_stream(b->plain);
		}
		return 0;
	}
	return pm_fail(err, PM_E_NOSUCH, "%s has no blob %s", s->where, d->digest);
}

/* The config is held in memory. */
static ssize_t config_read(void *arg, void *buf, size_t len, struct pm_err *err)
{
	struct pm_source_blob *b = arg;
	const struct pm_buf *text = &b->source->image.config_text;
	size_t n = text->len - (size_t)b->file.at;
	(void)err;
	if (n > len)
		n = len;
	if (n)
		memcpy(buf, text->data + b->file.at, n);
	b->file.at += (int64_t)n;
	return (ssize_t)n;
}

static int config_rewind(void *arg, int64_t offset, struct pm_err *err)
{
	struct pm_source_blob *b = arg;
	(void)err;
	b->file.at = offset;
	return 0;
}

int pm_source_open_blob(struct pm_source *s, const struct pm_descriptor *d,
			struct pm_source_blob **ret, struct pm_err *err)
{
	struct pm_source_blob *b = PM_NEW(struct pm_source_blob);
	int r = 0;
	b->source = s;
	if (s->kind == KIND_DOCKER) {
		r = pm_client_pool_take(s->pool, &b->client, err);
		if (r >= 0) {
			b->remote = pm_remote_blob_new(b->client, d);
			b->stream = pm_remote_blob_stream(b->remote);
		}
	} else if (s->kind == KIND_DOCKER_ARCHIVE || s->kind == KIND_DAEMON) {
		if (strcmp(s->image.manifest.config.digest, d->digest) == 0)
			b->stream = (struct pm_stream){config_read, config_rewind, b};
		else
			r = open_archived(s, d, b, err);
	} else {
		r = find_file(s, d->digest, &b->file, err);
		b->stream = pm_stream_of_file(&b->file);
		if (r >= 0 && b->file.size != d->size)
			r = pm_fail(err, PM_E_DIGEST, "blob %s in %s has %lld bytes, not %lld",
				    d->digest, s->where, (long long)b->file.size,
				    (long long)d->size);
	}
	if (r < 0) {
		pm_source_blob_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

const struct pm_stream *pm_source_blob_stream(const struct pm_source_blob *b)
{
	return &b->stream;
}

void pm_source_blob_close(struct pm_source_blob *b)
{
	if (!b)
		return;
	pm_inflate_stream_free(b->plain);
	pm_remote_blob_free(b->remote);
	if (b->client)
		pm_client_pool_give(b->source->pool, b->client);
	free(b);
}
