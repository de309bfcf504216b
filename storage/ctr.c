#include "storage/ctr.h"

#include <string.h>

#include "storage/image.h"

void pm_ctr_row_free(struct pm_ctr_row *row)
{
	free(row->id);
	free(row->name);
	free(row->image_id);
	free(row->image_name);
	free(row->command);
	free(row->ports);
	free(row->labels);
	free(row->config);
	free(row->boot_id);
	free(row->error);
	free(row->pod);
	pm_strv_free(&row->deps);
	pm_strv_free(&row->volumes);
	pm_strv_free(&row->images);
	*row = (struct pm_ctr_row){0};
}

void pm_ctr_list_free(struct pm_ctr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pm_ctr_row_free(&l->v[i]);
	free(l->v);
	*l = (struct pm_ctr_list){0};
}

/* A transaction around changes, unless the caller has one. */
struct change {
	struct pm_db *db;
	bool own;
};

static int change_begin(struct change *c, struct pm_store *s, bool durable, struct pm_err *err)
{
	c->db = s->db;
	c->own = !pm_db_in_transaction(s->db);
	return c->own ? pm_db_begin(s->db, durable, err) : 0;
}

static int change_end(struct change *c, int r, struct pm_err *err)
{
	if (!c->own)
		return r < 0 ? r : 0;
	if (r >= 0)
		r = pm_db_commit(c->db, err);
	pm_db_rollback(c->db);
	return r < 0 ? r : 0;
}

/* --- looking ----------------------------------------------------------------------------------- */

/* Parameter 1 is PM_CTR_*. */
#define CTR_COLUMNS                                                                                \
	"SELECT id, name, coalesce(image, ro_image), image_name, command, ports, labels, created, rm, state, started," \
	" finished, exit_code, pid, boot_id, error, oom_killed, restarts, stopped,"                \
	" CASE WHEN ?1 & 1 THEN (SELECT config FROM container_configs WHERE container = seq) END,"  \
	" pod, working FROM containers "

static void read_ctr(struct pm_stmt *q, struct pm_ctr_row *row)
{
	*row = (struct pm_ctr_row){
		.id = pm_strdup(pm_stmt_str(q, 0)),
		.name = pm_strdup(pm_stmt_str(q, 1)),
		.image_id = pm_strdup_null(pm_stmt_str(q, 2)),
		.image_name = pm_strdup_null(pm_stmt_str(q, 3)),
		.command = pm_strdup_null(pm_stmt_str(q, 4)),
		.ports = pm_strdup_null(pm_stmt_str(q, 5)),
		.labels = pm_strdup_null(pm_stmt_str(q, 6)),
		.created = pm_stmt_int(q, 7),
		.rm = pm_stmt_int(q, 8) != 0,
		.word = (enum pm_ctr_word)pm_stmt_int(q, 9),
		.started = pm_stmt_int(q, 10),
		.finished = pm_stmt_int(q, 11),
		.exit_code = (int)pm_stmt_int(q, 12),
		.pid = pm_stmt_int(q, 13),
		.boot_id = pm_strdup_null(pm_stmt_str(q, 14)),
		.error = pm_strdup_null(pm_stmt_str(q, 15)),
		.oom_killed = pm_stmt_int(q, 16) != 0,
		.restarts = pm_stmt_int(q, 17),
		.stopped = pm_stmt_int(q, 18) != 0,
		.pod = pm_strdup_null(pm_stmt_str(q, 20)),
		.working = (enum pm_ctr_working)pm_stmt_int(q, 21),
	};
	if (!pm_stmt_is_null(q, 19)) {
		const void *p = pm_stmt_blob(q, 19, &row->config_len);
		row->config = pm_malloc(row->config_len + 1);
		if (row->config_len)
			memcpy(row->config, p, row->config_len);
	}
}

/* Strings of a query with one parameter, appended to l. */
static int strings(struct pm_store *s, const char *sql, const char *arg, struct pm_strv *l,
		   struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "s", arg);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1)
		pm_strv_add(l, pm_stmt_str(q, 0));
	return r;
}

/* 1: found; 0: none. sql gives at most two rows; a second one is PM_E_AMBIGUOUS. */
static int get(struct pm_store *s, const char *sql, const char *key, unsigned int what,
	       struct pm_ctr_row *row, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	int r = pm_db_query(s->db, &q, err, sql, "is", (int64_t)what, key);
	if (r == 0)
		r = pm_stmt_step(q, err);
	if (r != 1)
		return r;
	read_ctr(q, row);
	r = pm_stmt_step(q, err);
	if (r == 1)
		return pm_fail(err, PM_E_AMBIGUOUS,
			       "more than one result for container name or ID \"%s\": be more specific",
			       key);
	return r < 0 ? r : 1;
}

int pm_ctr_find(struct pm_store *s, const char *name_or_id, unsigned int what,
		struct pm_ctr_row *ret, struct pm_err *err)
{
	_cleanup_ctr_row_ struct pm_ctr_row row = {0};
	if (!*name_or_id)
		return pm_fail(err, PM_E_USAGE, "name or ID cannot be empty");
	size_t hex = strspn(name_or_id, "0123456789abcdef");
	bool prefix = hex > 0 && hex <= 64 && !name_or_id[hex];

