/* Changing: commit and names of storage/image.h. Removal is in image_remove.c. */
#include "storage/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/faults.h"

static bool is_id(const char *s)
{
	return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int set_name(struct pm_store *s, const char *id, const char *name, const char *digest,
		    struct pm_err *err)
{
	return pm_db_exec(s->db, err,
			  "INSERT INTO image_names(name, image, digest) VALUES(?1, ?2, ?3)"
			  " ON CONFLICT(name) DO UPDATE SET image = ?2, digest = ?3",
			  "sss", name, id, digest);
}

/* --- commit ------------------------------------------------------------------------------------ */

struct commit {
	struct pm_store *s;
	const struct pm_image_row *row;
	const struct pm_layer_row *layers;
	size_t n_layers;
	struct pm_stage *st;
	int layers_fd;        /* layers/, -1 until something is moved there */
	struct pm_strv moved; /* chain ids */
};

static int check_commit(const struct commit *c, struct pm_err *err)
{
	const char *parent = NULL;
	if (!is_id(c->row->id) || !c->row->config || !c->row->manifest)
		return pm_fail(err, PM_E_INTERNAL, "commit of an image without id or documents");
	for (size_t i = 0; i < c->n_layers; i++) {
		const struct pm_layer_row *l = &c->layers[i];
		if (!is_id(l->chain_id) || !l->diff_id || !pm_streq(l->parent, parent) ||
		    (l->staged && (!c->st || strchr(l->staged, '/'))))
			return pm_fail(err, PM_E_INTERNAL, "commit of image %s: layer %zu is wrong",
				       c->row->id, i);
		parent = l->chain_id;
	}
	return 0;
}

/* Move the staged directory to its place. What is there without a row (we hold the write lock, and saw
 * none) was left by a crash. */
static int move_layer(struct commit *c, const struct pm_layer_row *l, struct pm_err *err)
{
	if (c->layers_fd < 0) {
		c->layers_fd = pm_store_dir(c->s, "layers", err);
		if (c->layers_fd < 0)
			return c->layers_fd;
	}
	for (int tries = 0; tries < 2; tries++) {
		if (renameat2(c->st->dir_fd, l->staged, c->layers_fd, l->chain_id, RENAME_NOREPLACE) == 0) {
			pm_strv_add(&c->moved, l->chain_id);
			return 0;
		}
		if (errno != EEXIST)
			break;
		int r = pm_trash_dir(c->s, c->layers_fd, l->chain_id, err);
		if (r < 0)
			return r;
	}
	return pm_fail_sys(err, "put layer %s into place", l->chain_id);
}

static int put_layer(struct commit *c, size_t position, struct pm_err *err)
{
	const struct pm_layer_row *l = &c->layers[position];
	int r = pm_layer_get(c->s, l->chain_id, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!l->staged)
		return pm_fail(err, PM_E_NOSUCH, "layer %s is not in the store any more", l->chain_id);
	r = move_layer(c, l, err);
	pm_fault("image-layer-moved");
	if (r < 0)
		return r;
	return pm_db_exec(c->s->db, err,
			  "INSERT INTO layers(chain_id, parent, diff_id, size, blob, blob_size,"
			  " media_type, created) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			  "sssisisi", l->chain_id, l->parent, l->diff_id, l->size, l->blob, l->blob_size,
			  l->media_type, l->created ? l->created : now_ns());
}

/* Of a layer that came with this image only: of another the manifest's word alone says that this is its blob. */
static int remember_blob(struct commit *c, const struct pm_layer_row *l, struct pm_err *err)
{
	if (!l->blob || !l->staged)
		return 0;
	return pm_db_exec(c->s->db, err,
			  "INSERT OR REPLACE INTO blobs(digest, diff_id, size, media_type)"
			  " VALUES(?, ?, ?, ?)",
			  "ssis", l->blob, l->diff_id, l->blob_size, l->media_type);
}

/* The image may have been here before with another manifest, which it then keeps: its own signatures stay, too. */
static int put_signatures(struct commit *c, struct pm_err *err)
{
	const struct pm_image_row *i = c->row;
	int r = pm_db_exec(c->s->db, err,
			   "DELETE FROM image_signatures WHERE image IN"
			   " (SELECT id FROM images WHERE id=? AND digest=?)",
			   "ss", i->id, i->digest);
	return r < 0 || !i->signatures
		       ? r
		       : pm_db_exec(c->s->db, err,
				    "INSERT INTO image_signatures(image, document)"
				    " SELECT id, ? FROM images WHERE id=? AND digest=?",
				    "bss", i->signatures, i->signatures_len, i->id, i->digest);
}

static int put_rows(struct commit *c, struct pm_err *err)
{
	const struct pm_image_row *i = c->row;
	int r = pm_db_exec(c->s->db, err,
			   "INSERT INTO images(id, digest, media_type, created, size, top, arch, os,"
			   " variant, config, manifest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
			   " ON CONFLICT(id) DO NOTHING",
			   "sssiissssbb", i->id, i->digest, i->media_type, i->created, i->size,
			   c->n_layers ? c->layers[c->n_layers - 1].chain_id : NULL, i->arch, i->os,
			   i->variant, i->config, i->config_len, i->manifest, i->manifest_len);
	bool fresh = r == 1;
	for (size_t n = 0; r >= 0 && n < c->n_layers; n++) {
		if (fresh)
			r = pm_db_exec(c->s->db, err,
				       "INSERT INTO image_layers(image, position, layer)"
				       " VALUES(?, ?, ?)",
				       "sis", i->id, (int64_t)n, c->layers[n].chain_id);
		if (r >= 0)
			r = remember_blob(c, &c->layers[n], err);
	}
	if (r >= 0 && i->signatures_looked)
		r = put_signatures(c, err);
	for (size_t n = 0; r >= 0 && n < i->n_names; n++)
		r = set_name(c->s, i->id, i->names[n].name, i->names[n].digest, err);
	return r;
}

static int commit_locked(struct commit *c, struct pm_err *err)
{
	int r = 0;
	for (size_t n = 0; r >= 0 && n < c->n_layers; n++)
		r = put_layer(c, n, err);
	if (r >= 0 && c->moved.n > 0 && fsync(c->layers_fd) < 0)
		r = pm_fail_sys(err, "sync the layers' directory");
	pm_fault("image-layers-synced");
	if (r >= 0)
		r = put_rows(c, err);
	pm_fault("image-rows-written");
	if (r < 0) {
		/* while we have the write lock nobody else put them there */
		for (size_t n = 0; n < c->moved.n; n++)
			pm_trash_dir(c->s, c->layers_fd, c->moved.v[n], NULL);
		return r;
	}
	return pm_db_commit(c->s->db, err);
}

int pm_image_commit(struct pm_store *s, const struct pm_image_row *row,
		    const struct pm_layer_row *layers, size_t n_layers, struct pm_stage *st,
		    struct pm_err *err)
{
	struct commit c = {
		.s = s, .row = row, .layers = layers, .n_layers = n_layers, .st = st, .layers_fd = -1};
	int r = check_commit(&c, err);
	if (r < 0)
		return r;
	bool staged = false;
	for (size_t i = 0; i < n_layers; i++)
		staged = staged || layers[i].staged;
	pm_fault("image-begin");
	if (staged && syncfs(st->dir_fd) < 0)
		return pm_fail_sys(err, "sync '%s'", st->path);
	pm_fault("image-staged-synced");

	r = pm_db_begin(s->db, true, err);
	if (r >= 0)
		r = commit_locked(&c, err);
	pm_db_rollback(s->db);
	pm_fault("image-committed");
	pm_strv_free(&c.moved);
	if (c.layers_fd >= 0)
		close(c.layers_fd);
	return r < 0 ? pm_wrap(err, "store image %.12s", row->id) : 0;
}

/* --- names --------------------------------------------------------------------------------------- */

static int old_meaning(struct pm_store *s, const char *name, char **ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, "SELECT image FROM image_names WHERE name=?", "s", name);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r == 1)
		*ret = pm_strdup(pm_stmt_str(q, 0));
	return r < 0 ? r : 0;
}

