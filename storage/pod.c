#include "storage/pod.h"

#include <string.h>

#include "base/db.h"

void pm_pod_row_free(struct pm_pod_row *row)
{
	free(row->id);
	free(row->name);
	free(row->labels);
	free(row->config);
	free(row->infra);
	*row = (struct pm_pod_row){0};
}

void pm_pod_list_free(struct pm_pod_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_pod_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_pod_list){0};
}

#define POD_COLUMNS "SELECT id, name, labels, config, created, infra FROM pods "

static void read_pod(struct pm_stmt *q, struct pm_pod_row *row)
{
	*row = (struct pm_pod_row){
		.id = pm_strdup(pm_stmt_str(q, 0)),
		.name = pm_strdup(pm_stmt_str(q, 1)),
		.labels = pm_strdup_null(pm_stmt_str(q, 2)),
		.config = pm_strdup(pm_stmt_str(q, 3)),
		.created = pm_stmt_int(q, 4),
		.infra = pm_strdup_null(pm_stmt_str(q, 5)),
	};
}

/* 1: found; 0: none. sql gives at most two rows; a second one is PM_E_AMBIGUOUS. */
static int get(struct pm_store *s, const char *sql, const char *key, struct pm_pod_row *row,
	       struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "s", key);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r != 1)
		return r;
	read_pod(q, row);
	r = pm_stmt_step(q, err);
	if (r == 1)
		return pm_fail(err, PM_E_AMBIGUOUS,
			       "more than one result for pod name or ID \"%s\": be more specific", key);
	return r < 0 ? r : 1;
}

int pm_pod_find(struct pm_store *s, const char *name_or_id, struct pm_pod_row *ret,
		struct pm_err *err)
{
	_cleanup_pod_row_ struct pm_pod_row row = {0};
	size_t hex = strspn(name_or_id, "0123456789abcdef");
	int r = get(s, POD_COLUMNS "WHERE name = ?1", name_or_id, &row, err);
	if (r == 0 && hex > 0 && hex <= 64 && !name_or_id[hex])
		r = get(s, POD_COLUMNS "WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2",
			name_or_id, &row, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "no pod with name or ID %s found: no such pod",
			       name_or_id);
	if (r < 0)
		return r;
	*ret = row;
	row = (struct pm_pod_row){0};
	return 0;
}

int pm_pod_list(struct pm_store *s, struct pm_pod_list *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_pod_list_ struct pm_pod_list l = {0};
	size_t cap = 0;
	int r = pm_db_query(s->db, &q, err, POD_COLUMNS "ORDER BY seq", "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		if (l.n == cap) {
			cap = cap ? cap * 2 : 8;
			l.v = pm_reallocarray(l.v, cap, sizeof(*l.v));
		}
		read_pod(q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_pod_list){0};
	return 0;
}

/* The same transaction as the insertion's: nobody takes the name between. */
static int insert(struct pm_store *s, const struct pm_pod_row *row, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT id FROM pods WHERE name=?1"
			    " UNION ALL SELECT id FROM containers WHERE name=?1",
			    "s", row->name);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r == 1)
		return pm_fail(err, PM_E_EXISTS,
			       "the name \"%s\" is already in use by %s. Remove or rename it, or "
			       "choose another name: that name is already in use",
			       row->name, pm_stmt_str(q, 0));
	if (r < 0)
		return r;
	r = pm_db_exec(s->db, err,
		       "INSERT INTO pods(id, name, labels, config, created, infra)"
		       " VALUES(?, ?, ?, ?, ?, ?)",
		       "ssssis", row->id, row->name, row->labels, row->config, row->created,
		       row->infra);
	return r < 0 ? r : 0;
}

int pm_pod_insert(struct pm_store *s, const struct pm_pod_row *row, struct pm_err *err)
{
	if (pm_db_in_transaction(s->db))
		return insert(s, row, err);
	int r = pm_db_begin(s->db, true, err);
	if (r >= 0)
		r = insert(s, row, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r < 0 ? r : 0;
}

static int no_such(const char *id, struct pm_err *err)
{
	return pm_fail(err, PM_E_NOSUCH, "no pod with ID %s found: no such pod", id);
}

int pm_pod_set_infra(struct pm_store *s, const char *id, const char *ctr, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "UPDATE pods SET infra=? WHERE id=?", "ss", ctr, id);
	return r == 0 ? no_such(id, err) : r < 0 ? r : 0;
}

int pm_pod_set_config(struct pm_store *s, const char *id, const char *config, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "UPDATE pods SET config=? WHERE id=?", "ss", config, id);
	return r == 0 ? no_such(id, err) : r < 0 ? r : 0;
}

int pm_pod_members(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT id FROM containers WHERE pod=? ORDER BY seq", "s",
			    id);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(ret, pm_stmt_str(q, 0));
	return r < 0 ? r : 0;
}

int pm_pod_delete(struct pm_store *s, const char *id, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "DELETE FROM pods WHERE id=?", "s", id);
	if (r == -PM_E_INUSE)
		return pm_fail(err, PM_E_INUSE,
			       "pod %s has containers that are not removed: pod not empty", id);
	return r == 0 ? no_such(id, err) : r < 0 ? r : 0;
}
