#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"

static const char *const schema[] = {
	"CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB);"
	"CREATE TABLE u(t INTEGER NOT NULL REFERENCES t(id));",
	"ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'm'",
};

static char *path_of(const char *name)
{
	return pm_asprintf("%s/%s", test_dir(), name);
}

static struct pm_db *open_db(size_t n)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = path_of("x.db");
	struct pm_db *db = NULL;
	CHECK_OK(pm_db_open(path, schema, n, &db, &err), err);
	return db;
}

TEST(statements)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO t(name, data) VALUES(?, ?)", "sb", "a", "x\0y",
			     (size_t)3), 1);
	CHECK_INT(pm_db_last_rowid(db), 1);
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO t(id, name, data) VALUES(?, ?, ?)", "iss",
			     (int64_t)1 << 40, "b", NULL), 1);
	static const char q[] = "SELECT id, name, data FROM t ORDER BY id";
	for (int again = 0; again < 2; again++) {
		struct pm_stmt *s = NULL;
		size_t len;
		CHECK_OK(pm_db_query(db, &s, &err, q, ""), err);
		CHECK_INT(pm_stmt_step(s, &err), 1);
		CHECK_STR(pm_stmt_str(s, 1), "a");
		CHECK(memcmp(pm_stmt_blob(s, 2, &len), "x\0y", 3) == 0 && len == 3);
		CHECK_INT(pm_stmt_step(s, &err), 1);
		CHECK_INT(pm_stmt_int(s, 0), (int64_t)1 << 40);
		CHECK(pm_stmt_is_null(s, 2) && !pm_stmt_str(s, 2));
		/* the same text while it is in use: another statement */
		struct pm_stmt *s2 = NULL;
		CHECK_OK(pm_db_query(db, &s2, &err, q, ""), err);
		CHECK(s2 != s);
		CHECK_INT(pm_stmt_step(s2, &err), 1);
		CHECK_INT(pm_stmt_int(s2, 0), 1);
		pm_stmt_done(s2);
		CHECK_INT(pm_stmt_step(s, &err), 0);
		pm_stmt_done(s);
	}
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES(?)", "s", "a"), -PM_E_EXISTS);
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO u VALUES(7)", ""), -PM_E_INUSE);
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO u VALUES(1)", ""), 1);
	CHECK_INT(pm_db_exec(db, &err, "DELETE FROM t WHERE id=1", ""), -PM_E_INUSE);
	CHECK_INT(pm_db_exec(db, &err, "UPDATE t SET data=NULL", ""), 2);
	CHECK_INT(pm_db_exec(db, &err, "UPDATE t SET data=?", ""), -PM_E_INTERNAL);
	pm_db_close(db);
}

TEST(transactions)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	for (int i = 0; i < 4; i++) {
		CHECK_OK(pm_db_begin(db, i & 1, &err), err);
		CHECK_INT(pm_db_begin(db, false, NULL), -PM_E_INTERNAL);
		char name[2] = {(char)('a' + i), 0};
		CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES(?)", "s", name), err);
		if (i < 2)
			CHECK_OK(pm_db_commit(db, &err), err);
		else
			pm_db_rollback(db);
		CHECK(!pm_db_in_transaction(db));
	}
	pm_db_rollback(db);
	struct pm_stmt *s = NULL;
	CHECK_OK(pm_db_query(db, &s, &err, "SELECT count(*) FROM t", ""), err);
	CHECK_INT(pm_stmt_step(s, &err), 1);
	CHECK_INT(pm_stmt_int(s, 0), 2);
	pm_stmt_done(s);
	pm_db_close(db);
}

TEST(migration)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES('old')", ""), err);
	pm_db_close(db);
	db = open_db(2);
	struct pm_stmt *s = NULL;
	CHECK_OK(pm_db_query(db, &s, &err, "SELECT more FROM t", ""), err);
	CHECK_INT(pm_stmt_step(s, &err), 1);
	CHECK_STR(pm_stmt_str(s, 0), "m");
	pm_stmt_done(s);
	pm_db_close(db);
	_cleanup_free_ char *path = path_of("x.db");
	CHECK_INT(pm_db_open(path, schema, 1, &db, &err), -PM_E_UNSUPPORTED);
	CHECK(strstr(err.text, path) && strstr(err.text, "newer pm"));
}

/* Many processes open a store that is not there yet. */
TEST(concurrent_creation)
{
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			struct pm_err err = PM_ERR_INIT;
			struct pm_db *db = open_db(2);
			char name[16];
			snprintf(name, sizeof(name), "n%d", i);
			CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES(?)", "s", name), err);
			pm_db_close(db);
			_exit(0);
		}
	}
	int status;
	while (wait(&status) > 0)
		CHECK_INT(status, 0);
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(2);
	struct pm_stmt *s = NULL;
	CHECK_OK(pm_db_query(db, &s, &err, "SELECT count(*) FROM t", ""), err);
	CHECK_INT(pm_stmt_step(s, &err), 1);
	CHECK_INT(pm_stmt_int(s, 0), 8);
	pm_stmt_done(s);
	pm_db_close(db);
}

