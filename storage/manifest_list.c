#include "storage/manifest_list.h"

#include <string.h>

#include "base/db.h"
#include "base/mem.h"

void pm_list_row_free(struct pm_list_row *r)
{
	free(r->id);
	free(r->name);
	free(r->document);
	*r = (struct pm_list_row){0};
}

int pm_list_get(struct pm_store *s, const char *name, const char *word, struct pm_list_row *ret,
		struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	bool prefix = strlen(word) >= 2 && strspn(word, "0123456789abcdef") == strlen(word);
	_cleanup_free_ char *pattern = pm_asprintf("%s*", prefix ? word : "-");
	int r = pm_store_need_db(s, err);
	/* The name first. */
	if (r >= 0)
		r = pm_db_query(s->db, &q, err,
				"SELECT id, name, document FROM manifest_lists WHERE name = ?1 OR id GLOB ?2"
				" ORDER BY name <> ?1 LIMIT 2",
				"ss", name ? name : word, pattern);
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r < 0)
		return r;
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", word);
	struct pm_list_row row = {pm_strdup(pm_stmt_str(q, 0)), pm_strdup(pm_stmt_str(q, 1)),
				  pm_strdup(pm_stmt_str(q, 2))};
	bool by_name = name && strcmp(row.name, name) == 0;
	r = by_name ? 0 : pm_stmt_step(q, err);
	if (r == 0) {
		*ret = row;
		return 0;
	}
	pm_list_row_free(&row);
	return r < 0 ? r : pm_fail(err, PM_E_AMBIGUOUS, "%s: more than one list has an id that begins "
							"so",
				   word);
}

int pm_list_add(struct pm_store *s, const struct pm_list_row *row, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	int r = pm_store_need_db(s, err);
	if (r < 0)
		return r;
	r = pm_db_exec(s->db, &why,
		       "INSERT INTO manifest_lists(id, name, document) VALUES(?1, ?2, ?3)", "sss",
		       row->id, row->name, row->document);
	if (r == -PM_E_EXISTS)
		return pm_fail(err, PM_E_EXISTS, "image name \"%s\" is already associated with a list: "
						 "that name is already in use",
			       row->name);
	if (r < 0 && err)
		*err = why;
	return r < 0 ? r : 0;
}

int pm_list_set(struct pm_store *s, const char *id, const char *document, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "UPDATE manifest_lists SET document = ?2 WHERE id = ?1", "ss", id,
			   document);
	return r == 0 ? pm_fail(err, PM_E_NOSUCH, "%s: image not known", id) : r < 0 ? r : 0;
}

int pm_list_remove(struct pm_store *s, const char *id, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "DELETE FROM manifest_lists WHERE id = ?1", "s", id);
	return r == 0 ? pm_fail(err, PM_E_NOSUCH, "%s: image not known", id) : r < 0 ? r : 0;
}
