#include "base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/db_queue.h"
#include "base/mem.h"

#define BUSY_MS 10000

/* The first to open reads the whole WAL, 2 us a page, also what was written back long ago: it is kept
 * short, at two syncs every so many pages, and emptied then. Sooner where nobody waits for it. */
#define CHECKPOINT_PAGES 128
#define TIDY_PAGES 64

struct pm_stmt {
	struct pm_db *db;
	const char *sql; /* the caller's literal: the key of the cache */
	sqlite3_stmt *stmt;
	bool used;
	struct pm_stmt *next;
};

struct pm_db {
	sqlite3 *handle;
	char *path;
	bool in_transaction;
	struct pm_db_queue queue; /* where writers wait for each other */
	bool full; /* synchronous=FULL is set now */
	bool wal;
	int wal_pages; /* after the last commit of ours; 0: none yet */
	struct pm_stmt *stmts;
};

/* The last failure of db as an error of ours. */
static int fail_db(struct pm_db *db, int rc, struct pm_err *err, const char *what)
{
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);
	int sys = db->handle ? sqlite3_system_errno(db->handle) : 0;
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
			return pm_fail(err, PM_E_EXISTS, "%s: %s", what, text);
		if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
			return pm_fail(err, PM_E_INUSE, "%s: %s", what, text);
		return pm_fail(err, PM_E_INTERNAL, "database %s: %s: %s", db->path, what, text);
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return pm_fail(err, PM_E_FORMAT, "database %s is damaged: %s", db->path, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return pm_fail(err, EBUSY, "database %s is locked by another process", db->path);
	case SQLITE_FULL:
		return pm_fail_errno(err, ENOSPC, "database %s", db->path);
	case SQLITE_READONLY:
		return pm_fail_errno(err, EROFS, "database %s cannot be written", db->path);
	case SQLITE_PERM:
		return pm_fail_errno(err, EACCES, "database %s", db->path);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return pm_fail_errno(err, sys ? sys : EIO, "database %s", db->path);
	case SQLITE_NOMEM:
		return pm_fail_errno(err, ENOMEM, "database %s", db->path);
	default:
		return pm_fail(err, PM_E_INTERNAL, "database %s: %s: %s", db->path, what, text);
	}
}

static int exec_simple(struct pm_db *db, const char *sql, struct pm_err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail_db(db, sqlite3_extended_errcode(db->handle), err, sql);
	return 0;
}

static int64_t user_version(struct pm_db *db, struct pm_err *err)
{
	sqlite3_stmt *s = NULL;
	int64_t v = -1;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		v = sqlite3_column_int64(s, 0);
	else
		rc = sqlite3_extended_errcode(db->handle);
	int code = rc == SQLITE_ROW ? 0 : fail_db(db, rc, err, "read the schema version");
	sqlite3_finalize(s);
	return code < 0 ? code : v;
}

static int too_new(struct pm_db *db, int64_t version, size_t n, struct pm_err *err)
{
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "database %s was written by a newer pm (schema %lld, this pm knows %zu): "
		       "use that one, or another --root",
		       db->path, (long long)version, n);
}

/*
 * A new database gets its log, kept in the file: every later opening finds it there. SQLite asks no busy handler here, and
 * needs the file for itself: so it is done in the writers' turn, which the transaction that follows keeps, and who
 * just reads the schema's version is let go on.
 */
static int begin_wal(struct pm_db *db, struct pm_err *err)
{
	int r = pm_db_queue_enter(&db->queue, err);
	if (r < 0)
		return r;
	const time_t until = time(NULL) + BUSY_MS / 1000;
	while ((r = exec_simple(db, "PRAGMA journal_mode=WAL", err)) == -EBUSY && time(NULL) < until) {
		pm_err_clear(err);
		sched_yield();
	}
	if (r < 0)
		pm_db_queue_leave(&db->queue);
	db->wal = r == 0;
	return r;
}

