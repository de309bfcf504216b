#include "engine/transfer/layout_delete.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "engine/transfer/layout.h"
#include "registry/digest.h"
#include "registry/image_path.h"
#include "registry/oci_index.h"

enum { DEPTH_MAX = 8, BLOBS_MAX = 100000 };

struct layout {
	int dir, shared; /* shared: -1 without */
	struct pm_json_pool *pool;
};

/* The blob's file: below blobs/ of the layout or in the shared directory. */
static char *blob_name(const char *digest, bool shared)
{
	return pm_asprintf("%ssha256/%s", shared ? "" : "blobs/", pm_digest_hex(digest));
}

static int read_blob(const struct layout *l, const char *digest, struct pm_buf *ret, struct pm_err *err)
{
	_cleanup_free_ char *own = blob_name(digest, false), *shared = blob_name(digest, true);
	int r = pm_fs_read_in(l->dir, own, PM_MANIFEST_MAX, ret, err);
	if (r == -ENOENT && l->shared >= 0)
		r = pm_fs_read_in(l->shared, shared, PM_MANIFEST_MAX, ret, err);
	return r;
}

static int add_blob(const struct pm_json *descriptor, struct pm_strv *ret, struct pm_err *err)
{
	const char *digest = pm_json_get_str(descriptor, "digest");
	int r = pm_digest_check(digest, "a blob", err);
	if (r >= 0 && ret->n >= BLOBS_MAX)
		r = pm_fail(err, PM_E_FORMAT, "the layout has more than %d blobs", BLOBS_MAX);
	if (r >= 0)
		pm_strv_add(ret, digest);
	return r;
}

/* All that the manifest or index has, and it itself. */
static int collect(const struct layout *l, const struct pm_json *descriptor, int depth,
		   struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root;
	int r = add_blob(descriptor, ret, err);
	if (r < 0)
		return r;
	const char *digest = ret->v[ret->n - 1];
	if (depth > DEPTH_MAX)
		return pm_fail(err, PM_E_FORMAT, "%s: indexes in indexes, more than %d", digest, DEPTH_MAX);
	r = read_blob(l, digest, &text, err);
	if (r >= 0)
		r = pm_json_parse(l->pool, pm_buf_str(&text), text.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "manifest %s", digest);
	const struct pm_json *list = pm_json_get(root, "manifests"), *layers = pm_json_get(root, "layers");
	for (size_t i = 0; r >= 0 && i < pm_json_len(list); i++)
		r = collect(l, pm_json_at(list, i), depth + 1, ret, err);
	if (r >= 0 && pm_json_get(root, "config"))
		r = add_blob(pm_json_get(root, "config"), ret, err);
	for (size_t i = 0; r >= 0 && i < pm_json_len(layers); i++)
		r = add_blob(pm_json_at(layers, i), ret, err);
	return r;
}

/* The place in the list of the image that is meant. */
static int choose(const struct pm_json *list, const char *which, size_t *ret, struct pm_err *err)
{
	static const struct pm_platform any = {.os = "", .arch = "", .variant = ""};
	const struct pm_json *found;
	int r = pm_layout_choose(list, which, &any, &found, err);
	for (size_t i = 0; r >= 0 && i < list->len; i++) {
		if (list->items[i] == found)
			*ret = i;
	}
	return r;
}

static int write_index(int dir, const struct pm_json *index, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	pm_json_write(index, 0, &text);
	return pm_fs_write_file(dir, "index.json", pm_buf_str(&text), text.len, 0644, true, err);
}

static int delete_in(const struct layout *l, const char *which, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv own = PM_STRV_INIT, kept = PM_STRV_INIT;
	struct pm_json *index;
	size_t at = 0;
	int r = pm_oci_index_read(l->dir, true, l->pool, &index, err);
	if (r < 0)
		return r;
	struct pm_json *list = pm_json_get(index, "manifests");
	r = choose(list, which, &at, err);
	for (size_t i = 0; r >= 0 && i < list->len; i++)
		r = collect(l, list->items[i], 0, i == at ? &own : &kept, err);
	if (r < 0)
		return r;
	memmove(&list->items[at], &list->items[at + 1], (list->len - at - 1) * sizeof(list->items[0]));
	list->len--;
	r = write_index(l->dir, index, err);
	for (size_t i = 0; r >= 0 && i < own.n; i++) {
		_cleanup_free_ char *file = blob_name(own.v[i], false);
		if (!pm_strv_has(&kept, own.v[i]) && unlinkat(l->dir, file, 0) < 0 && errno != ENOENT)
			r = pm_fail_sys(err, "remove %s", file);
	}
	return r;
}

int pm_layout_delete(const char *name, const char *shared, struct pm_err *err)
{
	_cleanup_free_ char *path = NULL, *which = NULL;
	pm_image_path_split(name, &path, &which);
	if (!*path)
		return pm_fail(err, PM_E_USAGE, "oci: needs a path");
	const int flags = O_RDONLY | O_DIRECTORY;
	_cleanup_close_ int dir = pm_fs_open(AT_FDCWD, path, flags, 0, err);
	if (dir < 0)
		return dir;
	_cleanup_close_ int blobs = shared ? pm_fs_open(AT_FDCWD, shared, flags, 0, err) : -1;
	if (shared && blobs < 0)
		return blobs;
	_cleanup_close_ int lock = pm_lock_take(dir, ".", PM_LOCK_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	const struct layout l = {dir, blobs, pool};
	int r = delete_in(&l, which, err);
	return r < 0 ? pm_wrap(err, "oci:%s", name) : 0;
}