/* A writer that was stopped in the middle is named, not waited for for ever; one that goes on is. */
TEST(writer_that_does_not_end)
{
	struct pm_err err = PM_ERR_INIT;
	int ready[2], status;
	char c;
	CHECK(pipe(ready) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct pm_db *db = open_db(2);
		CHECK_OK(pm_db_begin(db, false, &err), err);
		CHECK(write(ready[1], "x", 1) == 1);
		raise(SIGSTOP);
		CHECK_OK(pm_db_commit(db, &err), err);
		pm_db_close(db);
		_exit(0);
	}
	CHECK(read(ready[0], &c, 1) == 1);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	struct pm_db *db = open_db(2);
	pm_db_set_patience(db, 1);
	CHECK_INT(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES('a')", ""), -EBUSY);
	_cleanup_free_ char *who = pm_asprintf("process %d has been writing", (int)pid);
	CHECK(strstr(err.text, who));
	pm_err_clear(&err);
	/* readers do not wait */
	struct pm_stmt *s = NULL;
	CHECK_OK(pm_db_query(db, &s, &err, "SELECT count(*) FROM t", ""), err);
	CHECK_INT(pm_stmt_step(s, &err), 1);
	pm_stmt_done(s);
	kill(pid, SIGCONT);
	pm_db_set_patience(db, 30);
	CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES('a')", ""), err);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	pm_db_close(db);
	close(ready[0]);
	close(ready[1]);
}

TEST(bad_files)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = NULL;
	_cleanup_free_ char *junk = path_of("junk.db"), *dir = path_of("none/x.db");
	int fd = open(junk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 4096; i++)
		CHECK(write(fd, "junk", 4) == 4);
	close(fd);
	CHECK_INT(pm_db_open(junk, schema, 2, &db, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, junk) && strstr(err.text, "damaged"));
	CHECK_INT(pm_db_open(dir, schema, 2, &db, &err), -ENOENT);
	CHECK(strstr(err.text, dir) && strstr(err.text, "No such file"));
	if (geteuid() != 0) {
		CHECK(chmod(junk, 0) == 0);
		CHECK_INT(pm_db_open(junk, schema, 2, &db, &err), -EACCES);
		CHECK(strstr(err.text, junk) && strstr(err.text, "Permission denied"));
	}
}

/* A failing migration leaves the old version. */
TEST(migration_is_atomic)
{
	static const char *const bad[] = {
		"CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB);"
		"CREATE TABLE u(t INTEGER NOT NULL REFERENCES t(id));",
		"CREATE TABLE half(x); CREATE TABLE half(x)",
	};
	struct pm_err err = PM_ERR_INIT;
	pm_db_close(open_db(1));
	_cleanup_free_ char *path = path_of("x.db");
	struct pm_db *db = NULL;
	CHECK(pm_db_open(path, bad, 2, &db, &err) < 0);
	db = open_db(2);
	CHECK(pm_db_exec(db, &err, "SELECT * FROM half", "") < 0);
	pm_db_close(db);
}

/* The log of changes stays short, or every opening would read it all. */
TEST(wal_stays_short)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	static const char big[100000];
	_cleanup_free_ char *wal = path_of("x.db-wal");
	struct stat st;
	for (int i = 0; i < 40; i++) {
		CHECK_OK(pm_db_begin(db, false, &err), err);
		CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name, data) VALUES(?1, ?2)", "sb",
				    (char[]){'a', (char)('0' + i), 0}, big, sizeof(big)), err);
		CHECK_OK(pm_db_commit(db, &err), err);
		CHECK(stat(wal, &st) == 0 && st.st_size < (128 + 40) * 4200);
	}
	pm_db_close(db);
	CHECK(stat(wal, &st) == 0); /* and is there for the next */
}

/* Before a wait it is emptied sooner, but not for every few pages. */
TEST(wal_is_emptied_in_spare_time)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	static const char big[70 * 4096];
	_cleanup_free_ char *wal = path_of("x.db-wal");
	struct stat st;
	CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES('few')", ""), err);
	pm_db_tidy(db);
	CHECK(stat(wal, &st) == 0 && st.st_size > 0);
	CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name, data) VALUES('many', ?1)", "b", big, sizeof(big)), err);
	CHECK(stat(wal, &st) == 0 && st.st_size > 0);
	CHECK_OK(pm_db_begin(db, false, &err), err);
	pm_db_tidy(db); /* not within a transaction */
	CHECK(stat(wal, &st) == 0 && st.st_size > 0);
	CHECK_OK(pm_db_commit(db, &err), err);
	pm_db_tidy(db);
	CHECK(stat(wal, &st) == 0 && st.st_size == 0);
	pm_db_close(db);
	db = open_db(1);
	CHECK_INT(pm_db_exec(db, &err, "DELETE FROM t", ""), 2);
	pm_db_close(db);
}

/* What a process that died left in the index of the log is not believed, and the file keeps its size. */
TEST(index_of_the_wal_is_made_anew)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_db *db = open_db(1);
	CHECK_OK(pm_db_exec(db, &err, "INSERT INTO t(name) VALUES('kept')", ""), err);
	pm_db_close(db);
	_cleanup_free_ char *shm = path_of("x.db-shm");
	struct stat before, after;
	CHECK(stat(shm, &before) == 0 && before.st_size > 0);
	char junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	int fd = open(shm, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	for (off_t at = 0; at < before.st_size; at += (off_t)sizeof(junk))
		CHECK(pwrite(fd, junk, sizeof(junk), at) == (ssize_t)sizeof(junk));
	close(fd);
	db = open_db(1);
	CHECK_INT(pm_db_exec(db, &err, "UPDATE t SET name='changed' WHERE name='kept'", ""), 1);
	CHECK(stat(shm, &after) == 0);
	CHECK_INT(after.st_size, before.st_size);
	CHECK_INT((long)after.st_ino, (long)before.st_ino);
	pm_db_close(db);
	db = open_db(1);
	CHECK_INT(pm_db_exec(db, &err, "DELETE FROM t WHERE name='changed'", ""), 1);
	pm_db_close(db);
}
