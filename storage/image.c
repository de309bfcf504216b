/* Looking: the lookups of storage/image.h. Changes are in image_change.c. Those that find images look in this store,
 * then in the additional ones (storage/store.h), each by the same query: *_in. */
#include "storage/image.h"

#include <ctype.h>
#include <string.h>

#include "base/hash.h"
#include "storage/manifest_list.h"

void pm_image_row_free(struct pm_image_row *row)
{
	free(row->id);
	free(row->digest);
	free(row->media_type);
	free(row->manifest);
	free(row->config);
	free(row->top);
	free(row->arch);
	free(row->os);
	free(row->variant);
	for (size_t i = 0; i < row->n_names; i++) {
		free(row->names[i].name);
		free(row->names[i].digest);
	}
	free(row->names);
	*row = (struct pm_image_row){0};
}

void pm_image_list_free(struct pm_image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_image_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_image_list){0};
}

void pm_layer_row_free(struct pm_layer_row *row)
{
	free(row->chain_id);
	free(row->parent);
	free(row->diff_id);
	free(row->blob);
	free(row->media_type);
	*row = (struct pm_layer_row){0};
}

void pm_layer_list_free(struct pm_layer_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_layer_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_layer_list){0};
}

/* A column's bytes with a NUL after them; NULL for SQL NULL. */
static char *blob_of(struct pm_stmt *q, int col, size_t *ret_len)
{
	*ret_len = 0;
	if (pm_stmt_is_null(q, col))
		return NULL;
	const void *p = pm_stmt_blob(q, col, ret_len);
	char *copy = pm_malloc(*ret_len + 1);
	if (*ret_len)
		memcpy(copy, p, *ret_len);
	return copy;
}

/* Parameter 1 is PM_IMAGE_*. A row per name, so that images and names are seen at one instant. */
#define IMAGE_COLUMNS                                                                              \
	"SELECT i.id, i.digest, i.media_type, i.created, i.size, i.top, i.arch, i.os, i.variant,"  \
	" n.name, n.digest, CASE WHEN ?1 & 1 THEN i.config END,"                                   \
	" CASE WHEN ?1 & 2 THEN i.manifest END"                                                    \
	" FROM images i LEFT JOIN image_names n ON n.image = i.id "

static void read_image(struct pm_stmt *q, struct pm_image_row *row)
{
	row->id = pm_strdup(pm_stmt_str(q, 0));
	row->digest = pm_strdup(pm_stmt_str(q, 1));
	row->media_type = pm_strdup(pm_stmt_str(q, 2));
	row->created = pm_stmt_int(q, 3);
	row->size = pm_stmt_int(q, 4);
	row->top = pm_strdup_null(pm_stmt_str(q, 5));
	row->arch = pm_strdup_null(pm_stmt_str(q, 6));
	row->os = pm_strdup_null(pm_stmt_str(q, 7));
	row->variant = pm_strdup_null(pm_stmt_str(q, 8));
	row->config = blob_of(q, 11, &row->config_len);
	row->manifest = blob_of(q, 12, &row->manifest_len);
}

static void read_name(struct pm_stmt *q, struct pm_image_row *row)
{
	if (pm_stmt_is_null(q, 9))
		return;
	row->names = pm_reallocarray(row->names, row->n_names + 1, sizeof(*row->names));
	row->names[row->n_names++] = (struct pm_image_name){
		.name = pm_strdup(pm_stmt_str(q, 9)),
		.digest = pm_strdup_null(pm_stmt_str(q, 10)),
	};
}

static int get_image(struct pm_store *s, const char *id, unsigned int what, struct pm_image_row *ret,
		     struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_image_row_ struct pm_image_row row = {0};
	int r = pm_db_query(s->db, &q, err, IMAGE_COLUMNS "WHERE i.id = ?2 ORDER BY n.name", "is",
			    (int64_t)what, id);
	if (r < 0)
		return r;
	while ((r = pm_stmt_step(q, err)) == 1) {
		if (!row.id)
			read_image(q, &row);
		read_name(q, &row);
	}
	if (r < 0)
		return r;
	if (!row.id)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", id);
	row.readonly = s->readonly;
	*ret = row;
	row = (struct pm_image_row){0};
	return 0;
}