/* Apply what is missing. Another process may do the same: whoever gets the write lock first. */
static int migrate(struct pm_db *db, const char *const *migrations, size_t n, struct pm_err *err)
{
	int64_t version = user_version(db, err);
	if (version < 0)
		return (int)version;
	if ((uint64_t)version > n)
		return too_new(db, version, n, err);

	while ((uint64_t)version < n) {
		if (version == 0 && !db->wal) {
			int r = begin_wal(db, err);
			if (r < 0)
				return r;
		}
		int r = pm_db_begin(db, true, err);
		if (r < 0)
			return r;
		version = user_version(db, err);
		r = version < 0 ? (int)version : 0;
		if (r == 0 && (uint64_t)version > n)
			r = too_new(db, version, n, err);
		if (r == 0 && (uint64_t)version < n) {
			r = exec_simple(db, migrations[version], err);
			char pragma[64];
			snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%lld",
				 (long long)version + 1);
			if (r == 0)
				r = exec_simple(db, pragma, err);
			version++;
		}
		if (r == 0)
			r = pm_db_commit(db, err);
		if (r < 0) {
			pm_db_rollback(db);
			return r;
		}
	}
	return 0;
}

/* Readers are not waited for: then it is done after a later commit. */
static void checkpoint(struct pm_db *db)
{
	sqlite3_busy_timeout(db->handle, 0);
	sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	db->wal_pages = 0;
}

static int after_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct pm_db *db = arg;
	(void)handle;
	(void)name;
	db->wal_pages = pages;
	if (pages >= CHECKPOINT_PAGES)
		checkpoint(db);
	return SQLITE_OK;
}

void pm_db_set_patience(struct pm_db *db, unsigned int seconds)
{
	db->queue.patience = seconds;
}

void pm_db_tidy(struct pm_db *db)
{
	if (db->wal_pages < TIDY_PAGES || db->in_transaction)
		return;
	/* when others write there is no time to spare */
	if (pm_db_queue_try(&db->queue))
		checkpoint(db);
	pm_db_queue_leave(&db->queue);
}

/* What would cost a lock on every opening is set without touching the file. */
static int configure(struct pm_db *db, struct pm_err *err)
{
	int one = 1;
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_wal_hook(db->handle, after_commit, db);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	/* a damaged schema must not run code, and names in it are only names */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	int rc = sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_PERSIST_WAL, &one);
	if (rc != SQLITE_OK)
		return fail_db(db, rc, err, "configure");
	return 0;
}

#define SHM_MARK 3 /* what SQLite cuts a WAL index to that nobody has open */
#define SHM_MAX (64 << 10)

/*
 * The first to open a database cuts the WAL's index to a few bytes and makes it long again, zeros. Zeros in place come to the
 * same, and the file keeps its blocks: giving them back is a request to the disk on file systems that are mounted with
 * `discard`, a millisecond when others are busy, at each command.
 */
static int shm_truncate(int fd, off_t size)
{
	static const char zeros[4096];
	struct stat st;
	if (size != SHM_MARK || fstat(fd, &st) < 0 || st.st_size > SHM_MAX)
		return ftruncate(fd, size);
	for (off_t at = size; at < st.st_size;) {
		size_t n = sizeof(zeros) - (size_t)at % sizeof(zeros);
		if (at + (off_t)n > st.st_size)
			n = (size_t)(st.st_size - at);
		if (pwrite(fd, zeros, n, at) != (ssize_t)n)
			return ftruncate(fd, size);
		at += (off_t)n;
	}
	return 0;
}

/* Only one thread of pm knows of SQLite, and nobody asks how much memory it uses: without the locks and sums for that it
 * takes a sixth less time. Refused, harmlessly, after the first opening. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	if (vfs && vfs->iVersion >= 3 && vfs->xSetSystemCall)
		vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)shm_truncate);
}

int pm_db_open(const char *path, const char *const *migrations, size_t n, struct pm_db **ret,
	       struct pm_err *err)
{
	struct pm_db *db = PM_NEW(struct pm_db);
	configure_library();
	db->path = pm_strdup(path);
	pm_db_queue_init(&db->queue, db->path);
	db->full = true; /* SQLite's default; NORMAL is set with the first transaction */
	int r = 0;
	int rc = sqlite3_open_v2(path, &db->handle,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_PRIVATECACHE,
				 NULL);
	if (rc != SQLITE_OK)
		r = fail_db(db, db->handle ? sqlite3_extended_errcode(db->handle) : rc, err, "open");
	if (r == 0)
		r = configure(db, err);
	if (r == 0)
		r = migrate(db, migrations, n, err);
	if (r < 0) {
		pm_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

/* A file name in a URI: all but plain characters as %XX. */
static void add_uri(struct pm_buf *b, const char *path)
{
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("/._-", c))
			pm_buf_add_char(b, *path);
		else
			pm_buf_printf(b, "%%%02X", c);
	}
}

