#include "cli/image_prune.h"

#include "cli/image_filter.h"
#include "engine/events/events.h"
#include "engine/image/remove.h"
#include "storage/image.h"

static int prune_one(struct pm_cli *cli, struct pm_engine *e, const char *id,
		     struct pm_strv *ret_ids, struct pm_err *err)
{
	static const struct pm_rmi_options ro = {0};
	_cleanup_rmi_report_ struct pm_rmi_report rep = {0};
	int r = pm_rmi_image(e, id, &ro, &rep, err);
	pm_strv_add_all(ret_ids, pm_strv_argv(&rep.deleted));
	if (r >= 0)
		pm_event_image(e, "prune", id, NULL);
	/* it went with a child, or a container has it by now */
	if (r == -PM_E_NOSUCH || r == -PM_E_INUSE)
		pm_err_clear(err);
	else if (r < 0)
		pm_cli_note(cli, err);
	return 0;
}

int pm_images_prune(struct pm_cli *cli, struct pm_engine *e, const struct pm_strv *filters, bool all,
		    struct pm_strv *ret_ids, int64_t *ret_bytes, struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	_cleanup_image_filters_ struct pm_image_filters fs = {0};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	int64_t before = 0, after = 0;
	int r = pm_image_filters_parse(e->store, filters, &fs, err);
	if (r >= 0)
		r = pm_image_filters_add(e->store, "containers=false", &fs, err);
	if (r >= 0)
		r = pm_image_filters_add(e->store, "readonly=false", &fs, err);
	if (r >= 0 && !all)
		r = pm_image_filters_add(e->store, "dangling=true", &fs, err);
	if (r >= 0)
		r = pm_image_list(e->store, fs.labels ? PM_IMAGE_CONFIG : 0, &images, err);
	if (r >= 0 && ret_bytes)
		r = pm_layers_total(e->store, &before, err);
	for (size_t i = 0; r >= 0 && i < images.n; i++) {
		r = pm_image_filters_keep(e->store, &fs, &images.v[i],
					  pm_image_labels(pool, &images.v[i]), err);
		if (r > 0)
			r = prune_one(cli, e, images.v[i].id, ret_ids, err);
	}
	if (r >= 0 && ret_bytes) {
		r = pm_layers_total(e->store, &after, err);
		*ret_bytes += before > after ? before - after : 0;
	}
	return r < 0 ? r : 0;
}