	int r = get(s, CTR_COLUMNS "WHERE name = ?2", name_or_id, what, &row, err);
	if (r == 0 && prefix)
		r = get(s, CTR_COLUMNS "WHERE id >= ?2 AND id < ?2 || 'g' ORDER BY id LIMIT 2",
			name_or_id, what, &row, err);
	if (r == 0)
		return pm_fail(err, PM_E_NOSUCH,
			       "no container with name or ID \"%s\" found: no such container",
			       name_or_id);
	if (r > 0)
		r = strings(s, "SELECT needs FROM container_deps WHERE container=? ORDER BY needs",
			    row.id, &row.deps, err);
	if (r >= 0)
		r = strings(s, "SELECT volume FROM container_volumes WHERE container=? ORDER BY volume",
			    row.id, &row.volumes, err);
	if (r < 0)
		return r;
	*ret = row;
	row = (struct pm_ctr_row){0};
	return 0;
}

int pm_ctr_list(struct pm_store *s, unsigned int what, struct pm_ctr_list *ret, struct pm_err *err)
{
	_cleanup_stmt_ struct pm_stmt *q = NULL;
	_cleanup_ctr_list_ struct pm_ctr_list l = {0};
	size_t cap = 0;
	int r = pm_db_query(s->db, &q, err, CTR_COLUMNS "WHERE working = 0 OR ?1 & 2 ORDER BY seq", "i",
			    (int64_t)what);
	while (r >= 0 && (r = pm_stmt_step(q, err)) == 1) {
		if (l.n == cap) {
			cap = cap ? cap * 2 : 32;
			l.v = pm_reallocarray(l.v, cap, sizeof(*l.v));
		}
		read_ctr(q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct pm_ctr_list){0};
	return 0;
}

int pm_ctr_of_builds(struct pm_store *s, struct pm_strv *ret, struct pm_err *err)
{
	return strings(s, "SELECT id FROM containers WHERE working = CAST(? AS INTEGER)", "1", ret, err);
}

int pm_ctr_dependents(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err)
{
	return strings(s, "SELECT container FROM container_deps WHERE needs=? ORDER BY container", id,
		       ret, err);
}

/* --- changing ----------------------------------------------------------------------------------- */

static int name_taken(struct pm_store *s, const char *name, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv by = PM_STRV_INIT;
	int r = strings(s,
			"SELECT id FROM containers WHERE name=?1"
			" UNION ALL SELECT id FROM pods WHERE name=?1",
			name, &by, err);
	if (r < 0 || by.n == 0)
		return r;
	return pm_fail(err, PM_E_EXISTS,
		       "the container name \"%s\" is already in use by %s. You have to remove that "
		       "container to be able to reuse that name: that name is already in use",
		       name, by.v[0]);
}

static int insert_refs(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < row->deps.n; i++) {
		r = pm_db_exec(s->db, err,
			       "INSERT OR IGNORE INTO container_deps(container, needs) VALUES(?, ?)",
			       "ss", row->id, row->deps.v[i]);
		if (r == -PM_E_INUSE)
			return pm_fail(err, PM_E_NOSUCH,
				       "no container with name or ID \"%s\" found: no such container",
				       row->deps.v[i]);
	}
	for (size_t i = 0; r >= 0 && i < row->volumes.n; i++) {
		r = pm_db_exec(s->db, err,
			       "INSERT OR IGNORE INTO container_volumes(container, volume) VALUES(?, ?)",
			       "ss", row->id, row->volumes.v[i]);
		if (r == -PM_E_INUSE)
			return pm_fail(err, PM_E_NOSUCH,
				       "no volume with name \"%s\" found: no such volume",
				       row->volumes.v[i]);
	}
	for (size_t i = 0; r >= 0 && i < row->images.n; i++) {
		r = pm_db_exec(s->db, err,
			       "INSERT OR IGNORE INTO container_images(container, image) VALUES(?, ?)",
			       "ss", row->id, row->images.v[i]);
		if (r == -PM_E_INUSE)
			return pm_fail(err, PM_E_NOSUCH, "%s: image not known", row->images.v[i]);
	}
	return r;
}