/* how: parameters of the URI. */
static int open_uri(struct pm_db *db, const char *how, size_t n, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf uri = PM_BUF_INIT;
	pm_buf_add_str(&uri, "file:");
	add_uri(&uri, db->path);
	pm_buf_printf(&uri, "?%s", how);
	int rc = sqlite3_open_v2(uri.data, &db->handle,
				 SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_PRIVATECACHE,
				 NULL);
	if (rc != SQLITE_OK)
		return fail_db(db, db->handle ? sqlite3_extended_errcode(db->handle) : rc, err, "open");
	int r = configure(db, err);
	int64_t version = r < 0 ? r : user_version(db, err);
	if (version < 0)
		return (int)version;
	if ((uint64_t)version > n)
		return too_new(db, version, n, err);
	return version ? 0 : pm_fail(err, ENOENT, "database %s is empty", db->path);
}

int pm_db_open_readonly(const char *path, size_t n, struct pm_db **ret, struct pm_err *err)
{
	struct pm_db *db = PM_NEW(struct pm_db);
	configure_library();
	_cleanup_free_ char *wal = pm_asprintf("%s-wal", path);
	struct stat st;
	db->path = pm_strdup(path);
	db->queue.fd = -1; /* nothing is written */
	int r = open_uri(db, "mode=ro", n, err);
	/* where SQLite cannot make its lock files the file is read as one that nobody changes: right when all is
	 * written back */
	if (r < 0 && r != -PM_E_UNSUPPORTED && (stat(wal, &st) < 0 || st.st_size == 0)) {
		sqlite3_close(db->handle);
		db->handle = NULL;
		r = open_uri(db, "mode=ro&immutable=1", n, err);
	}
	if (r < 0) {
		pm_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void pm_db_close(struct pm_db *db)
{
	if (!db)
		return;
	while (db->stmts) {
		struct pm_stmt *s = db->stmts;
		db->stmts = s->next;
		sqlite3_finalize(s->stmt);
		free(s);
	}
	sqlite3_close(db->handle);
	pm_db_queue_free(&db->queue);
	free(db->path);
	free(db);
}

int pm_db_begin(struct pm_db *db, bool durable, struct pm_err *err)
{
	if (!db)
		return pm_fail(err, PM_E_INTERNAL, "the database is not open");
	if (db->in_transaction)
		return pm_fail(err, PM_E_INTERNAL, "database %s: a transaction in a transaction",
			       db->path);
	if (db->full != durable) {
		int r = exec_simple(db, durable ? "PRAGMA synchronous=FULL" :
						  "PRAGMA synchronous=NORMAL", err);
		if (r < 0)
			return r;
		db->full = durable;
	}
	int r = pm_db_queue_enter(&db->queue, err);
	if (r >= 0)
		r = exec_simple(db, "BEGIN IMMEDIATE", err);
	if (r < 0) {
		pm_db_queue_leave(&db->queue);
		return r;
	}
	db->in_transaction = true;
	return 0;
}

bool pm_db_in_transaction(const struct pm_db *db)
{
	return db->in_transaction;
}

int pm_db_commit(struct pm_db *db, struct pm_err *err)
{
	if (!db->in_transaction)
		return pm_fail(err, PM_E_INTERNAL, "database %s: no transaction", db->path);
	int r = exec_simple(db, "COMMIT", err);
	if (r == 0) {
		db->in_transaction = false;
		pm_db_queue_leave(&db->queue);
	} else {
		pm_db_rollback(db);
	}
	return r;
}

void pm_db_rollback(struct pm_db *db)
{
	if (!db->in_transaction)
		return;
	db->in_transaction = false;
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	pm_db_queue_leave(&db->queue);
}

static int get_stmt(struct pm_db *db, const char *sql, struct pm_stmt **ret, struct pm_err *err)
{
	for (struct pm_stmt *s = db->stmts; s; s = s->next) {
		if (s->sql == sql && !s->used) {
			*ret = s;
			return 0;
		}
	}
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK)
		return fail_db(db, sqlite3_extended_errcode(db->handle), err, sql);
	struct pm_stmt *s = PM_NEW(struct pm_stmt);
	s->db = db;
	s->sql = sql;
	s->stmt = stmt;
	s->next = db->stmts;
	db->stmts = s;
	*ret = s;
	return 0;
}

/* Values are copied: the caller's need not outlive the call. */
static int bind(struct pm_stmt *s, const char *types, va_list ap, struct pm_err *err)
{
	int rc = SQLITE_OK;
	int i = 1;
	for (; types && *types && rc == SQLITE_OK; types++, i++) {
		if (*types == 's') {
			rc = sqlite3_bind_text(s->stmt, i, va_arg(ap, const char *), -1,
					       SQLITE_TRANSIENT);
		} else if (*types == 'i') {
			rc = sqlite3_bind_int64(s->stmt, i, va_arg(ap, int64_t));
		} else if (*types == 'b') {
			const void *p = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);
			rc = sqlite3_bind_blob64(s->stmt, i, p, len, SQLITE_TRANSIENT);
		} else {
			return pm_fail(err, PM_E_INTERNAL, "bind: unknown type '%c'", *types);
		}
	}
	if (rc != SQLITE_OK)
		return fail_db(s->db, rc, err, s->sql);
	if (i - 1 != sqlite3_bind_parameter_count(s->stmt))
		return pm_fail(err, PM_E_INTERNAL, "bind: %d values for: %s", i - 1, s->sql);
	return 0;
}

