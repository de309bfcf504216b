/* oci: and oci-archive: (image spec, image-layout.md), and dir:. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "registry/archive_file.h"
#include "registry/destination_kinds.h"
#include "registry/file_sink.h"
#include "registry/image_path.h"
#include "registry/manifest.h"
#include "registry/oci_index.h"

struct layout {
	struct pm_file_sink *files, *blobs; /* blobs: the shared directory, or files again */
	pm_file_sink_name_fn *name;         /* of a blob there */
	int dir;                        /* of an OCI layout or dir:, borrowed from files; else -1 */
	struct pm_archive_file archive; /* of oci-archive */
	struct pm_strv names;           /* reference names of the next manifest; "" for none */
	struct pm_json_pool *pool;
	struct pm_json *entries; /* descriptors that the commit adds to index.json */
	struct pm_strv signatures; /* dir: files of them, as written now */
	struct pm_strv signed_as;  /* dir: for each manifest, what names of its signatures begin with */
};

static void layout_free(void *self)
{
	struct layout *l = self;
	if (l->blobs != l->files)
		pm_file_sink_free(l->blobs);
	pm_file_sink_free(l->files);
	pm_archive_file_drop(&l->archive);
	pm_strv_free(&l->names);
	pm_strv_free(&l->signatures);
	pm_strv_free(&l->signed_as);
	pm_json_pool_free(l->pool);
	free(l);
}

static struct layout *layout_new(pm_file_sink_name_fn *name)
{
	struct layout *l = PM_NEW(struct layout);
	l->name = name;
	l->dir = -1;
	l->archive = (struct pm_archive_file)PM_ARCHIVE_FILE_INIT;
	l->pool = pm_json_pool_new();
	l->entries = pm_json_array(l->pool);
	return l;
}

static int open_dir(const char *path, struct pm_err *err)
{
	int r = pm_fs_mkdirs(AT_FDCWD, path, 0755, err);
	return r < 0 ? r : pm_fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
}

static char *oci_name(const char *digest)
{
	return pm_asprintf("blobs/sha256/%s", digest + strlen("sha256:"));
}

static char *shared_name(const char *digest)
{
	return pm_asprintf("sha256/%s", digest + strlen("sha256:"));
}

static char *dir_name(const char *digest)
{
	return pm_strdup(digest + strlen("sha256:"));
}

static int has_blob(void *self, const char *digest, int64_t *ret_size, struct pm_err *err)
{
	struct layout *l = self;
	_cleanup_free_ char *name = l->name(digest);
	return pm_file_sink_has(l->blobs, name, ret_size, err);
}

static int put_blob(void *self, const struct pm_stream *in, enum pm_blob_kind kind,
			const char *digest, int64_t size, char ret_digest[PM_DIGEST_SIZE],
			int64_t *ret_size, struct pm_err *err)
{
	struct layout *l = self;
	(void)kind;
	return pm_file_sink_blob(l->blobs, in, l->name, digest, size, ret_digest, ret_size, err);
}

/* --- OCI ----------------------------------------------------------------------------------------- */

int pm_dest_oci_open(const char *name, const struct pm_destination_options *o, void **ret,
		     struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *which = NULL;
	pm_image_path_split(name, &path, &which);
	if (!*path)
		return pm_fail(err, PM_E_USAGE, "oci: needs a path");
	int dir = open_dir(path, err);
	if (dir < 0)
		return dir;
	struct layout *l = layout_new(oci_name);
	l->files = l->blobs = pm_file_sink_dir(dir);
	l->dir = dir;
	pm_strv_add(&l->names, which ? which : "");
	if (o->shared_blob_dir) {
		int shared = open_dir(o->shared_blob_dir, err);
		if (shared < 0) {
			layout_free(l);
			return shared;
		}
		l->blobs = pm_file_sink_dir(shared);
		l->name = shared_name;
	}
	*ret = l;
	return 0;
}

