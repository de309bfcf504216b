#include "storage/secret.h"

#include <string.h>

#include "base/buf.h"

void pm_secret_row_free(struct pm_secret_row *row)
{
	free(row->id);
	free(row->name);
	free(row->driver);
	free(row->options);
	free(row->labels);
	*row = (struct pm_secret_row){0};
}

void pm_secret_list_free(struct pm_secret_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_secret_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_secret_list){0};
}

#define SECRET_COLUMNS "SELECT id, name, driver, options, labels, created, updated FROM secrets "

static void read_secret(struct pm_stmt *q, struct pm_secret_row *row)
{
	*row = (struct pm_secret_row){
		.id = pm_strdup(pm_stmt_str(q, 0)),
		.name = pm_strdup(pm_stmt_str(q, 1)),
		.driver = pm_strdup(pm_stmt_str(q, 2)),
		.options = pm_strdup_null(pm_stmt_str(q, 3)),
		.labels = pm_strdup_null(pm_stmt_str(q, 4)),
		.created = pm_stmt_int(q, 5),
		.updated = pm_stmt_int(q, 6),
	};
}

/* 1: found; 0: none; a second row is PM_E_AMBIGUOUS. */
static int get(struct pm_store *s, const char *sql, const char *key, struct pm_secret_row *ret,
	       struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	int r = pm_db_query(s->db, &q, err, sql, "s", key);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r != 1)
		return r;
	read_secret(q, &row);
	r = pm_stmt_step(q, err);
	if (r != 0)
		return r < 0 ? r : pm_fail(err, PM_E_AMBIGUOUS,
					   "more than one result secret with prefix %s: be more specific",
					   key);
	*ret = row;
	row = (struct pm_secret_row){0};
	return 1;
}

int pm_secret_find(struct pm_store *s, const char *name_or_id, struct pm_secret_row *ret,
		   struct pm_err *err)
{
	size_t hex = strspn(name_or_id, "0123456789abcdef");
	int r = get(s, SECRET_COLUMNS "WHERE name = ?", name_or_id, ret, err);
	if (r == 0 && hex > 0 && !name_or_id[hex])
		r = get(s, SECRET_COLUMNS "WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2",
			name_or_id, ret, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "no secret with name or id \"%s\": no such secret",
			       name_or_id);
	return r < 0 ? r : 0;
}

int pm_secret_list(struct pm_store *s, struct pm_secret_list *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_secret_list_ struct pm_secret_list l = {0};
	int r = pm_db_query(s->db, &q, err, SECRET_COLUMNS "ORDER BY name", "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		l.v = pm_reallocarray(l.v, l.n + 1, sizeof(*l.v));
		read_secret(q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_secret_list){0};
	return 0;
}

int pm_secret_insert(struct pm_store *s, const struct pm_secret_row *row, bool replace,
		     struct pm_secret_row *ret_old, struct pm_err *err)
{
	int r = pm_db_begin(s->db, true, err);
	if (r >= 0 && replace)
		r = get(s, SECRET_COLUMNS "WHERE name = ?", row->name, ret_old, err);
	if (r > 0)
		r = pm_secret_delete(s, ret_old->id, err);
	if (r >= 0)
		r = pm_db_exec(s->db, err,
			       "INSERT INTO secrets(id, name, driver, options, labels, created, updated)"
			       " VALUES(?, ?, ?, ?, ?, ?, ?)",
			       "sssssii", row->id, row->name, row->driver, row->options, row->labels,
			       row->created, row->updated);
	if (r == -PM_E_EXISTS)
		r = pm_fail(err, PM_E_EXISTS, "%s: secret name in use", row->name);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r < 0 ? r : 0;
}

int pm_secret_delete(struct pm_store *s, const char *id, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "DELETE FROM secrets WHERE id=?", "s", id);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "no secret with name or id \"%s\": no such secret", id);
	return r < 0 ? r : 0;
}
