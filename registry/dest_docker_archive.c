/* docker-archive: (what docker save writes: a tar with manifest.json), and the same given to a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "registry/archive_file.h"
#include "registry/daemon.h"
#include "registry/destination_kinds.h"
#include "registry/file_sink.h"
#include "registry/image_path.h"
#include "registry/manifest.h"

struct archive {
	struct pm_file_sink *files;
	struct pm_archive_file file;
	int spool; /* docker-daemon: the archive before it is sent */
	char *host;
	struct pm_strv names; /* of the next manifest */
	struct pm_json_pool *pool;
	struct pm_json *images; /* manifest.json */
};

static void archive_free(void *self)
{
	struct archive *a = self;
	pm_file_sink_free(a->files);
	pm_archive_file_drop(&a->file);
	pm_strv_free(&a->names);
	pm_json_pool_free(a->pool);
	if (a->spool >= 0)
		close(a->spool);
	free(a->host);
	free(a);
}

static struct archive *archive_new(void)
{
	struct archive *a = PM_NEW(struct archive);
	a->file = (struct pm_archive_file)PM_ARCHIVE_FILE_INIT;
	a->spool = -1;
	a->pool = pm_json_pool_new();
	a->images = pm_json_array(a->pool);
	return a;
}

/* Full names with a tag; what has a digest only cannot be loaded by name. */
static int set_names(void *self, const struct pm_strv *names, struct pm_err *err)
{
	struct archive *a = self;
	pm_strv_free(&a->names);
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
		int r = pm_reference_parse_docker(names->v[i], &ref, err);
		if (r < 0)
			return r;
		if (ref.digest)
			return pm_fail(err, PM_E_USAGE, "'%s': a digest cannot be a name in a "
							"docker archive",
				       names->v[i]);
		pm_reference_default_tag(&ref);
		pm_strv_take(&a->names, pm_reference_str(&ref));
	}
	return 0;
}

static int set_name(struct archive *a, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv one = PM_STRV_INIT;
	pm_strv_add(&one, name);
	return set_names(a, &one, err);
}