static int list_in(struct pm_store *s, unsigned int what, struct pm_image_list *ret,
		   struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_image_list_ struct pm_image_list l = {0};
	size_t cap = 0;
	int r = pm_db_query(s->db, &q, err, IMAGE_COLUMNS "ORDER BY i.created DESC, i.id, n.name",
			    "i", (int64_t)what);
	if (r < 0)
		return r;
	while ((r = pm_stmt_step(q, err)) == 1) {
		if (l.n == 0 || !pm_streq(l.v[l.n - 1].id, pm_stmt_str(q, 0))) {
			if (l.n == cap) {
				cap = cap ? cap * 2 : 16;
				l.v = pm_reallocarray(l.v, cap, sizeof(*l.v));
			}
			l.v[l.n] = (struct pm_image_row){.readonly = s->readonly};
			read_image(q, &l.v[l.n++]);
		}
		read_name(q, &l.v[l.n - 1]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_image_list){0};
	return 0;
}

static bool has_image(const struct pm_image_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].id, id) == 0)
			return true;
	}
	return false;
}

static int by_creation(const void *a, const void *b)
{
	const struct pm_image_row *x = a, *y = b;
	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return strcmp(x->id, y->id);
}

int pm_image_list(struct pm_store *s, unsigned int what, struct pm_image_list *ret,
		  struct pm_err *err)
{
	_cleanup_image_list_ struct pm_image_list l = {0};
	int r = list_in(s, what, &l, err);
	size_t own = l.n;
	for (size_t i = 0; r >= 0 && i < s->n_others; i++) {
		_cleanup_image_list_ struct pm_image_list more = {0};
		struct pm_store *o = pm_store_other(s, i);
		if (!o || list_in(o, what, &more, NULL) < 0)
			continue;
		l.v = pm_reallocarray(l.v, l.n + more.n + 1, sizeof(*l.v));
		for (size_t k = 0; k < more.n; k++) {
			if (has_image(&l, more.v[k].id)) /* the nearer store's counts */
				continue;
			l.v[l.n++] = more.v[k];
			more.v[k] = (struct pm_image_row){0};
		}
	}
	if (r < 0)
		return r;
	if (l.n > own)
		qsort(l.v, l.n, sizeof(*l.v), by_creation);
	*ret = l;
	l = (struct pm_image_list){0};
	return 0;
}

/* The one string that a query gives; 0: none, 1: *ret (the caller frees), 2: there are more. */
static int one_string(struct pm_stmt *q, char **ret, struct pm_err *err)
{
	int r = pm_stmt_step(q, err);
	if (r != 1)
		return r;
	_cleanup_free_ char *v = pm_strdup(pm_stmt_str(q, 0));
	r = pm_stmt_step(q, err);
	if (r < 0)
		return r;
	*ret = pm_steal(&v);
	return r + 1;
}

