#include "engine/image/stored.h"

#include "engine/image/other_store.h"
#include "engine/image/resolve.h"
#include "engine/image/storage_ref.h"
#include "registry/reference.h"
#include "storage/image.h"

static int inspect(struct pm_store *store, const char *word, struct pm_remote_image *ret,
		   struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row named = {0}, image = {0};
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	_cleanup_free_ char *name = NULL;
	char named_id[65], image_id[65];
	int r = pm_image_resolve_any(store, word, named_id, &name, err);
	if (r >= 0)
		r = pm_image_resolve(store, word, image_id, NULL, err);
	if (r >= 0)
		r = pm_image_by_id(store, named_id, PM_IMAGE_MANIFEST, &named, err);
	if (r >= 0)
		r = pm_image_by_id(store, image_id, PM_IMAGE_MANIFEST | PM_IMAGE_CONFIG, &image, err);
	if (r >= 0 && name)
		r = pm_reference_parse(name, &ref, err);
	if (r < 0)
		return r;
	ret->name = name ? pm_reference_name(&ref) : pm_strdup("");
	ret->digest = pm_strdup(named.digest);
	pm_buf_add(&ret->manifest, named.manifest, named.manifest_len);
	pm_buf_add(&ret->image, image.manifest, image.manifest_len);
	pm_buf_add(&ret->config, image.config, image.config_len);
	return 0;
}

int pm_stored_inspect(struct pm_store *store, const char *text, struct pm_remote_image *ret,
		      struct pm_err *err)
{
	_cleanup_storage_ref_ struct pm_storage_ref ref = {0};
	_cleanup_store_ struct pm_store *other = NULL;
	int r = pm_storage_ref_parse(text, &ref, err);
	if (r >= 0 && !*ref.image)
		r = pm_fail(err, PM_E_USAGE, "containers-storage:%s names no image", text);
	if (r >= 0 && ref.root && !pm_other_store_is_this(store, &ref))
		r = pm_other_store_open(store, &ref, false, &other, err);
	return r < 0 ? r : inspect(other ? other : store, ref.image, ret, err);
}