int pm_image_tag(struct pm_store *s, const char *id, const char *name, const char *digest,
		 char **ret_was, struct pm_err *err)
{
	_cleanup_free_ char *was = NULL;
	bool own = !pm_db_in_transaction(s->db);
	int r = own ? pm_db_begin(s->db, true, err) : 0;
	if (r >= 0)
		r = old_meaning(s, name, &was, err);
	if (r >= 0)
		r = set_name(s, id, name, digest, err);
	if (r == -PM_E_INUSE)
		r = pm_fail(err, PM_E_NOSUCH, "%s: image not known", id);
	if (r >= 0 && own)
		r = pm_db_commit(s->db, err);
	if (own)
		pm_db_rollback(s->db);
	if (r < 0)
		return r;
	if (ret_was)
		*ret_was = was && !pm_streq(was, id) ? pm_steal(&was) : NULL;
	return 0;
}

int pm_image_untag(struct pm_store *s, const char *name, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err, "DELETE FROM image_names WHERE name=?", "s", name);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", name);
	return r < 0 ? r : 0;
}

int pm_image_tag_all(struct pm_store *s, const char *id, const struct pm_strv *names,
		     struct pm_err *err)
{
	int r = pm_db_begin(s->db, true, err);
	for (size_t i = 0; r >= 0 && i < names->n; i++)
		r = pm_image_tag(s, id, names->v[i], NULL, NULL, err);
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r < 0 ? r : 0;
}

int pm_image_untag_all(struct pm_store *s, const char *id, const struct pm_strv *names,
		       struct pm_err *err)
{
	int r = pm_db_begin(s->db, true, err);
	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		r = pm_db_exec(s->db, err, "DELETE FROM image_names WHERE name=? AND image=?", "ss",
			       names->v[i], id);
		if (r == 0)
			r = pm_fail(err, PM_E_NOSUCH, "%s: tag not known", names->v[i]);
	}
	if (r >= 0)
		r = pm_db_commit(s->db, err);
	pm_db_rollback(s->db);
	return r < 0 ? r : 0;
}