static int by_name_in(struct pm_store *s, const char *name, unsigned int what,
		      struct pm_image_row *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_free_ char *id = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT image FROM image_names WHERE name=?", "s", name);
	if (r == 0)
		r = one_string(q, &id, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", name);
	return r < 0 ? r : get_image(s, id, what, ret, err);
}

int pm_image_by_name(struct pm_store *s, const char *name, unsigned int what,
		     struct pm_image_row *ret, struct pm_err *err)
{
	int r = by_name_in(s, name, what, ret, err);
	for (size_t i = 0; r == -PM_E_NOSUCH && i < s->n_others; i++) {
		struct pm_store *o = pm_store_other(s, i);
		if (o && by_name_in(o, name, what, ret, NULL) == 0)
			r = 0;
	}
	return r;
}

static int by_id_in(struct pm_store *s, const char *id, unsigned int what, struct pm_image_row *ret,
		    struct pm_err *err)
{
	const char *hex = pm_startswith(id, "sha256:") ? id + 7 : id;
	size_t len = strspn(hex, "0123456789abcdef");
	if (len == 0 || hex[len] || len > 64)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", id);

	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_free_ char *whole = NULL;
	/* 'g' is the first letter after the hexadecimal ones: the index does it */
	int r = pm_db_query(s->db, &q, err,
			    "SELECT id FROM images WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", "s", hex);
	if (r == 0)
		r = one_string(q, &whole, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", id);
	if (r == 2)
		return pm_fail(err, PM_E_AMBIGUOUS, "%s: more than one image has an id that begins so",
			       id);
	return r < 0 ? r : get_image(s, whole, what, ret, err);
}

int pm_image_by_id(struct pm_store *s, const char *id, unsigned int what, struct pm_image_row *ret,
		   struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row row = {0};
	int r = by_id_in(s, id, what, &row, err);
	for (size_t i = 0; i < s->n_others && (r == 0 || r == -PM_E_NOSUCH); i++) {
		_cleanup_image_row_ struct pm_image_row other = {0};
		struct pm_store *o = pm_store_other(s, i);
		int q = o ? by_id_in(o, id, r == 0 ? 0 : what, &other, r == 0 ? NULL : err) : -PM_E_NOSUCH;
		if (q == -PM_E_AMBIGUOUS || (q == 0 && r == 0 && strcmp(row.id, other.id) != 0))
			r = pm_fail(err, PM_E_AMBIGUOUS,
				    "%s: more than one image has an id that begins so", id);
		else if (q == 0 && r != 0) {
			row = other;
			other = (struct pm_image_row){0};
			r = 0;
		}
	}
	if (r < 0)
		return r;
	*ret = row;
	row = (struct pm_image_row){0};
	return 0;
}

static int by_digest_in(struct pm_store *s, const char *repo, const char *digest, unsigned int what,
			struct pm_image_row *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_free_ char *id = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT i.id FROM image_names n JOIN images i ON i.id = n.image"
			    " WHERE substr(n.name, 1, length(?1) + 1) IN (?1 || ':', ?1 || '@')"
			    " AND (i.digest = ?2 OR n.digest = ?2 OR n.name = ?1 || '@' || ?2)"
			    " ORDER BY i.created DESC LIMIT 1",
			    "ss", repo, digest);
	if (r == 0)
		r = one_string(q, &id, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s@%s: image not known", repo, digest);
	return r < 0 ? r : get_image(s, id, what, ret, err);
}

int pm_image_by_digest(struct pm_store *s, const char *repo, const char *digest, unsigned int what,
		       struct pm_image_row *ret, struct pm_err *err)
{
	int r = by_digest_in(s, repo, digest, what, ret, err);
	for (size_t i = 0; r == -PM_E_NOSUCH && i < s->n_others; i++) {
		struct pm_store *o = pm_store_other(s, i);
		if (o && by_digest_in(o, repo, digest, what, ret, NULL) == 0)
			r = 0;
	}
	return r;
}

#define LAYER_COLUMNS                                                                              \
	"SELECT l.chain_id, l.parent, l.diff_id, l.size, l.blob, l.blob_size, l.media_type,"       \
	" l.created FROM layers l "

static void read_layer(struct pm_stmt *q, struct pm_layer_row *row)
{
	*row = (struct pm_layer_row){
		.chain_id = pm_strdup(pm_stmt_str(q, 0)),
		.parent = pm_strdup_null(pm_stmt_str(q, 1)),
		.diff_id = pm_strdup(pm_stmt_str(q, 2)),
		.size = pm_stmt_int(q, 3),
		.blob = pm_strdup_null(pm_stmt_str(q, 4)),
		.blob_size = pm_stmt_int(q, 5),
		.media_type = pm_strdup_null(pm_stmt_str(q, 6)),
		.created = pm_stmt_int(q, 7),
	};
}

static int layers_in(struct pm_store *s, const char *id, struct pm_layer_list *ret,
		     struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_layer_list_ struct pm_layer_list l = {0};
	int r = pm_db_query(s->db, &q, err,
			    LAYER_COLUMNS "JOIN image_layers il ON il.layer = l.chain_id"
					  " WHERE il.image = ? ORDER BY il.position",
			    "s", id);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		l.v = pm_reallocarray(l.v, l.n + 1, sizeof(*l.v));
		read_layer(q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_layer_list){0};
	return 0;
}

int pm_layer_list_all(struct pm_store *s, struct pm_layer_list *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, LAYER_COLUMNS "ORDER BY l.chain_id", "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		read_layer(q, &ret->v[ret->n++]);
	}
	return r < 0 ? r : 0;
}

int pm_image_layers(struct pm_store *s, const char *id, struct pm_layer_list *ret,
		    struct pm_err *err)
{
	int r = layers_in(s, id, ret, err);
	for (size_t i = 0; r == 0 && ret->n == 0 && i < s->n_others; i++) {
		struct pm_store *o = pm_store_other(s, i);
		r = o ? layers_in(o, id, ret, err) : 0;
	}
	return r;
}

/* One column of strings, appended to ret. */
static int strings(struct pm_stmt *q, struct pm_strv *ret, struct pm_err *err)
{
	int r;
	while ((r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(ret, pm_stmt_str(q, 0));
	return r;
}

int pm_image_signatures(struct pm_store *s, const char *id, struct pm_buf *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT document FROM image_signatures WHERE image=?", "s", id);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r == 1) {
		size_t len;
		const void *p = pm_stmt_blob(q, 0, &len);
		pm_buf_add(ret, p, len);
	}
	return r < 0 ? r : 0;
}

int pm_image_set_signatures(struct pm_store *s, const char *id, const char *digest, const struct pm_buf *signatures,
			    struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "INSERT OR REPLACE INTO image_signatures(image, document)"
			   " SELECT id, ? FROM images WHERE id=? AND digest=?",
			   "bss", signatures->data, signatures->len, id, digest);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%.12s: image not known", id);
	return r < 0 ? r : 0;
}

int pm_image_users(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT id FROM containers WHERE image=?1 OR ro_image=?1"
			    " OR id IN (SELECT container FROM container_images WHERE image=?1)"
			    " ORDER BY seq",
			    "s", id);
	return r < 0 ? r : strings(q, ret, err);
}

