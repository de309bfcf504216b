#include "engine/image/history.h"

#include <string.h>

#include "base/timefmt.h"
#include "engine/image/family.h"
#include "storage/image.h"

enum { DEPTH_MAX = 1000 };

/* --- history ---------------------------------------------------------------------------------- */

static struct pm_json *tags_of(struct pm_json_pool *pool, const struct pm_image_row *row)
{
	struct pm_json *tags = pm_json_array(pool);
	for (size_t i = 0; i < row->n_names; i++)
		pm_json_add(pool, tags, pm_json_str(pool, row->names[i].name));
	return tags;
}

static void copy_str(struct pm_json_pool *pool, struct pm_json *to, const char *to_name,
		     const struct pm_json *from, const char *name)
{
	const char *s = pm_json_get_str(from, name);
	pm_json_set_str(pool, to, to_name, s ? s : "");
}

/* Steps have layers in order; an image whose history is incomplete has more of one than of the other. */
static int add_steps(struct pm_store *s, const char *id, const struct pm_json *history,
		     const struct pm_layer_list *layers, struct pm_json_pool *pool,
		     struct pm_json *list, struct pm_err *err)
{
	size_t layer = layers->n;
	char here[65], parent[65];
	bool known = true;
	snprintf(here, sizeof(here), "%s", id);
	for (size_t n = pm_json_len(history); n-- > 0;) {
		const struct pm_json *was = pm_json_at(history, n);
		struct pm_json *step = pm_json_object(pool), *tags = pm_json_array(pool);
		int r = 0;
		int64_t size = 0;
		if (!pm_json_get_bool(was, "empty_layer", false) && layer > 0)
			size = layers->v[--layer].size;
		if (known) {
			_cleanup_image_row_ struct pm_image_row row = {0};
			r = pm_image_by_id(s, here, 0, &row, err);
			if (r < 0)
				return r;
			tags = tags_of(pool, &row);
		}
		pm_json_set_str(pool, step, "id", known ? here : "");
		copy_str(pool, step, "created", was, "created");
		copy_str(pool, step, "createdBy", was, "created_by");
		pm_json_set_int(pool, step, "size", size);
		copy_str(pool, step, "comment", was, "comment");
		pm_json_set(pool, step, "tags", tags);
		pm_json_add(pool, list, step);
		if (known) {
			r = pm_image_parent(s, here, parent, err);
			if (r < 0)
				return r;
			known = r == 1;
			memcpy(here, parent, sizeof(here));
		}
	}
	return 0;
}

int pm_image_history(struct pm_store *s, const char *id, struct pm_json_pool *pool,
		     struct pm_json **ret, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	struct pm_json *config, *list = pm_json_array(pool);
	int r = pm_image_by_id(s, id, PM_IMAGE_CONFIG, &row, err);
	if (r >= 0)
		r = pm_image_layers(s, id, &layers, err);
	if (r >= 0)
		r = pm_json_parse(pool, row.config, row.config_len, &config, err);
	if (r >= 0)
		r = add_steps(s, id, pm_json_get(config, "history"), &layers, pool, list, err);
	if (r < 0)
		return r;
	*ret = list;
	return 0;
}

/* --- the tree of layers ----------------------------------------------------------------------- */

struct tree {
	struct pm_store *s;
	struct pm_image_list images;
	struct pm_layer_list layers; /* of the whole store */
	struct pm_buf prefix;
	struct pm_buf *out;
};

static void put_line(struct tree *t, const struct pm_layer_row *l, bool last)
{
	char size[PM_TIME_SIZE];
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	for (size_t i = 0; i < t->images.n; i++) {
		const struct pm_image_row *row = &t->images.v[i];
		for (size_t k = 0; pm_streq(row->top, l->chain_id) && k < row->n_names; k++)
			pm_strv_add(&names, row->names[k].name);
	}
	_cleanup_free_ char *text = pm_strv_join(&names, " ");
	pm_size_human((double)l->size, false, size);
	pm_buf_printf(t->out, "%s%s ID: %.12s Size: %7s", pm_buf_str(&t->prefix),
		      last ? "└──" : "├──", l->chain_id, size);
	if (names.n)
		pm_buf_printf(t->out, " Top Layer of: [%s]", text);
	pm_buf_add_char(t->out, '\n');
}

static size_t children_of(const struct tree *t, const char *chain)
{
	size_t n = 0;
	for (size_t i = 0; i < t->layers.n; i++)
		n += pm_streq(t->layers.v[i].parent, chain);
	return n;
}

/* l and what lies on it, as the children of one node: a layer with one child is followed by it, one with
 * several has them below it. more: another child of the node comes after. */
static int put_children(struct tree *t, const struct pm_layer_row *l, bool more, unsigned int depth,
			struct pm_err *err)
{
	if (depth > DEPTH_MAX)
		return pm_fail(err, PM_E_INTERNAL, "layers lie on each other in a circle");
	size_t n = children_of(t, l->chain_id), len = t->prefix.len;
	put_line(t, l, !more && n != 1);
	if (n > 1)
		pm_buf_add_str(&t->prefix, more ? "│   " : "    ");
	int r = 0;
	for (size_t i = 0, left = n; r >= 0 && i < t->layers.n; i++) {
		if (!pm_streq(t->layers.v[i].parent, l->chain_id))
			continue;
		left--;
		r = put_children(t, &t->layers.v[i], n > 1 ? left > 0 : more, depth + 1, err);
	}
	pm_buf_cut(&t->prefix, len);
	return r;
}

static int put_layers(struct tree *t, const struct pm_image_row *row, bool children,
		      struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list own = {0};
	int r = pm_image_layers(t->s, row->id, &own, err);
	if (r < 0 || own.n == 0)
		return r;
	if (children) {
		r = pm_layer_list_all(t->s, &t->layers, err);
		return r < 0 ? r : put_children(t, &own.v[own.n - 1], false, 0, err);
	}
	for (size_t i = 0; i < own.n; i++)
		put_line(t, &own.v[i], i + 1 == own.n);
	return 0;
}

int pm_image_tree_text(struct pm_store *s, const char *id, bool children, struct pm_buf *out,
		       struct pm_err *err)
{
	struct tree t = {.s = s, .out = out};
	_cleanup_image_row_ struct pm_image_row row = {0};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	char size[PM_TIME_SIZE];
	int r = pm_image_by_id(s, id, 0, &row, err);
	if (r >= 0)
		r = pm_image_list(s, 0, &t.images, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < row.n_names; i++)
		pm_strv_add(&names, row.names[i].name);
	_cleanup_free_ char *text = pm_strv_join(&names, " ");
	pm_buf_printf(out, "Image ID: %.12s\nTags:     [%s]\nSize:     %s\n%s\n", id, text,
		      pm_size_human((double)row.size, false, size),
		      row.top ? "Image Layers" : "No Image Layers");
	r = put_layers(&t, &row, children, err);
	pm_image_list_free(&t.images);
	pm_layer_list_free(&t.layers);
	pm_buf_free(&t.prefix);
	return r < 0 ? r : 0;
}
