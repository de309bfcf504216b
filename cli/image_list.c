#include "cli/image_list.h"

#include <fnmatch.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/value.h"
#include "engine/image/resolve.h"
#include "registry/reference.h"

/* --- filters ----------------------------------------------------------------------------------- */

enum filter_kind {
	FILTER_REFERENCE,
	FILTER_ID,
	FILTER_DANGLING,
	FILTER_LABEL,
	FILTER_BEFORE,
	FILTER_SINCE,
	FILTER_READONLY,
};

struct filter {
	enum filter_kind kind;
	const char *value;
	bool flag;    /* DANGLING, READONLY */
	int64_t time; /* BEFORE, SINCE: an image's creation or a time, ns */
	char id[65];  /* REFERENCE: the image that the value names, or "" */
};

struct filters {
	struct filter *v;
	size_t n;
	bool labels; /* configs are needed */
};

static int filter_time_of(struct pm_store *store, struct filter *f, const char *key,
			  struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	char id[65];
	int r = pm_image_resolve(store, f->value, id, NULL, err);
	if (r >= 0)
		r = pm_image_by_id(store, id, 0, &row, err);
	if (r < 0)
		return pm_wrap(err, "could not find local image for filter \"%s\"", key);
	f->time = row.created;
	return 0;
}

static int filter_bool(struct filter *f, const char *key, struct pm_err *err)
{
	int r = pm_parse_bool(f->value, &f->flag, err);
	return r < 0 ? pm_wrap(err, "non-boolean value \"%s\" for %s filter", f->value, key) : 0;
}

static int filter_parse(struct pm_store *store, const char *text, struct filter *f,
			struct pm_err *err)
{
	const char *equals = strchr(text, '=');
	char key[32];
	if (!equals)
		return pm_fail(err, PM_E_USAGE,
			       "invalid image filter \"%s\": must be in the format "
			       "\"filter=value or filter!=value\"",
			       text);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
	f->value = equals + 1;
	if (strcmp(key, "reference") == 0) {
		f->kind = FILTER_REFERENCE;
		if (pm_image_resolve(store, f->value, f->id, NULL, NULL) < 0)
			f->id[0] = '\0'; /* a pattern */
		return 0;
	}
	if (strcmp(key, "id") == 0) {
		f->kind = FILTER_ID;
		if (pm_startswith(f->value, "sha256:"))
			f->value += 7;
		return 0;
	}
	if (strcmp(key, "label") == 0) {
		f->kind = FILTER_LABEL;
		return 0;
	}
	if (strcmp(key, "dangling") == 0) {
		f->kind = FILTER_DANGLING;
		return filter_bool(f, key, err);
	}
	if (strcmp(key, "readonly") == 0) {
		f->kind = FILTER_READONLY;
		return filter_bool(f, key, err);
	}
	if (strcmp(key, "before") == 0) {
		f->kind = FILTER_BEFORE;
		return filter_time_of(store, f, key, err);
	}
	if (strcmp(key, "since") == 0 || strcmp(key, "after") == 0) {
		f->kind = FILTER_SINCE;
		return filter_time_of(store, f, key, err);
	}
	if (strcmp(key, "until") == 0) {
		f->kind = FILTER_BEFORE;
		return pm_time_parse_user(f->value, pm_time_now(), true, &f->time, err);
	}
	return pm_fail(err, PM_E_USAGE, "unsupported image filter \"%s\"", key);
}

static int filters_parse(struct pm_store *store, const struct pm_strv *texts, struct filters *ret,
			 struct pm_err *err)
{
	if (!texts)
		return 0;
	ret->v = pm_calloc(texts->n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < texts->n; i++) {
		int r = filter_parse(store, texts->v[i], &ret->v[ret->n], err);
		if (r < 0)
			return r;
		ret->labels |= ret->v[ret->n].kind == FILTER_LABEL;
		ret->n++;
	}
	return 0;
}

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

static bool names_match(const struct pm_image_row *row, const struct filter *f)
{
	if (f->id[0] && strcmp(f->id, row->id) == 0)
		return true;
	for (size_t i = 0; i < row->n_names; i++) {
		if (pm_image_name_matches(row->names[i].name, f->value))
			return true;
	}
	return false;
}

