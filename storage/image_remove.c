/* Removal of storage/image.h. */
#include "storage/image.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/check.h"
#include "storage/faults.h"
#include "storage/orphans.h"

void pm_image_removed_free(struct pm_image_removed *r)
{
	pm_strv_free(&r->untagged);
	pm_strv_free(&r->deleted);
}

/* Names of image id, appended to l. */
static int names_of(struct pm_store *s, const char *id, struct pm_strv *l, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "SELECT name FROM image_names WHERE image=? ORDER BY name", "s", id);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(l, pm_stmt_str(q, 0));
	return r;
}

static int unused_layers(struct pm_store *s, struct pm_strv *l, struct pm_err *err)
{
	/* as deep as a layer is, so that children come before their parents */
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err,
			    "WITH RECURSIVE d(id, depth) AS ("
			    " SELECT chain_id, 0 FROM layers WHERE parent IS NULL"
			    " UNION ALL SELECT l.chain_id, depth + 1 FROM layers l JOIN d"
			    "  ON l.parent = d.id WHERE depth < 10000)"
			    " SELECT l.chain_id FROM layers l LEFT JOIN d ON d.id = l.chain_id"
			    " WHERE l.chain_id NOT IN (SELECT layer FROM image_layers)"
			    " ORDER BY d.depth DESC, l.chain_id",
			    "");
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(l, pm_stmt_str(q, 0));
	return r;
}

/* Rows of layers that no image has; not those that somebody relies on. locks: descriptors to be closed
 * after the commit. */
static int delete_layers(struct pm_store *s, struct pm_strv *ret, struct pm_buf *locks,
			 struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv unused = PM_STRV_INIT;
	int r = unused_layers(s, &unused, err);
	for (size_t i = 0; r >= 0 && i < unused.n; i++) {
		int fd = pm_store_lock(s, "layer", unused.v[i], PM_LOCK_EXCLUSIVE, false, err);
		if (fd == -EAGAIN)
			continue;
		if (fd < 0)
			return fd;
		pm_buf_add(locks, &fd, sizeof(fd));
		r = pm_db_exec(s->db, err, "DELETE FROM layers WHERE chain_id=?", "s", unused.v[i]);
		if (r > 0)
			pm_strv_add(ret, unused.v[i]);
	}
	return r;
}

static void close_all(const struct pm_buf *fds)
{
	for (size_t i = 0; i < fds->len / sizeof(int); i++)
		close(((int *)(void *)fds->data)[i]);
}

static int delete_image(struct pm_store *s, const char *id, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_image_users(s, id, &users, err);
	if (r < 0)
		return r;
	if (users.n > 0)
		return pm_fail(err, PM_E_INUSE, "image used by %s: image is in use by a container",
			       users.v[0]);
	r = pm_db_exec(s->db, err, "DELETE FROM image_names WHERE image=?", "s", id);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "DELETE FROM image_layers WHERE image=?", "s", id);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "DELETE FROM images WHERE id=?", "s", id);
	if (r == -PM_E_INUSE)
		return pm_fail(err, PM_E_INUSE,
			       "image %.12s is what a volume is made of: image is in use: see `volume ls "
			       "--filter driver=image`",
			       id);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", id);
	return r;
}

/* What is asked of remove_rows. */
struct removal {
	const char *id;
	const char *name; /* only this one of several names; NULL: none */
	bool unforced;    /* not an image of several names */
	bool stays;       /* result: it has other names */
	struct pm_image_removed removed;
	struct pm_strv layers;
};

/* 1: the image goes, 0: only the name did. */
static int settle_names(struct pm_store *s, struct removal *m, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	int r = names_of(s, m->id, &names, err);
	if (r < 0)
		return r;
	if (m->name && !pm_strv_has(&names, m->name))
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", m->name);
	if (m->name && names.n > 1) {
		pm_strv_add(&m->removed.untagged, m->name);
		r = pm_image_untag(s, m->name, err);
		return r < 0 ? r : 0;
	}
	if (m->unforced && names.n > 1) {
		_cleanup_free_ char *list = pm_strv_join(&names, " ");
		return pm_fail(err, PM_E_AMBIGUOUS,
			       "unable to delete image \"%s\" by ID with more than one tag ([%s]): "
			       "please force removal",
			       m->id, list);
	}
	pm_strv_add_all(&m->removed.untagged, pm_strv_argv(&names));
	return 1;
}

static int remove_rows(struct pm_store *s, struct removal *m, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf locks = PM_BUF_INIT;
	int r = pm_db_begin(s->db, true, err);
	if (r >= 0)
		r = settle_names(s, m, err);
	m->stays = r == 0;
	if (r > 0)
		r = delete_image(s, m->id, err);
	if (r > 0)
		r = delete_layers(s, &m->layers, &locks, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	close_all(&locks);
	return r;
}

static int run_removal(struct pm_store *s, struct removal *m, struct pm_image_removed *ret,
		       struct pm_err *err)
{
	/* rows go first, directories after: the stage is the mark that something may be left */
	_cleanup_stage_ struct pm_stage *mark = NULL;
	int r = pm_stage_new(s, &mark, err);
	if (r >= 0)
		r = remove_rows(s, m, err);
	pm_fault("image-remove-rows");
	if (r >= 0) {
		struct pm_err left = PM_ERR_INIT;
		if (pm_orphans_layers(s, &m->layers, &left) < 0)
			pm_warn("image %.12s is removed, but not all files: %s", m->id, left.text);
		if (ret) {
			pm_strv_add_all(&ret->untagged, pm_strv_argv(&m->removed.untagged));
			if (!m->stays)
				pm_strv_add(&ret->deleted, m->id);
			pm_strv_add_all(&ret->deleted, pm_strv_argv(&m->layers));
		}
	}
	pm_image_removed_free(&m->removed);
	pm_strv_free(&m->layers);
	return r < 0 ? r : 0;
}

int pm_image_remove(struct pm_store *s, const char *id, struct pm_image_removed *ret,
		    struct pm_err *err)
{
	struct removal m = {.id = id};
	return run_removal(s, &m, ret, err);
}

int pm_image_remove_name(struct pm_store *s, const char *id, const char *name,
			 struct pm_image_removed *ret, struct pm_err *err)
{
	struct removal m = {.id = id, .name = name, .unforced = true};
	return run_removal(s, &m, ret, err);
}

int pm_layers_remove_unused(struct pm_store *s, struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv layers = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf locks = PM_BUF_INIT;
	_cleanup_stage_ struct pm_stage *mark = NULL;
	int r = pm_stage_new(s, &mark, err);
	if (r >= 0)
		r = pm_db_begin(s->db, true, err);
	if (r >= 0)
		r = delete_layers(s, &layers, &locks, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	close_all(&locks);
	if (r >= 0)
		r = pm_orphans_layers(s, &layers, err);
	if (r >= 0)
		pm_strv_add_all(ret, pm_strv_argv(&layers));
	return r < 0 ? r : 0;
}