int pm_dest_docker_archive_open(const char *name, const struct pm_destination_options *o,
				void **ret, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *which = NULL;
	pm_image_path_split(name, &path, &which);
	struct stat st;
	if (o->output < 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		return pm_fail(err, PM_E_EXISTS, "%s: docker-archive doesn't support modifying "
						 "existing images: remove the file first",
			       path);
	struct archive *a = archive_new();
	int out, r = which ? set_name(a, which, err) : 0;
	if (r >= 0)
		r = pm_archive_file_open(&a->file, path, o, &out, err);
	if (r < 0) {
		archive_free(a);
		return r;
	}
	a->files = pm_file_sink_tar(out, a->file.stage);
	*ret = a;
	return 0;
}

int pm_dest_daemon_open(const char *name, const struct pm_destination_options *o, void **ret,
			struct pm_err *err)
{
	struct archive *a = archive_new();
	int r = set_name(a, name, err);
	const char *tmp = getenv("TMPDIR");
	if (r >= 0 && o->stage < 0) {
		a->file.stage = r = pm_fs_open(AT_FDCWD, tmp && *tmp ? tmp : "/var/tmp",
					       O_RDONLY | O_DIRECTORY, 0, err);
		a->file.stage_ours = true;
	} else if (r >= 0) {
		a->file.stage = o->stage;
	}
	if (r >= 0) {
		a->spool = openat(a->file.stage, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (a->spool < 0)
			r = pm_fail_sys(err, "make a temporary file");
	}
	int out = r >= 0 ? fcntl(a->spool, F_DUPFD_CLOEXEC, 3) : -1;
	if (r >= 0 && out < 0)
		r = pm_fail_sys(err, "dup");
	if (r < 0) {
		archive_free(a);
		return r;
	}
	a->host = pm_strdup_null(o->daemon_host);
	a->files = pm_file_sink_tar(out, a->file.stage);
	*ret = a;
	return 0;
}

static char *layer_name(const char *digest)
{
	return pm_asprintf("%s.tar", digest + strlen("sha256:"));
}

static char *config_name(const char *digest)
{
	return pm_asprintf("%s.json", digest + strlen("sha256:"));
}

static int has_blob(void *self, const char *digest, int64_t *ret_size, struct pm_err *err)
{
	struct archive *a = self;
	_cleanup_free_ char *name = layer_name(digest);
	return pm_file_sink_has(a->files, name, ret_size, err);
}

static int put_blob(void *self, const struct pm_stream *in, enum pm_blob_kind kind,
		    const char *digest, int64_t size, char ret_digest[PM_DIGEST_SIZE],
		    int64_t *ret_size, struct pm_err *err)
{
	struct archive *a = self;
	return pm_file_sink_blob(a->files, in, kind == PM_BLOB_CONFIG ? config_name : layer_name,
				 digest, size, ret_digest, ret_size, err);
}

static int put_manifest(void *self, const void *data, size_t len, const char *media_type,
			const char *digest, bool instance, struct pm_err *err)
{
	struct archive *a = self;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_manifest_ struct pm_manifest m = {0};
	struct pm_json *root;
	(void)digest;
	if (instance)
		return pm_fail(err, PM_E_UNSUPPORTED, "an index cannot be stored in a docker archive");
	int r = pm_json_parse(pool, data, len, &root, err);
	if (r >= 0)
		r = pm_manifest_parse(root, media_type, &m, err);
	if (r < 0)
		return r;
	struct pm_json *image = pm_json_object(a->pool), *layers = pm_json_array(a->pool);
	_cleanup_free_ char *config = config_name(m.config.digest);
	pm_json_set_str(a->pool, image, "Config", config);
	pm_json_set(a->pool, image, "RepoTags", pm_json_strv(a->pool, &a->names));
	for (size_t i = 0; i < m.n_layers; i++) {
		_cleanup_free_ char *name = layer_name(m.layers[i].digest);
		pm_json_add(a->pool, layers, pm_json_str(a->pool, name));
	}
	pm_json_set(a->pool, image, "Layers", layers);
	pm_json_add(a->pool, a->images, image);
	return 0;
}

/* A further name of the image put last. */
static int add_tag(void *self, const char *tag, struct pm_err *err)
{
	struct archive *a = self;
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse_docker(tag, &ref, err);
	if (r < 0)
		return r;
	pm_reference_default_tag(&ref);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	struct pm_json *image = pm_json_at(a->images, pm_json_len(a->images) - 1);
	pm_json_add(a->pool, pm_json_get(image, "RepoTags"), pm_json_str(a->pool, full));
	return 0;
}

static int commit(void *self, struct pm_err *err)
{
	struct archive *a = self;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_json_write(a->images, 0, &text);
	int r = pm_file_sink_text(a->files, "manifest.json", pm_buf_str(&text), text.len, err);
	if (r >= 0)
		r = pm_file_sink_finish(a->files, err);
	if (r < 0 || a->spool < 0)
		return r < 0 ? r : pm_archive_file_commit(&a->file, err);
	struct stat st;
	if (fstat(a->spool, &st) < 0)
		return pm_fail_sys(err, "stat the temporary file");
	return pm_daemon_load(a->host, a->spool, st.st_size, err);
}

#define OPERATIONS                                                                                 \
	.has_blob = has_blob, .put_blob = put_blob, .set_names = set_names,                        \
	.put_manifest = put_manifest, .add_tag = add_tag, .commit = commit, .free = archive_free

const struct pm_destination_ops pm_dest_docker_archive = {
	.traits = {.transport = "docker-archive", .plain_layers = true, .docker_only = true,
		   .single = true},
	OPERATIONS,
};

const struct pm_destination_ops pm_dest_daemon = {
	.traits = {.transport = "docker-daemon", .plain_layers = true, .docker_only = true,
		   .single = true},
	OPERATIONS,
};
