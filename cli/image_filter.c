#include "cli/image_filter.h"

#include <fnmatch.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/value.h"
#include "engine/image/family.h"
#include "engine/image/resolve.h"
#include "engine/labels.h"
#include "registry/manifest.h"
#include "registry/reference.h"

enum filter_kind {
	FILTER_REFERENCE,
	FILTER_ID,
	FILTER_DANGLING,
	FILTER_INTERMEDIATE,
	FILTER_CONTAINERS,
	FILTER_MANIFEST,
	FILTER_LABEL,
	FILTER_BEFORE,
	FILTER_SINCE,
	FILTER_READONLY,
	FILTER_NEVER, /* nothing passes */
};

struct pm_image_filter {
	enum filter_kind kind;
	const char *value;
	bool negated; /* KEY!=VALUE */
	bool flag;    /* of the boolean ones */
	int64_t time; /* BEFORE, SINCE: an image's creation or a time, ns */
	char id[65];  /* REFERENCE: the image that the value names, or "" */
};

void pm_image_filters_free(struct pm_image_filters *fs)
{
	free(fs->v);
	*fs = (struct pm_image_filters){0};
}

/* --- parsing ----------------------------------------------------------------------------------- */

struct parsing {
	struct pm_store *store;
	const char *key;
	struct pm_image_filter *f;
};

static int take_text(const struct parsing *p, struct pm_err *err)
{
	(void)err;
	if (p->f->kind == FILTER_ID && pm_startswith(p->f->value, "sha256:"))
		p->f->value += 7;
	if (p->f->kind == FILTER_REFERENCE &&
	    pm_image_resolve_any(p->store, p->f->value, p->f->id, NULL, NULL) < 0)
		p->f->id[0] = '\0'; /* a pattern */
	return 0;
}

static int take_bool(const struct parsing *p, struct pm_err *err)
{
	int r = pm_parse_bool(p->f->value, &p->f->flag, err);
	return r < 0 ? pm_wrap(err, "non-boolean value \"%s\" for %s filter", p->f->value, p->key) : 0;
}

static int take_containers(const struct parsing *p, struct pm_err *err)
{
	if (strcmp(p->f->value, "external") == 0) {
		p->f->kind = FILTER_NEVER; /* pm keeps no containers that are not its own */
		return 0;
	}
	if (pm_parse_bool(p->f->value, &p->f->flag, NULL) < 0)
		return pm_fail(err, PM_E_USAGE, "unsupported value \"%s\" for containers filter",
			       p->f->value);
	return 0;
}

/* The creation of the image that before or since names. */
static int take_image(const struct parsing *p, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	char id[65];
	int r = pm_image_resolve_any(p->store, p->f->value, id, NULL, err);
	if (r >= 0)
		r = pm_image_by_id(p->store, id, 0, &row, err);
	if (r < 0)
		return pm_wrap(err, "could not find local image for filter \"%s\"", p->key);
	p->f->time = row.created;
	return 0;
}

static int take_time(const struct parsing *p, struct pm_err *err)
{
	return pm_time_parse_user(p->f->value, pm_time_now(), true, &p->f->time, err);
}

static const struct {
	const char *key;
	enum filter_kind kind;
	int (*take)(const struct parsing *p, struct pm_err *err);
} keys[] = {
	{"after", FILTER_SINCE, take_image},
	{"before", FILTER_BEFORE, take_image},
	{"containers", FILTER_CONTAINERS, take_containers},
	{"dangling", FILTER_DANGLING, take_bool},
	{"id", FILTER_ID, take_text},
	{"intermediate", FILTER_INTERMEDIATE, take_bool},
	{"label", FILTER_LABEL, take_text},
	{"manifest", FILTER_MANIFEST, take_bool},
	{"readonly", FILTER_READONLY, take_bool},
	{"reference", FILTER_REFERENCE, take_text},
	{"since", FILTER_SINCE, take_image},
	{"until", FILTER_BEFORE, take_time},
};

int pm_image_filters_add(struct pm_store *store, const char *text, struct pm_image_filters *ret,
			 struct pm_err *err)
{
	const char *equals = strchr(text, '=');
	if (!equals)
		return pm_fail(err, PM_E_USAGE,
			       "invalid image filter \"%s\": must be in the format "
			       "\"filter=value or filter!=value\"",
			       text);
	bool negated = equals > text && equals[-1] == '!';
	_cleanup_free_ char *key = pm_strndup(text, (size_t)(equals - text) - negated);
	for (size_t i = 0; i < PM_ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		struct pm_image_filter f = {
			.kind = keys[i].kind, .value = equals + 1, .negated = negated};
		struct parsing p = {store, key, &f};
		int r = keys[i].take(&p, err);
		if (r < 0)
			return r;
		ret->labels |= f.kind == FILTER_LABEL;
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		ret->v[ret->n++] = f;
		return 0;
	}
	return pm_fail(err, PM_E_USAGE, "unsupported image filter \"%s\"", key);
}

