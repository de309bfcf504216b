#include "engine/image/other_store.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/image/resolve.h"
#include "storage/image.h"
#include "storage/manifest_list.h"

static bool has(const struct pm_storage_ref *ref, const char *name)
{
	_cleanup_free_ char *path = pm_path_join(ref->root, name);
	return access(path, F_OK) == 0;
}

bool pm_other_store_is_this(const struct pm_store *store, const struct pm_storage_ref *ref)
{
	struct stat a, b;
	return stat(store->root, &a) == 0 && stat(ref->root, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

bool pm_other_store_is_pm(const struct pm_storage_ref *ref)
{
	return has(ref, "pm.db");
}

int pm_other_store_open(const struct pm_store *store, const struct pm_storage_ref *ref, bool create,
			struct pm_store **ret, struct pm_err *err)
{
	const struct pm_store_options o = {.root = ref->root,
					   .runroot = *ref->runroot ? ref->runroot : store->runroot,
					   .driver = ref->driver};
	if (has(ref, "overlay-layers") || has(ref, "vfs-layers"))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s is a store of Podman's, whose images can only be pulled "
			       "(pm pull containers-storage:[%s]...)",
			       ref->root, ref->root);
	if (!create && !pm_other_store_is_pm(ref))
		return pm_fail(err, PM_E_NOSUCH, "%s is no store of images", ref->root);
	return pm_store_open(&o, ret, err);
}

/* --- out of it -------------------------------------------------------------------------------- */

static int make_request(const struct pm_store *from, const struct pm_image_row *row,
			const struct pm_layer_list *layers, struct pm_wire *w, struct pm_buf *texts,
			struct pm_err *err)
{
	pm_wire_add(w, "op", "pull");
	pm_wire_add(w, "transport", "pm-store");
	pm_wire_add(w, "name", from->root);
	pm_wire_add_int(w, "manifest_size", (int64_t)row->manifest_len);
	pm_buf_add(texts, row->manifest, row->manifest_len);
	pm_buf_add(texts, row->config, row->config_len);
	for (size_t i = 0; i < layers->n; i++) {
		_cleanup_free_ char *diff = pm_store_layer_path(from, layers->v[i].chain_id);
		char *end = strrchr(diff, '/');
		if (!end)
			return pm_fail(err, PM_E_INTERNAL, "layer %.12s has no directory",
				       layers->v[i].chain_id);
		*end = '\0'; /* without "diff" */
		pm_wire_add(w, "diff_id", layers->v[i].diff_id);
		pm_wire_add(w, "layer_dir", diff);
	}
	return 0;
}

/* name: the one that it gets; NULL: those that it has. */
static int pull_image(struct pm_store *store, struct pm_store *from, const char *id,
		      const char *name, const struct pm_pull_progress *progress,
		      pm_fetch_stored_fn *stored, void *arg, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf texts = PM_BUF_INIT;
	int r = pm_image_by_id(from, id, PM_IMAGE_CONFIG | PM_IMAGE_MANIFEST, &row, err);
	if (r >= 0)
		r = pm_image_layers(from, row.id, &layers, err);
	if (r >= 0)
		r = make_request(from, &row, &layers, &w, &texts, err);
	if (r < 0)
		return r;
	if (name)
		pm_wire_add(&w, "store_as", name);
	for (size_t i = 0; !name && i < row.n_names; i++)
		pm_wire_add(&w, "image_name", row.names[i].name);
	_cleanup_close_ int documents = pm_fs_memfd("documents", &texts, err);
	return documents < 0 ? documents
			     : pm_fetch_images(store, &w, documents, true, progress, stored, arg, err);
}

int pm_other_store_pull(struct pm_store *store, const struct pm_storage_ref *ref,
			const char *store_as, const struct pm_pull_progress *progress,
			pm_fetch_stored_fn *stored, void *arg, struct pm_err *err)
{
	/* as an additional image store is opened: to read */
	_cleanup_strv_ struct pm_strv roots = PM_STRV_INIT;
	_cleanup_store_ struct pm_store *reader = NULL;
	pm_strv_add(&roots, ref->root);
	const struct pm_store_options o = {
		.root = store->root, .runroot = store->runroot, .extra = &roots};
	int r = pm_store_paths(&o, &reader, err);
	if (r < 0)
		return r;
	struct pm_store *from = pm_store_other(reader, 0);
	if (!from)
		return pm_fail(err, PM_E_FORMAT, "%s cannot be read as a store of pm", ref->root);
	if (*ref->image) {
		char id[65];
		_cleanup_free_ char *name = NULL;
		r = pm_image_resolve(from, ref->image, id, &name, err);
		return r < 0 ? r
			     : pull_image(store, from, id, store_as ? store_as : name, progress, stored,
					  arg, err);
	}
	_cleanup_image_list_ struct pm_image_list all = {0};
	r = pm_image_list(from, 0, &all, err);
	if (r >= 0 && all.n == 0)
		r = pm_fail(err, PM_E_NOSUCH, "%s has no images", ref->root);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		if (!pm_list_is(&all.v[i]))
			r = pull_image(store, from, all.v[i].id, NULL, progress, stored, arg, err);
	return r;
}