static bool label_matches(const struct pm_json *labels, const char *wanted)
{
	char key[256];
	const char *equals = strchr(wanted, '=');
	size_t len = equals ? (size_t)(equals - wanted) : strlen(wanted);
	if (len >= sizeof(key))
		return false;
	memcpy(key, wanted, len);
	key[len] = '\0';
	const char *value = pm_json_get_str(labels, key);
	return value && (!equals || strcmp(value, equals + 1) == 0);
}

static bool keep(const struct filters *fs, const struct pm_image_row *row,
		 const struct pm_json *labels)
{
	bool reference_asked = false, reference = false, id_asked = false, id = false;
	for (size_t i = 0; i < fs->n; i++) {
		const struct filter *f = &fs->v[i];
		switch (f->kind) {
		case FILTER_REFERENCE:
			reference_asked = true;
			reference |= names_match(row, f);
			break;
		case FILTER_ID:
			id_asked = true;
			id |= pm_startswith(row->id, f->value);
			break;
		case FILTER_DANGLING:
			if ((row->n_names == 0) != f->flag)
				return false;
			break;
		case FILTER_READONLY: /* no store of pm is read-only */
			if (f->flag)
				return false;
			break;
		case FILTER_LABEL:
			if (!label_matches(labels, f->value))
				return false;
			break;
		case FILTER_BEFORE:
			if (row->created >= f->time)
				return false;
			break;
		case FILTER_SINCE:
			if (row->created <= f->time)
				return false;
			break;
		}
	}
	return (!reference_asked || reference) && (!id_asked || id);
}

/* --- trees ------------------------------------------------------------------------------------- */

/* Repository and tag of a full name; "<none>" for the tag of a name with a digest only. */
static void split_name(const char *name, char **ret_repo, char **ret_tag)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	if (!name || pm_reference_parse(name, &ref, NULL) < 0) {
		*ret_repo = pm_strdup(name ? name : "<none>");
		*ret_tag = pm_strdup("<none>");
		return;
	}
	*ret_repo = pm_reference_name(&ref);
	*ret_tag = pm_strdup(ref.tag ? ref.tag : "<none>");
}

/* What both shapes have. */
static struct pm_json *common_tree(struct pm_store *store, const struct pm_image_list_options *o,
				   const struct pm_image_row *row, const struct pm_json *labels,
				   struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_object(pool), *digests = pm_json_array(pool);
	struct pm_json *names = pm_json_array(pool);
	int64_t users = 0;
	char created[PM_TIME_SIZE];

	for (size_t i = 0; i < row->n_names; i++) {
		_cleanup_free_ char *repo = NULL, *tag = NULL;
		pm_json_add(pool, names, pm_json_str(pool, row->names[i].name));
		split_name(row->names[i].name, &repo, &tag);
		_cleanup_free_ char *d = pm_asprintf("%s@%s", repo, row->digest ? row->digest : "");
		if (row->digest)
			pm_json_add(pool, digests, pm_json_str(pool, d));
	}
	if (o->users) {
		_cleanup_strv_ struct pm_strv ids = PM_STRV_INIT;
		if (pm_image_users(store, row->id, &ids, NULL) >= 0)
			users = (int64_t)ids.n;
	}
	pm_time_rfc3339(row->created, 0, created);
	pm_json_set_str(pool, v, "Id", row->id);
	pm_json_set_str(pool, v, "ParentId", "");
	pm_json_set(pool, v, "RepoTags", pm_json_copy(pool, names));
	pm_json_set(pool, v, "RepoDigests", digests);
	pm_json_set_int(pool, v, "Size", row->size);
	pm_json_set_int(pool, v, "SharedSize", 0);
	pm_json_set_int(pool, v, "VirtualSize", row->size);
	struct pm_json *map = pm_json_is(labels, PM_JSON_OBJECT) ? pm_json_copy(pool, labels)
								 : pm_json_null(pool);
	pm_json_set(pool, v, "Labels", map);
	pm_json_set_int(pool, v, "Containers", users);
	pm_json_set(pool, v, "Names", names);
	pm_json_set_str(pool, v, "Digest", row->digest ? row->digest : "");
	pm_json_set(pool, v, "History", pm_json_copy(pool, names));
	pm_json_set_int(pool, v, "Created", row->created / PM_NS_PER_SEC);
	pm_json_set_str(pool, v, "CreatedAt", created);
	return v;
}

