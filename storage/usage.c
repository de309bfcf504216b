#include "storage/usage.h"

#include <string.h>

#include "base/buf.h"
#include "storage/image.h"

void pm_usage_free(struct pm_usage *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].image);
	free(u->v);
	*u = (struct pm_usage){0};
}

static int load_images(struct pm_store *s, struct pm_usage *u, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(
		s->db, &q, err,
		"WITH users(layer, n) AS (SELECT layer, count(*) FROM image_layers GROUP BY layer)"
		" SELECT i.id, i.size,"
		" (SELECT coalesce(sum(l.size), 0) FROM image_layers il"
		"  JOIN users u ON u.layer = il.layer AND u.n = 1"
		"  JOIN layers l ON l.chain_id = il.layer WHERE il.image = i.id),"
		" (SELECT count(*) FROM containers c WHERE c.image = i.id)"
		" FROM images i ORDER BY i.id",
		"");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		u->v = pm_reallocarray(u->v, u->n + 1, sizeof(*u->v));
		u->v[u->n++] = (struct pm_image_usage){
			.image = pm_strdup(pm_stmt_str(q, 0)),
			.size = pm_stmt_int(q, 1),
			.unique = pm_stmt_int(q, 2),
			.containers = pm_stmt_int(q, 3),
		};
	}
	return r;
}

int pm_usage_load(struct pm_store *s, struct pm_usage *u, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = load_images(s, u, err);
	if (r >= 0)
		r = pm_layers_total(s, &u->total, err);
	if (r >= 0)
		r = pm_db_query(s->db, &q, err,
				"SELECT coalesce(sum(size), 0) FROM layers WHERE chain_id NOT IN"
				" (SELECT layer FROM image_layers WHERE image IN"
				"  (SELECT image FROM containers WHERE image IS NOT NULL))",
				"");
	if (r >= 0)
		r = pm_stmt_step(q, err);
	if (r == 1)
		u->reclaimable = pm_stmt_int(q, 0);
	return r < 0 ? r : 0;
}

const struct pm_image_usage *pm_usage_of(const struct pm_usage *u, const char *image)
{
	for (size_t i = 0; i < u->n; i++) {
		if (strcmp(u->v[i].image, image) == 0)
			return &u->v[i];
	}
	return NULL;
}