static int insert(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	int r = name_taken(s, row->name, err);
	if (r < 0)
		return r;
	/* the row of an image elsewhere cannot be referred to */
	bool elsewhere = s->n_others && row->image_id &&
			 pm_image_by_id(s, row->image_id, 0, &image, NULL) == 0 && image.readonly;
	r = pm_db_exec(s->db, err,
		       "INSERT INTO containers(id, name, image, image_name, command, ports, labels,"
		       " created, rm, state, started, finished, exit_code, pid, boot_id, error,"
		       " oom_killed, restarts, pod, ro_image, working)"
		       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "sssssssiiiiiiissiissi", row->id, row->name, elsewhere ? NULL : row->image_id,
		       row->image_name,
		       row->command, row->ports, row->labels, row->created, (int64_t)row->rm,
		       (int64_t)row->word, row->started, row->finished, (int64_t)row->exit_code, row->pid,
		       row->boot_id, row->error, (int64_t)row->oom_killed,
		       row->restarts, row->pod, elsewhere ? row->image_id : NULL,
		       (int64_t)row->working);
	if (r == -PM_E_INUSE && row->pod)
		return pm_fail(err, PM_E_NOSUCH, "the image %s or the pod %s is not there any more",
			       row->image_id ? row->image_id : "", row->pod);
	if (r == -PM_E_INUSE)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", row->image_id);
	if (r >= 0)
		r = pm_db_exec(s->db, err,
			       "INSERT INTO container_configs(container, config) VALUES(?, ?)", "ib",
			       pm_db_last_rowid(s->db), row->config ? row->config : "",
			       row->config_len);
	return r < 0 ? r : insert_refs(s, row, err);
}

int pm_ctr_insert(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err)
{
	struct change c;
	/* one that is to stay survives the loss of power as well */
	int r = change_begin(&c, s, !row->rm, err);
	if (r < 0)
		return r;
	return change_end(&c, insert(s, row, err), err);
}

static int no_such(const char *id, struct pm_err *err)
{
	return pm_fail(err, PM_E_NOSUCH, "no container with ID %s found: no such container", id);
}

int pm_ctr_set_stopped(struct pm_store *s, const char *id, bool stopped, struct pm_err *err)
{
	struct change c;
	int r = change_begin(&c, s, true, err);
	if (r < 0)
		return r;
	r = pm_db_exec(s->db, err, "UPDATE containers SET stopped=? WHERE id=?", "is", (int64_t)stopped,
		       id);
	return change_end(&c, r == 0 ? no_such(id, err) : r, err);
}

int pm_ctr_set_state(struct pm_store *s, const struct pm_ctr_row *row, struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "UPDATE containers SET state=?, started=?, finished=?, exit_code=?, pid=?,"
			   " boot_id=?, error=?, oom_killed=?, restarts=?, stopped=? WHERE id=?",
			   "iiiiissiiis", (int64_t)row->word, row->started, row->finished,
			   (int64_t)row->exit_code, row->pid, row->boot_id, row->error,
			   (int64_t)row->oom_killed, row->restarts, (int64_t)row->stopped, row->id);
	return r == 0 ? no_such(row->id, err) : r < 0 ? r : 0;
}

int pm_ctr_set_config(struct pm_store *s, const char *id, const char *config, size_t len,
		      struct pm_err *err)
{
	int r = pm_db_exec(s->db, err,
			   "UPDATE container_configs SET config=?"
			   " WHERE container=(SELECT seq FROM containers WHERE id=?)",
			   "bs", config, len, id);
	return r == 0 ? no_such(id, err) : r < 0 ? r : 0;
}

int pm_ctr_set_image(struct pm_store *s, const char *id, const char *image_id, struct pm_err *err)
{
	_cleanup_image_row_ struct pm_image_row image = {0};
	bool elsewhere = s->n_others && image_id &&
			 pm_image_by_id(s, image_id, 0, &image, NULL) == 0 && image.readonly;
	int r = pm_db_exec(s->db, err, "UPDATE containers SET image=?, ro_image=? WHERE id=?", "sss",
			   elsewhere ? NULL : image_id, elsewhere ? image_id : NULL, id);
	if (r == -PM_E_INUSE)
		return pm_fail(err, PM_E_NOSUCH, "%s: image not known", image_id);
	return r == 0 ? no_such(id, err) : r < 0 ? r : 0;
}

int pm_ctr_rename(struct pm_store *s, const char *id, const char *name, struct pm_err *err)
{
	struct change c;
	int r = change_begin(&c, s, false, err);
	if (r < 0)
		return r;
	r = name_taken(s, name, err);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "UPDATE containers SET name=? WHERE id=?", "ss", name, id);
	if (r == 0)
		r = no_such(id, err);
	return change_end(&c, r, err);
}

static int delete(struct pm_store *s, const char *id, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv users = PM_STRV_INIT;
	int r = pm_ctr_dependents(s, id, &users, err);
	if (r < 0)
		return r;
	if (users.n > 0)
		return pm_fail(err, PM_E_INUSE,
			       "container %s has dependent containers which must be removed before it: "
			       "%s: container already exists",
			       id, users.v[0]);
	r = pm_db_exec(s->db, err, "DELETE FROM container_deps WHERE container=?", "s", id);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "DELETE FROM container_volumes WHERE container=?", "s", id);
	if (r >= 0)
		r = pm_db_exec(s->db, err, "DELETE FROM containers WHERE id=?", "s", id);
	return r == 0 ? no_such(id, err) : r;
}

int pm_ctr_delete(struct pm_store *s, const char *id, struct pm_err *err)
{
	struct change c;
	int r = change_begin(&c, s, false, err);
	if (r < 0)
		return r;
	return change_end(&c, delete(s, id, err), err);
}