static struct pm_json *row_tree(const struct pm_image_list_options *o,
				const struct pm_image_row *row, const char *name,
				const struct pm_json *common, struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_copy(pool, common);
	_cleanup_free_ char *repo = NULL, *tag = NULL;
	char id[80], text[PM_TIME_SIZE];

	if (o->no_trunc)
		snprintf(id, sizeof(id), "sha256:%s", row->id);
	else
		snprintf(id, sizeof(id), "%.12s", row->id);
	split_name(name, &repo, &tag);
	pm_json_set_str(pool, v, "Repository", repo);
	pm_json_set_str(pool, v, "Tag", tag);
	pm_json_set_str(pool, v, "ID", id);

	pm_duration_human(pm_time_now() - row->created, text);
	_cleanup_free_ char *ago = pm_asprintf("%s ago", text);
	pm_json_set_str(pool, v, "Created", ago);
	pm_json_set_str(pool, v, "CreatedSince", ago);
	pm_json_set_str(pool, v, "CreatedAt", pm_time_go(row->created, 0, NULL, text));
	pm_json_set_str(pool, v, "CreatedTime", text);
	pm_json_set_str(pool, v, "Size", pm_size_human((double)row->size, true, text));
	pm_json_set_str(pool, v, "Arch", row->arch);
	pm_json_set_str(pool, v, "Os", row->os);
	pm_json_set_bool(pool, v, "Dangling", row->n_names == 0);
	pm_json_set_bool(pool, v, "ReadOnly", false);
	struct pm_json *labels = pm_json_get(v, "Labels");
	if (!pm_json_is(labels, PM_JSON_OBJECT))
		labels = pm_json_set(pool, v, "Labels", pm_json_object(pool));
	labels->hint = PM_JSON_MAP;
	return v;
}

/* --- order ------------------------------------------------------------------------------------- */

struct line {
	struct pm_json *tree;
	const struct pm_image_row *row;
	const char *repo, *tag;
	size_t index;
};

static int compare_lines(const void *a, const void *b, void *arg)
{
	const struct line *x = a, *y = b;
	const char *sort = arg;
	int r = 0;
	if (strcmp(sort, "id") == 0)
		r = strcmp(x->row->id, y->row->id);
	else if (strcmp(sort, "repository") == 0)
		r = strcmp(x->repo, y->repo);
	else if (strcmp(sort, "tag") == 0)
		r = strcmp(x->tag, y->tag);
	else if (strcmp(sort, "size") == 0)
		r = (x->row->size > y->row->size) - (x->row->size < y->row->size);
	else
		r = (x->row->created < y->row->created) - (x->row->created > y->row->created);
	return r ? r : (x->index > y->index) - (x->index < y->index);
}

struct lines {
	struct line *v;
	size_t n;
};

static void add_line(struct lines *l, struct pm_json *tree, const struct pm_image_row *row)
{
	const char *repo = pm_json_get_str(tree, "Repository"), *tag = pm_json_get_str(tree, "Tag");
	l->v = pm_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n] = (struct line){tree, row, repo ? repo : "", tag ? tag : "", l->n};
	l->n++;
}

int pm_image_list_tree(struct pm_store *store, const struct pm_image_list_options *o,
		       struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	struct filters fs = {0};
	struct lines lines = {0};
	int r = filters_parse(store, o->filters, &fs, err);
	if (r >= 0)
		r = pm_image_list(store, PM_IMAGE_CONFIG, &images, err);
	for (size_t i = 0; r >= 0 && i < images.n; i++) {
		const struct pm_image_row *row = &images.v[i];
		struct pm_json *config = NULL;
		if (row->config && pm_json_parse(pool, row->config, row->config_len, &config, NULL) < 0)
			config = NULL;
		const struct pm_json *labels = pm_json_find(config, "config", "Labels", NULL);
		if (!keep(&fs, row, labels))
			continue;
		struct pm_json *common = common_tree(store, o, row, labels, pool);
		if (o->json) {
			add_line(&lines, common, row);
			continue;
		}
		for (size_t j = 0; j < row->n_names; j++)
			add_line(&lines, row_tree(o, row, row->names[j].name, common, pool), row);
		if (row->n_names == 0)
			add_line(&lines, row_tree(o, row, NULL, common, pool), row);
	}
	if (r >= 0) {
		if (lines.n)
			qsort_r(lines.v, lines.n, sizeof(*lines.v), compare_lines, (void *)o->sort);
		*ret = pm_json_array(pool);
		for (size_t i = 0; i < lines.n; i++)
			pm_json_add(pool, *ret, lines.v[i].tree);
	}
	free(lines.v);
	free(fs.v);
	return r < 0 ? r : 0;
}
