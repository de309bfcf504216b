#include <string.h>

#include "base/hash.h"
#include "engine/kube/play.h"
#include "engine/pod/service.h"
#include "engine/pod/verbs.h"
#include "engine/secret/secret.h"
#include "engine/volume/volume.h"
#include "storage/pod.h"

void pm_kube_gone_free(struct pm_kube_gone *g)
{
	pm_strv_free(&g->stopped);
	pm_strv_free(&g->removed);
	pm_strv_free(&g->secrets);
	pm_strv_free(&g->volumes);
}

static int down_pod(struct pm_engine *e, const char *name, struct pm_kube_gone *ret, struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	int r = pm_pod_find(e->store, name, &row, err);
	if (r == -PM_E_NOSUCH || (r >= 0 && strcmp(row.name, name) != 0)) {
		pm_err_clear(err);
		return 0;
	}
	if (r >= 0)
		r = pm_pod_remove(e, row.id, true, -1, NULL, err);
	if (r < 0)
		return pm_wrap(err, "pod %s", name);
	pm_strv_add(&ret->stopped, row.id);
	pm_strv_add(&ret->removed, row.id);
	return 0;
}

static int down_secret(struct pm_engine *e, const char *name, struct pm_kube_gone *ret, struct pm_err *err)
{
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	int r = pm_secret_find(e->store, name, &row, err);
	if (r == -PM_E_NOSUCH || (r >= 0 && strcmp(row.name, name) != 0)) {
		pm_err_clear(err);
		return 0;
	}
	if (r >= 0)
		r = pm_secret_remove(e, row.id, NULL, err);
	if (r >= 0)
		pm_strv_add(&ret->secrets, row.id);
	return r;
}

static int down_volume(struct pm_engine *e, const char *name, struct pm_kube_gone *ret, struct pm_err *err)
{
	int r = pm_volume_delete(e, name, false, -1, err);
	if (r == -PM_E_NOSUCH) {
		pm_err_clear(err);
		return 0;
	}
	if (r >= 0)
		pm_strv_add(&ret->volumes, name);
	return r;
}

static int down_one(struct pm_engine *e, const struct pm_kube_object *o, bool volumes,
		    struct pm_kube_gone *ret, struct pm_err *err)
{
	if (strcmp(o->kind, "Pod") == 0)
		return down_pod(e, o->name, ret, err);
	if (strcmp(o->kind, "Secret") == 0)
		return down_secret(e, o->name, ret, err);
	if (strcmp(o->kind, "PersistentVolumeClaim") == 0)
		return volumes ? down_volume(e, o->name, ret, err) : 0;
	if (strcmp(o->kind, "ConfigMap") == 0)
		return 0;
	_cleanup_free_ char *name = pm_asprintf("%s-pod", o->name);
	return down_pod(e, name, ret, err);
}

/* Pods first: they use the others. */
static bool is_user(const struct pm_kube_object *o)
{
	return strcmp(o->kind, "Secret") != 0 && strcmp(o->kind, "PersistentVolumeClaim") != 0;
}

char *pm_kube_service_name(const struct pm_kube_set *set)
{
	char hex[65];
	pm_sha256_of(pm_buf_str(&set->text), set->text.len, hex);
	return pm_asprintf("%.12s-service", hex);
}

static void keep_first(int r, struct pm_err *one, int *first, struct pm_err *err)
{
	if (r >= 0 || *first < 0)
		return;
	*first = r;
	if (err)
		*err = *one;
}

int pm_kube_down(struct pm_engine *e, const struct pm_kube_set *set, bool volumes,
		 struct pm_kube_gone *ret, struct pm_err *err)
{
	int first = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < set->n; i++) {
			struct pm_err one = PM_ERR_INIT;
			if (is_user(&set->v[i]) != (pass == 0))
				continue;
			int r = down_one(e, &set->v[i], volumes, ret, &one);
			keep_first(r, &one, &first, err);
		}
	}
	_cleanup_free_ char *service = pm_kube_service_name(set);
	struct pm_err one = PM_ERR_INIT;
	keep_first(pm_pod_service_remove(e, service, &one), &one, &first, err);
	return first;
}
