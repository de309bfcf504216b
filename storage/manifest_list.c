#include "storage/manifest_list.h"

#include <string.h>
#include <time.h>

#include "base/db.h"
#include "base/mem.h"

bool pm_list_is(const struct pm_image_row *row)
{
	return pm_streq(row->media_type, PM_LIST_MEDIA_TYPE);
}

static int add(struct pm_store *s, const char *id, const char *name,
	       const struct pm_list_text *text, struct pm_err *err)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct pm_err why = PM_ERR_INIT;
	int r = pm_db_exec(s->db, err,
			   "INSERT INTO images(id, digest, media_type, created, size, config, manifest)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?)",
			   "sssiibb", id, text->digest, PM_LIST_MEDIA_TYPE,
			   (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
			   (int64_t)strlen(text->index), text->document, strlen(text->document),
			   text->index, strlen(text->index));
	if (r < 0)
		return r;
	r = pm_db_exec(s->db, &why, "INSERT INTO image_names(name, image) VALUES(?, ?)", "ss", name, id);
	if (r == -PM_E_EXISTS)
		return pm_fail(err, PM_E_EXISTS, "image name \"%s\" is already associated with an image: "
						 "that name is already in use",
			       name);
	if (r < 0 && err)
		*err = why;
	return r < 0 ? r : 0;
}

int pm_list_add(struct pm_store *s, const char *id, const char *name,
		const struct pm_list_text *text, struct pm_err *err)
{
	int r = pm_store_need_db(s, err);
	if (r >= 0)
		r = pm_db_begin(s->db, true, err);
	if (r < 0)
		return r;
	r = add(s, id, name, text, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r;
}

int pm_list_set(struct pm_store *s, const char *id, const struct pm_list_text *text,
		struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "UPDATE images SET config = ?, manifest = ?, digest = ?, size = ?"
			   " WHERE id = ? AND media_type = ?",
			   "bbsiss", text->document, strlen(text->document), text->index,
			   strlen(text->index), text->digest, (int64_t)strlen(text->index), id,
			   PM_LIST_MEDIA_TYPE);
	return r == 0 ? pm_fail(err, PM_E_NOSUCH, "%s: image not known", id) : r < 0 ? r : 0;
}