static int query(struct pm_db *db, struct pm_stmt **ret, struct pm_err *err, const char *sql,
		 const char *types, va_list ap)
{
	struct pm_stmt *s = NULL;
	if (!db)
		return pm_fail(err, PM_E_INTERNAL, "the database is not open");
	int r = get_stmt(db, sql, &s, err);
	if (r < 0)
		return r;
	/* a change by itself is not durable */
	if (db->full && !db->in_transaction && !sqlite3_stmt_readonly(s->stmt)) {
		r = exec_simple(db, "PRAGMA synchronous=NORMAL", err);
		if (r < 0)
			return r;
		db->full = false;
	}
	s->used = true;
	r = bind(s, types, ap, err);
	if (r < 0) {
		pm_stmt_done(s);
		return r;
	}
	*ret = s;
	return 0;
}

int pm_db_query(struct pm_db *db, struct pm_stmt **ret, struct pm_err *err, const char *sql,
		const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	int r = query(db, ret, err, sql, types, ap);
	va_end(ap);
	return r;
}

int pm_stmt_step(struct pm_stmt *s, struct pm_err *err)
{
	int rc = sqlite3_step(s->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return fail_db(s->db, sqlite3_extended_errcode(s->db->handle), err, s->sql);
}

int64_t pm_stmt_int(struct pm_stmt *s, int col)
{
	return sqlite3_column_int64(s->stmt, col);
}

const char *pm_stmt_str(struct pm_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(s->stmt, col);
}

const void *pm_stmt_blob(struct pm_stmt *s, int col, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(s->stmt, col);
	*ret_len = (size_t)sqlite3_column_bytes(s->stmt, col);
	return p;
}

bool pm_stmt_is_null(struct pm_stmt *s, int col)
{
	return sqlite3_column_type(s->stmt, col) == SQLITE_NULL;
}

void pm_stmt_done(struct pm_stmt *s)
{
	if (!s)
		return;
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
	s->used = false;
}

int pm_db_exec(struct pm_db *db, struct pm_err *err, const char *sql, const char *types, ...)
{
	struct pm_stmt *s;
	va_list ap;
	va_start(ap, types);
	int r = query(db, &s, err, sql, types, ap);
	va_end(ap);
	if (r < 0)
		return r;
	bool alone = !db->in_transaction && !sqlite3_stmt_readonly(s->stmt);
	if (alone)
		r = pm_db_queue_enter(&db->queue, err);
	do
		r = r < 0 ? r : pm_stmt_step(s, err);
	while (r == 1);
	if (alone)
		pm_db_queue_leave(&db->queue);
	int changes = sqlite3_stmt_readonly(s->stmt) ? 0 : sqlite3_changes(db->handle);
	pm_stmt_done(s);
	return r < 0 ? r : changes;
}

int64_t pm_db_last_rowid(struct pm_db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}
