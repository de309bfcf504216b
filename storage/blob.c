#include "storage/blob.h"

#include <stdlib.h>

#include "base/mem.h"

void pm_blob_list_free(struct pm_blob_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].digest);
		free(l->v[i].media_type);
	}
	free(l->v);
	*l = (struct pm_blob_list){0};
}

int pm_blob_of_layer(struct pm_store *s, const char *diff_id, int level, struct pm_blob_list *ret,
		     struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT digest, size, media_type FROM blobs WHERE diff_id=?1"
			    " UNION ALL SELECT blob, size,"
			    "  'application/vnd.oci.image.layer.v1.tar+' || kind FROM packed"
			    "  WHERE diff_id=?1 AND (?2 = 0 OR level = ?2)",
			    "si", diff_id, (int64_t)level);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
		ret->v[ret->n++] = (struct pm_blob){pm_strdup(pm_stmt_str(q, 0)), pm_stmt_int(q, 1),
						    pm_strdup_null(pm_stmt_str(q, 2))};
	}
	return r;
}

int pm_blob_packed(struct pm_store *s, const char *diff_id, const char *kind, int level,
		   const char *blob, int64_t size, struct pm_err *err)
{
	return pm_db_exec(s->db, err,
			  "INSERT OR REPLACE INTO packed(diff_id, kind, level, blob, size)"
			  " VALUES(?, ?, ?, ?, ?)",
			  "ssisi", diff_id, kind, (int64_t)level, blob, size);
}

int pm_blob_placed(struct pm_store *s, const char *blob, const char *domain,
		   const char *repository, struct pm_err *err)
{
	return pm_db_exec(s->db, err,
			  "INSERT OR IGNORE INTO blob_places(blob, domain, repository)"
			  " VALUES(?, ?, ?)",
			  "sss", blob, domain, repository);
}

int pm_blob_placed_all(struct pm_store *s, const struct pm_strv *blobs, const char *domain,
		       const char *repository, struct pm_err *err)
{
	int r = pm_db_begin(s->db, true, err);
	for (size_t i = 0; r >= 0 && i < blobs->n; i++)
		if (*blobs->v[i])
			r = pm_blob_placed(s, blobs->v[i], domain, repository, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r;
}

int pm_blob_places(struct pm_store *s, const char *diff_id, const char *domain,
		   struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT DISTINCT domain, repository FROM blob_places WHERE domain=?2 AND"
			    " blob IN (SELECT digest FROM blobs WHERE diff_id=?1"
			    "  UNION SELECT blob FROM packed WHERE diff_id=?1) LIMIT 8",
			    "ss", diff_id, domain);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		pm_strv_add(ret, pm_stmt_str(q, 0));
		pm_strv_add(ret, pm_stmt_str(q, 1));
	}
	return r;
}
