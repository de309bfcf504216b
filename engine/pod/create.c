#include "engine/pod/create.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "engine/container/create.h"
#include "engine/container/name.h"
#include "engine/events/events.h"
#include "engine/pod/verbs.h"

static char *labels_json(const struct pm_strv *labels)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(pm_ctr_labels_tree(pool, labels), 0, &b);
	return pm_buf_take(&b);
}

static int replace_old(struct pm_engine *e, const char *name, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row old = {0};
	int r = pm_pod_find(e->store, name, &old, err);
	if (r == -PM_E_NOSUCH || (r >= 0 && strcmp(old.name, name) != 0)) {
		pm_err_clear(err);
		return 0;
	}
	return r < 0 ? r : pm_pod_remove(e, old.id, true, -1, NULL, err);
}

static void infra_config(const struct pm_pod_create *o, const struct pm_pod_row *row)
{
	struct pm_ctr_config *k = o->infra;
	k->is_infra = true;
	free(k->pod);
	k->pod = pm_strdup(row->id);
	k->pod_cgroup = o->config->share_parent;
	if (!k->name)
		k->name = pm_asprintf("%.12s-infra", row->id);
	if (!k->hostname && !k->utsns)
		k->hostname = pm_strdup(row->name);
	if (!o->infra_image_id)
		k->init = true; /* and nothing to start: it holds the namespaces */
}

static int insert(struct pm_engine *e, const struct pm_pod_create *o, struct pm_pod_row *row,
		  struct pm_err *err)
{
	if (!o->infra)
		return pm_pod_insert(e->store, row, err);
	_cleanup_container_ struct pm_container c;
	pm_container_init(&c);
	infra_config(o, row);
	pm_ctr_config_free(&c.config);
	c.config = *o->infra;
	pm_ctr_config_init(o->infra);
	struct pm_create_options co = {.image_id = o->infra_image_id, .with_pod = row};
	return pm_container_create(e, &c, &co, err);
}

int pm_pod_create(struct pm_engine *e, const struct pm_pod_create *o, struct pm_pod *ret,
		  struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf config = PM_BUF_INIT;
	_cleanup_free_ char *labels = o->labels && o->labels->n ? labels_json(o->labels) : NULL;
	char id[65], name[256];
	int r = 0;

	if (o->name) {
		r = pm_name_check(o->name, err);
		if (r >= 0 && o->replace)
			r = replace_old(e, o->name, err);
		if (r < 0)
			return r;
	}
	pm_json_write(pm_pod_config_to_json(pool, o->config), 0, &config);
	pm_random_hex(32, id);
	struct pm_pod_row row = {.id = id,
				 .name = name,
				 .labels = labels,
				 .config = pm_buf_take(&config),
				 .created = pm_time_now()};
	for (unsigned int attempt = 0; attempt < 20; attempt++) {
		if (o->name)
			snprintf(name, sizeof(name), "%s", o->name);
		else
			pm_name_random(attempt, name);
		r = insert(e, o, &row, err);
		if (r != -PM_E_EXISTS || o->name)
			break;
	}
	free(row.config);
	if (r < 0)
		return r;
	pm_event_pod(e, "create", id, name, labels);
	return pm_pod_load(e, id, ret, err);
}