int pm_image_past_names(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT name FROM image_past_names WHERE image=? ORDER BY seq DESC", "s", id);
	return r < 0 ? r : strings(q, ret, err);
}

int pm_image_neighbours(struct pm_store *s, const char *id, bool parents, struct pm_strv *ret,
			struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	/* An image without layers is on top of none: with it only those without, or with one, can be kin. A manifest
	 * list is nobody's. */
	static const char up[] =
		"SELECT i.id FROM images c JOIN images i ON i.id <> c.id AND (i.top IS c.top OR"
		" i.top IS (SELECT parent FROM layers WHERE chain_id = c.top))"
		" WHERE c.id = ?1 AND i.media_type <> ?2 AND c.media_type <> ?2";
	static const char down[] =
		"SELECT i.id FROM images p JOIN images i ON i.id <> p.id AND (i.top IS p.top OR"
		" i.top IN (SELECT chain_id FROM layers WHERE parent IS p.top))"
		" WHERE p.id = ?1 AND i.media_type <> ?2 AND p.media_type <> ?2";
	int r = pm_db_query(s->db, &q, err, parents ? up : down, "ss", id, PM_LIST_MEDIA_TYPE);
	return r < 0 ? r : strings(q, ret, err);
}

int pm_layer_get(struct pm_store *s, const char *chain_id, struct pm_layer_row *ret,
		 struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, LAYER_COLUMNS "WHERE l.chain_id = ?", "s", chain_id);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r == 1 && ret)
		read_layer(q, ret);
	return r;
}

int pm_layers_total(struct pm_store *s, int64_t *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT coalesce(sum(size), 0) FROM layers", "");
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r == 1)
		*ret = pm_stmt_int(q, 0);
	return r < 0 ? r : 0;
}

int pm_blob_diff_id(struct pm_store *s, const char *blob, char **ret_diff_id, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT diff_id FROM blobs WHERE digest=?", "s", blob);
	return r < 0 ? r : one_string(q, ret_diff_id, err);
}

void pm_layer_chain_id(const char *parent, const char *diff_id, char ret[65])
{
	const char *diff = pm_startswith(diff_id, "sha256:") ? diff_id + 7 : diff_id;
	if (!parent) {
		snprintf(ret, 65, "%s", diff);
		return;
	}
	_cleanup_free_ char *text = pm_asprintf("sha256:%s sha256:%s", parent, diff);
	pm_sha256_of(text, strlen(text), ret);
}
