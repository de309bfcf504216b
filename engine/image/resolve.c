#include "engine/image/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "engine/image/manifest_list.h"
#include "registry/digest.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/registries_conf.h"
#include "storage/image.h"
#include "storage/manifest_list.h"

struct answer {
	char *id;    /* 65 bytes */
	char **name; /* may be NULL */
	bool list;   /* it is a manifest list */
};

static void found(const struct pm_image_row *row, const char *name, struct answer *a)
{
	memcpy(a->id, row->id, 65);
	if (a->name)
		*a->name = pm_strdup_null(name);
	a->list = pm_list_is(row);
}

/* 1: found, 0: not. */
static int try_name(struct pm_store *store, const char *name, struct answer *a, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_err why = PM_ERR_INIT;
	int r = pm_image_by_name(store, name, 0, &row, &why);
	if (r == -PM_E_NOSUCH) {
		_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
		if (pm_reference_parse(name, &ref, NULL) < 0 || !ref.digest)
			return 0;
		_cleanup_free_ char *repo = pm_reference_name(&ref);
		r = pm_image_by_digest(store, repo, ref.digest, 0, &row, &why);
		if (r == -PM_E_NOSUCH)
			return 0;
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	found(&row, name, a);
	return 1;
}

static int try_id(struct pm_store *store, const char *word, struct answer *a, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	struct pm_err why = PM_ERR_INIT;
	int r = pm_image_by_id(store, word, 0, &row, &why);
	if (r == -PM_E_NOSUCH)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	found(&row, NULL, a);
	return 1;
}

/* Any stored name that ends in "/WORD", as libimage's last resort: "demo/app" finds
 * "registry.example/demo/app:latest". */
static int try_suffix(struct pm_store *store, const struct pm_reference *ref, struct answer *a,
		      struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list list = {0};
	struct pm_reference want;
	pm_reference_copy(ref, &want);
	pm_reference_default_tag(&want);
	_cleanup_free_ char *text = pm_reference_str(&want);
	pm_reference_free(&want);
	_cleanup_free_ char *suffix = pm_asprintf("/%s", text);
	int r = pm_image_list(store, 0, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		for (size_t k = 0; k < list.v[i].n_names; k++) {
			const char *name = list.v[i].names[k].name;
			if (!pm_endswith(name, suffix))
				continue;
			found(&list.v[i], name, a);
			return 1;
		}
	}
	return 0;
}

static int try_names(struct pm_store *store, struct pm_reference *ref, struct answer *a,
		     struct pm_err *err)
{
	_cleanup_registries_ struct pm_registries conf = PM_REGISTRIES_INIT;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = ref->domain ? 0 : pm_registries_load(&conf, err);
	if (r >= 0)
		r = pm_registries_candidates(&conf, ref, true, &names, err);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = try_name(store, names.v[i], a, err);
	return r != 0 ? r : try_suffix(store, ref, a, err);
}

static int resolve(struct pm_store *store, const char *word, struct answer *a, struct pm_err *err)
{
	bool by_digest = pm_startswith(word, "sha256:");
	int r = pm_store_need_db(store, err);
	if (r < 0)
		return r;
	if (by_digest || pm_hex64_valid(word)) {
		r = try_id(store, word, a, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	struct pm_err why = PM_ERR_INIT;
	bool named = !by_digest && pm_reference_parse(word, &ref, &why) >= 0;
	/* "name:tag@digest" means the digest. */
	if (named && ref.digest) {
		free(ref.tag);
		ref.tag = NULL;
	}
	r = named ? try_names(store, &ref, a, err) : 0;
	if (r == 0)
		r = try_id(store, word, a, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return pm_fail(err, PM_E_NOSUCH, "%s: image not known", word);
}

int pm_image_resolve_any(struct pm_store *store, const char *word, char ret_id[65], char **ret_name,
			 struct pm_err *err)
{
	struct answer a = {.id = ret_id, .name = ret_name};
	return resolve(store, word, &a, err);
}

/* NOSUCH when the image says that it is for another platform. */
static int check_platform(struct pm_store *store, const char *word, const char *id, const struct pm_platform *p,
			  struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	int r = pm_image_by_id(store, id, 0, &row, err);
	if (r < 0 || !row.arch || !*row.arch)
		return r;
	bool other = strcmp(row.os ? row.os : "", p->os) != 0 || strcmp(row.arch, p->arch) != 0 ||
		     (p->variant && *p->variant && row.variant && *row.variant && strcmp(row.variant, p->variant) != 0);
	return other ? pm_fail(err, PM_E_NOSUCH, "%s: the image is for %s/%s, not for %s/%s", word, row.os ? row.os : "",
			       row.arch, p->os, p->arch)
		     : 0;
}

int pm_image_resolve(struct pm_store *store, const char *word, char ret_id[65], char **ret_name,
		     struct pm_err *err)
{
	return pm_image_resolve_for(store, word, NULL, ret_id, ret_name, err);
}

int pm_image_resolve_for(struct pm_store *store, const char *word, const struct pm_platform *platform, char ret_id[65],
			 char **ret_name, struct pm_err *err)
{
	char list[65];
	struct pm_platform p = platform ? *platform : (struct pm_platform){0};
	struct answer a = {.id = ret_id, .name = ret_name};
	int r = resolve(store, word, &a, err);
	if (r < 0 || (!a.list && !platform))
		return r;
	pm_platform_default(&p);
	memcpy(list, ret_id, sizeof(list));
	r = a.list ? pm_list_instance(store, list, &p, ret_id, err) : check_platform(store, word, ret_id, &p, err);
	if (r < 0 && ret_name) {
		free(*ret_name);
		*ret_name = NULL;
	}
	return r;
}

int pm_image_new_name(const char *word, char **ret, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int r = pm_reference_parse(word, &ref, err);
	if (r < 0)
		return r;
	if (ref.digest)
		return pm_fail(err, PM_E_USAGE,
			       "'%.300s' has a digest: a new name cannot have one", word);
	if (!ref.domain)
		ref.domain = pm_strdup("localhost");
	pm_reference_normalize(&ref);
	pm_reference_default_tag(&ref);
	*ret = pm_reference_str(&ref);
	return 0;
}