int pm_image_filters_parse(struct pm_store *store, const struct pm_strv *texts,
			   struct pm_image_filters *ret, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && texts && i < texts->n; i++)
		r = pm_image_filters_add(store, texts->v[i], ret, err);
	return r;
}

/* --- matching ---------------------------------------------------------------------------------- */

bool pm_image_name_matches(const char *name, const char *pattern)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	if (fnmatch(pattern, name, FNM_PATHNAME) == 0)
		return true;
	if (pm_reference_parse(name, &ref, NULL) < 0)
		return false;
	_cleanup_free_ char *bare = pm_reference_name(&ref);
	const char *suffix = pm_startswith(name, bare) ? name + strlen(bare) : "";
	_cleanup_free_ char *path = pm_asprintf("%s%s", ref.path, suffix);
	const char *last = strrchr(path, '/'), *last_bare = strrchr(ref.path, '/');
	const char *forms[] = {
		bare, path, ref.path, last ? last + 1 : path, last_bare ? last_bare + 1 : ref.path,
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(forms); i++) {
		if (fnmatch(pattern, forms[i], FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool names_match(const struct pm_image_row *row, const struct pm_image_filter *f)
{
	if (f->id[0] && strcmp(f->id, row->id) == 0)
		return true;
	for (size_t i = 0; i < row->n_names; i++) {
		if (pm_image_name_matches(row->names[i].name, f->value))
			return true;
	}
	return false;
}

static int is_used(struct pm_store *store, const struct pm_image_row *row, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_image_users(store, row->id, &users, err);
	return r < 0 ? r : users.n > 0;
}

static int is_intermediate(struct pm_store *store, const struct pm_image_row *row,
			   struct pm_err *err)
{
	if (row->n_names)
		return 0;
	int r = pm_image_is_dangling(store, row, err);
	return r < 0 ? r : !r;
}

static bool is_list(const struct pm_image_row *row)
{
	return pm_streq(row->media_type, PM_MT_OCI_INDEX) ||
	       pm_streq(row->media_type, PM_MT_DOCKER_LIST);
}

/* Does the filter hold, negation aside? 1, 0. */
static int holds(struct pm_store *store, const struct pm_image_filter *f,
		 const struct pm_image_row *row, const struct pm_json *labels, struct pm_err *err)
{
	int is = 0;
	switch (f->kind) {
	case FILTER_REFERENCE:
		return names_match(row, f);
	case FILTER_ID:
		return pm_startswith(row->id, f->value);
	case FILTER_LABEL:
		return pm_labels_match(labels, f->value);
	case FILTER_BEFORE:
		return row->created < f->time;
	case FILTER_SINCE:
		return row->created > f->time;
	case FILTER_NEVER:
		return 0;
	case FILTER_READONLY:
		is = row->readonly;
		break;
	case FILTER_MANIFEST:
		is = is_list(row);
		break;
	case FILTER_DANGLING:
		is = pm_image_is_dangling(store, row, err);
		break;
	case FILTER_INTERMEDIATE:
		is = is_intermediate(store, row, err);
		break;
	case FILTER_CONTAINERS:
		is = is_used(store, row, err);
		break;
	}
	return is < 0 ? is : (is != 0) == f->flag;
}

int pm_image_filters_keep(struct pm_store *store, const struct pm_image_filters *fs,
			  const struct pm_image_row *row, const struct pm_json *labels,
			  struct pm_err *err)
{
	bool reference_asked = false, reference = false, id_asked = false, id = false;
	for (size_t i = 0; i < fs->n; i++) {
		const struct pm_image_filter *f = &fs->v[i];
		int r = holds(store, f, row, labels, err);
		if (r < 0)
			return r;
		bool pass = (r != 0) != f->negated;
		if (f->kind == FILTER_REFERENCE && !f->negated) {
			reference_asked = true;
			reference |= pass;
		} else if (f->kind == FILTER_ID && !f->negated) {
			id_asked = true;
			id |= pass;
		} else if (!pass) {
			return 0;
		}
	}
	return (!reference_asked || reference) && (!id_asked || id);
}

const struct pm_json *pm_image_labels(struct pm_json_pool *pool, const struct pm_image_row *row)
{
	struct pm_json *config = NULL;
	if (!row->config || pm_json_parse(pool, row->config, row->config_len, &config, NULL) < 0)
		return NULL;
	return pm_json_find(config, "config", "Labels", NULL);
}
