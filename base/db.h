/*
 * db - SQLite for pm: one connection, prepared statements, transactions, migrations.
 *
 * Opened in WAL mode. A connection never crosses fork: open after, close before. Nothing is held over I/O or a child, so
 * a wait is as long as others' statements; writers wait in turn (PATH-queue, which holds the pid of the one whose turn it
 * is), for one holder a minute at most (EBUSY, naming it), others' readers for 10 s at most. durable transactions are synced
 * before they return; others may be lost (never torn) when the power goes.
 */
#ifndef PM_BASE_DB_H
#define PM_BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pm_db;
struct pm_stmt;

/* Open or create path. migrations: n SQL scripts; the database's user_version tells how many have
 * been applied, the rest are applied in one transaction each. A version above n is PM_E_UNSUPPORTED
 * ("written by a newer pm"). A damaged file is PM_E_FORMAT naming it. The checkpoint at close is
 * left out (WAL persists) to keep close cheap; it happens on its own every 128 pages. */
int pm_db_open(const char *path, const char *const *migrations, size_t n, struct pm_db **ret,
	       struct pm_err *err);
/* Open path to read only: nothing of it is made, changed or migrated, also on a read-only file system. A version
 * above n is PM_E_UNSUPPORTED, a database without tables -ENOENT. */
int pm_db_open_readonly(const char *path, size_t n, struct pm_db **ret, struct pm_err *err);
void pm_db_close(struct pm_db *db);

/* So many seconds one writer is waited for, instead of a minute. */
void pm_db_set_patience(struct pm_db *db, unsigned int seconds);

/* Write the WAL back if our commits found it half as long as it may become: to be called before a wait for others. */
void pm_db_tidy(struct pm_db *db);

/* Transactions: BEGIN IMMEDIATE. durable: COMMIT syncs. Not nested. */
int pm_db_begin(struct pm_db *db, bool durable, struct pm_err *err);
int pm_db_commit(struct pm_db *db, struct pm_err *err);
void pm_db_rollback(struct pm_db *db); /* no-op outside a transaction */
bool pm_db_in_transaction(const struct pm_db *db);

/* Prepare sql and bind args by a letter each in types: 's' const char * (NULL binds NULL), 'i'
 * int64_t, 'b' (const void *, size_t). Prepared statements are cached by the address of sql, so
 * sql must be a string literal. */
int pm_db_query(struct pm_db *db, struct pm_stmt **ret, struct pm_err *err, const char *sql,
		const char *types, ...);
/* 1: a row, 0: no more. Columns are valid until the next step. */
int pm_stmt_step(struct pm_stmt *s, struct pm_err *err);
int64_t pm_stmt_int(struct pm_stmt *s, int col);
const char *pm_stmt_str(struct pm_stmt *s, int col); /* NULL for SQL NULL */
const void *pm_stmt_blob(struct pm_stmt *s, int col, size_t *ret_len);
bool pm_stmt_is_null(struct pm_stmt *s, int col);
/* Resets; gives it back to the cache. NULL is fine. */
void pm_stmt_done(struct pm_stmt *s);
static inline void pm_cleanup_stmt(struct pm_stmt **s)
{
	pm_stmt_done(*s);
}
#define _cleanup_stmt_ __attribute__((cleanup(pm_cleanup_stmt)))

/* Query and step to the end, for statements without rows. Returns the rows changed (>= 0).
 * A UNIQUE or PRIMARY KEY violation is -PM_E_EXISTS, a FOREIGN KEY one -PM_E_INUSE. */
int pm_db_exec(struct pm_db *db, struct pm_err *err, const char *sql, const char *types, ...);

int64_t pm_db_last_rowid(struct pm_db *db);

#endif