int pm_dest_oci_archive_open(const char *name, const struct pm_destination_options *o, void **ret,
			     struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *which = NULL;
	pm_image_path_split(name, &path, &which);
	struct layout *l = layout_new(oci_name);
	int out, r = pm_archive_file_open(&l->archive, path, o, &out, err);
	if (r < 0) {
		layout_free(l);
		return r;
	}
	l->files = l->blobs = pm_file_sink_tar(out, l->archive.stage);
	pm_strv_add(&l->names, which ? which : "");
	r = pm_file_sink_mkdir(l->files, "blobs/", err);
	if (r >= 0)
		r = pm_file_sink_mkdir(l->files, "blobs/sha256/", err);
	if (r < 0) {
		layout_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

static int oci_set_names(void *self, const struct pm_strv *names, struct pm_err *err)
{
	struct layout *l = self;
	(void)err;
	pm_strv_free(&l->names);
	for (size_t i = 0; i < names->n; i++)
		pm_strv_add(&l->names, names->v[i]);
	if (!names->n)
		pm_strv_add(&l->names, "");
	return 0;
}

static int oci_put_manifest(void *self, const void *data, size_t len, const char *media_type,
			    const char *digest, bool instance, struct pm_err *err)
{
	struct layout *l = self;
	struct pm_stream_text text = {.data = data, .len = len};
	struct pm_stream in = pm_stream_of_text(&text);
	int r = pm_file_sink_blob(l->blobs, &in, l->name, digest, (int64_t)len, NULL, NULL, err);
	if (r < 0 || instance)
		return r;
	for (size_t i = 0; i < l->names.n; i++) {
		struct pm_json *d = pm_json_object(l->pool);
		pm_json_set_str(l->pool, d, "mediaType", media_type);
		pm_json_set_str(l->pool, d, "digest", digest);
		pm_json_set_int(l->pool, d, "size", (int64_t)len);
		if (*l->names.v[i]) {
			struct pm_json *notes = pm_json_object(l->pool);
			pm_json_set_str(l->pool, notes, PM_LAYOUT_REF_NAME, l->names.v[i]);
			pm_json_set(l->pool, d, "annotations", notes);
		}
		pm_json_add(l->pool, l->entries, d);
	}
	return 0;
}

/* A new entry takes the place of the one with its name; without a name, of the same image's without one. */
static void put_entry(struct pm_json_pool *pool, struct pm_json *list, struct pm_json *d)
{
	const char *name = pm_oci_index_name(d);
	for (size_t i = 0; i < list->len; i++) {
		struct pm_json *old = list->items[i];
		if (strcmp(pm_oci_index_name(old), name) != 0)
			continue;
		if (!*name && !pm_streq(pm_json_get_str(old, "digest"), pm_json_get_str(d, "digest")))
			continue;
		list->items[i] = d;
		return;
	}
	pm_json_add(pool, list, d);
}

static int oci_commit(void *self, struct pm_err *err)
{
	struct layout *l = self;
	static const char version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	/* Others may be adding to this layout. */
	_cleanup_close_ int lock = -1;
	if (l->dir >= 0) {
		lock = pm_lock_take(l->dir, ".", PM_LOCK_EXCLUSIVE, err);
		if (lock < 0)
			return lock;
	}
	struct pm_json *index;
	int r = pm_oci_index_read(l->dir, false, l->pool, &index, err);
	if (r < 0)
		return r;
	struct pm_json *list = pm_json_get(index, "manifests");
	for (size_t i = 0; i < l->entries->len; i++)
		put_entry(l->pool, list, l->entries->items[i]);
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_json_write(index, 0, &text);
	r = pm_file_sink_text(l->files, "oci-layout", version, strlen(version), err);
	if (r >= 0)
		r = pm_file_sink_text(l->files, "index.json", pm_buf_str(&text), text.len, err);
	if (r >= 0)
		r = pm_file_sink_finish(l->files, err);
	return r < 0 ? r : pm_archive_file_commit(&l->archive, err);
}

const struct pm_destination_ops pm_dest_oci = {
	.traits = {.transport = "oci", .oci_only = true, .compressed = true, .names_blobs = true},
	.has_blob = has_blob,
	.put_blob = put_blob,
	.set_names = oci_set_names,
	.put_manifest = oci_put_manifest,
	.commit = oci_commit,
	.free = layout_free,
};

const struct pm_destination_ops pm_dest_oci_archive = {
	.traits = {.transport = "oci-archive", .oci_only = true, .compressed = true},
	.has_blob = has_blob,
	.put_blob = put_blob,
	.set_names = oci_set_names,
	.put_manifest = oci_put_manifest,
	.commit = oci_commit,
	.free = layout_free,
};

/* --- dir ----------------------------------------------------------------------------------------- */

static const char dir_version[] = "Directory Transport Version: 1.1\n";

int pm_dest_dir_open(const char *name, const struct pm_destination_options *o, void **ret,
		     struct pm_err *err)
{
	(void)o;
	if (!*name)
		return pm_fail(err, PM_E_USAGE, "dir: needs a path");
	int dir = open_dir(name, err);
	if (dir < 0)
		return dir;
	/* What is there and no image of ours is not written into. */
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(dir, ".", &names, err);
	if (r >= 0 && names.n && !pm_strv_has(&names, "version"))
		r = pm_fail(err, PM_E_EXISTS, "%s: the directory is not empty and holds no dir: image",
			    name);
	if (r < 0) {
		close(dir);
		return r;
	}
	struct layout *l = layout_new(dir_name);
	l->files = l->blobs = pm_file_sink_dir(dir);
	l->dir = dir;
	*ret = l;
	return 0;
}

static int dir_put_manifest(void *self, const void *data, size_t len, const char *media_type,
			    const char *digest, bool instance, struct pm_err *err)
{
	struct layout *l = self;
	(void)media_type;
	_cleanup_free_ char *name =
		instance ? pm_asprintf("%s.manifest.json", pm_digest_hex(digest))
			 : pm_strdup("manifest.json");
	pm_strv_take(&l->signed_as, instance ? pm_asprintf("%s.signature-", pm_digest_hex(digest))
					     : pm_strdup("signature-"));
	int r = pm_file_sink_text(l->files, "version", dir_version, strlen(dir_version), err);
	return r < 0 ? r : pm_file_sink_text(l->files, name, data, len, err);
}

static int dir_takes_signatures(void *self, enum pm_signature_kind kind, struct pm_err *err)
{
	(void)self;
	(void)kind;
	(void)err;
	return 0;
}

static int dir_put_signatures(void *self, const struct pm_signatures *s, const char *digest,
			      bool instance, struct pm_err *err)
{
	struct layout *l = self;
	int r = 0;
	for (size_t i = 0; r >= 0 && i < s->n; i++) {
		_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
		char *name = instance ? pm_asprintf("%s.signature-%zu", pm_digest_hex(digest), i + 1)
				      : pm_asprintf("signature-%zu", i + 1);
		pm_strv_take(&l->signatures, name);
		pm_signature_format(&s->v[i], &text);
		r = pm_file_sink_text(l->files, name, pm_buf_str(&text), text.len, err);
	}
	return r;
}

/* Signatures that a manifest of that name had before are none of this one's. */
static int drop_old_signatures(struct layout *l, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = pm_fs_list(l->dir, ".", &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		bool ours = false;
		for (size_t k = 0; !ours && k < l->signed_as.n; k++)
			ours = pm_startswith(names.v[i], l->signed_as.v[k]);
		if (ours && !pm_strv_has(&l->signatures, names.v[i]) &&
		    unlinkat(l->dir, names.v[i], 0) < 0)
			r = pm_fail_sys(err, "remove the old %s", names.v[i]);
	}
	return r;
}

static int dir_commit(void *self, struct pm_err *err)
{
	struct layout *l = self;
	int r = drop_old_signatures(l, err);
	return r < 0 ? r : pm_file_sink_finish(l->files, err);
}

const struct pm_destination_ops pm_dest_dir = {
	.traits = {.transport = "dir"},
	.has_blob = has_blob,
	.put_blob = put_blob,
	.put_manifest = dir_put_manifest,
	.takes_signatures = dir_takes_signatures,
	.put_signatures = dir_put_signatures,
	.commit = dir_commit,
	.free = layout_free,
};
