#include "cli/image_list.h"

#include <string.h>

#include "base/timefmt.h"
#include "cli/image_filter.h"
#include "engine/image/family.h"
#include "registry/reference.h"

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
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT, past = PM_STRV_INIT;
	char created[PM_TIME_SIZE], parent[65] = "";

	for (size_t i = 0; i < row->n_names; i++) {
		_cleanup_free_ char *repo = NULL, *tag = NULL;
		pm_json_add(pool, names, pm_json_str(pool, row->names[i].name));
		split_name(row->names[i].name, &repo, &tag);
		_cleanup_free_ char *d = pm_asprintf("%s@%s", repo, row->digest ? row->digest : "");
		if (row->digest)
			pm_json_add(pool, digests, pm_json_str(pool, d));
	}
	if (o->json || o->details) {
		pm_image_users(store, row->id, &users, NULL);
		pm_image_past_names(store, row->id, &past, NULL);
		pm_image_parent(store, row->id, parent, NULL);
	}
	pm_time_rfc3339(row->created, 0, created);
	pm_json_set_str(pool, v, "Id", row->id);
	pm_json_set_str(pool, v, "ParentId", parent);
	pm_json_set(pool, v, "RepoTags", pm_json_copy(pool, names));
	pm_json_set(pool, v, "RepoDigests", digests);
	pm_json_set_int(pool, v, "Size", row->size);
	pm_json_set_int(pool, v, "SharedSize", 0);
	pm_json_set_int(pool, v, "VirtualSize", row->size);
	struct pm_json *map = pm_json_is(labels, PM_JSON_OBJECT) ? pm_json_copy(pool, labels)
								 : pm_json_null(pool);
	pm_json_set(pool, v, "Labels", map);
	pm_json_set_int(pool, v, "Containers", (int64_t)users.n);
	pm_json_set(pool, v, "Names", names);
	pm_json_set_str(pool, v, "Digest", row->digest ? row->digest : "");
	pm_json_set(pool, v, "History", pm_json_strv(pool, &past));
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
	pm_json_set_bool(pool, v, "ReadOnly", row->readonly);
	_cleanup_strv_ struct pm_strv past = PM_STRV_INIT;
	pm_json_to_strv(pm_json_get(v, "History"), &past, NULL);
	_cleanup_free_ char *history = pm_strv_join(&past, ", ");
	pm_json_set_str(pool, v, "History", history);
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

static void add_image(struct lines *lines, struct pm_store *store,
		      const struct pm_image_list_options *o, const struct pm_image_row *row,
		      const struct pm_json *labels, struct pm_json_pool *pool)
{
	struct pm_json *common = common_tree(store, o, row, labels, pool);
	if (o->json) {
		add_line(lines, common, row);
		return;
	}
	for (size_t j = 0; j < row->n_names; j++)
		add_line(lines, row_tree(o, row, row->names[j].name, common, pool), row);
	if (row->n_names == 0)
		add_line(lines, row_tree(o, row, NULL, common, pool), row);
}

int pm_image_list_tree(struct pm_store *store, const struct pm_image_list_options *o,
		       struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list images = {0};
	_cleanup_image_filters_ struct pm_image_filters fs = {0};
	struct lines lines = {0};
	int r = o->all ? 0 : pm_image_filters_add(store, "intermediate=false", &fs, err);
	if (r >= 0)
		r = pm_image_filters_parse(store, o->filters, &fs, err);
	bool configs = o->json || o->details || fs.labels;
	if (r >= 0)
		r = pm_image_list(store, configs ? PM_IMAGE_CONFIG : 0, &images, err);
	for (size_t i = 0; r >= 0 && i < images.n; i++) {
		const struct pm_json *labels = pm_image_labels(pool, &images.v[i]);
		r = pm_image_filters_keep(store, &fs, &images.v[i], labels, err);
		if (r > 0)
			add_image(&lines, store, o, &images.v[i], labels, pool);
	}
	if (r >= 0) {
		if (lines.n)
			qsort_r(lines.v, lines.n, sizeof(*lines.v), compare_lines, (void *)o->sort);
		*ret = pm_json_array(pool);
		for (size_t i = 0; i < lines.n; i++)
			pm_json_add(pool, *ret, lines.v[i].tree);
	}
	free(lines.v);
	return r < 0 ? r : 0;
}
