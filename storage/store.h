/*
 * store - where everything of one user lives: the graph root (images, containers' files, the
 * database) and the run root (locks, sockets, state until reboot), opened once by a command.
 *
 *	graph root: pm.db, layers/<chain id>/diff, containers/<id>/, volumes/<name>/_data,
 *		staging/<random>/, trash/<random>/; run root: operations, ctr/<id>/. All 0700.
 *
 * Directories are made when they are first needed. The database is SQLite in WAL mode, its schema and
 * migrations are in storage/schema.c; PRAGMA user_version is the version. Only pm opens it; helpers
 * (pm-monitor, pm-transfer) get descriptors and paths. Opening an existing store costs two open(2) and
 * what SQLite does. No lock is held by an open store.
 *
 * Spelling, here and in the database: ids (image, container, layer chain id) are bare lower-case
 * hexadecimal, 64 digits; digests (manifest, blob, diff id) carry their algorithm ("sha256:...").
 * Times are nanoseconds since the epoch, 0 for never.
 */
#ifndef PM_STORAGE_STORE_H
#define PM_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/db.h"
#include "base/err.h"
#include "base/lock.h"

/* How large something of the store may become (storage/quota.h). */
struct pm_quota {
	int64_t size;   /* bytes; <= 0: no limit */
	int64_t inodes; /* <= 0: no limit */
};

struct pm_store_options {
	const char *root;    /* --root; NULL or "": the default */
	const char *runroot; /* --runroot; NULL or "": the default */
	const struct pm_strv *extra; /* additional image stores: graph roots of other pms, which are only read;
					NULL: none */
	struct pm_quota ctr_quota; /* of containers that say nothing themselves */
	const char *driver;  /* --storage-driver: "overlay", "fuse-overlayfs" or "vfs"; NULL or "": the
				best that works, see storage/overlay.h */
};

enum pm_store_driver {
	PM_STORE_AUTO,
	PM_STORE_OVERLAY,
	PM_STORE_FUSE,
	PM_STORE_VFS,
};

/* An open record to read; made and changed by the functions below only. */
struct pm_store {
	char *root;    /* absolute, without a trailing slash */
	char *runroot; /* the same */
	enum pm_store_driver driver;
	int root_fd;    /* directories open for reading: openat, fsync and flock work; -1 before the
			   first pm_store_need_* */
	int runroot_fd;
	struct pm_quota ctr_quota; /* of containers that say nothing themselves */
	struct pm_db *db; /* NULL until pm_store_need_db */
	struct pm_store **others; /* additional image stores, owned: pm_store_other() opens them */
	size_t n_others;
	bool readonly;            /* this is one of these */
};

/* Find out the paths and open nothing: for completion, version, info. Defaults: root
 * $XDG_DATA_HOME/pm, else $HOME/.local/share/pm; runroot $XDG_RUNTIME_DIR/pm, else /run/user/UID/pm
 * where /run/user/UID is ours, else /tmp/pm-run-UID; for uid 0 /var/lib/pm and /run/pm, unless
 * _PM_USERNS is set (a user inside its own namespace). PM_E_USAGE for an unknown driver, a relative or
 * too long path, or no $HOME. */
int pm_store_paths(const struct pm_store_options *opts, struct pm_store **ret, struct pm_err *err);

/* pm_store_paths, then both directories (made 0700 when missing; a default one in /tmp must be a
 * directory of ours with mode 0700) and the database. One clear error each for: unreadable,
 * a newer pm's, damaged, no space. */
int pm_store_open(const struct pm_store_options *opts, struct pm_store **ret, struct pm_err *err);

/* The parts of pm_store_open, each once at most. dirs: both directories; programs started later find the run root's path in
 * the environment. */
#define PM_STORE_RUNROOT_VAR "_PM_RUNROOT" /* as registry/gpg.h names it */
int pm_store_need_dirs(struct pm_store *s, struct pm_err *err);
int pm_store_need_db(struct pm_store *s, struct pm_err *err);

/* Close the database and do not use it until pm_store_need_db: to be called in a child after fork is
 * wrong, before fork is right. */
void pm_store_close_db(struct pm_store *s);

void pm_store_free(struct pm_store *s); /* NULL is fine */
static inline void pm_cleanup_store(struct pm_store **s)
{
	pm_store_free(*s);
}
#define _cleanup_store_ __attribute__((cleanup(pm_cleanup_store)))

const char *pm_store_driver_name(enum pm_store_driver driver); /* "" for PM_STORE_AUTO */

/* Open the directory name (one or more components) below root or runroot, made (0700, with those
 * above it) when missing; the caller closes it. */
int pm_store_dir(struct pm_store *s, const char *name, struct pm_err *err);
int pm_store_run_dir(struct pm_store *s, const char *name, struct pm_err *err);

/* The i'th additional image store, its database open to read; NULL when it cannot be (told once, at debug level): a
 * store that is away takes nothing from this one. Borrowed. */
struct pm_store *pm_store_other(struct pm_store *s, size_t i);

/* Absolute paths; the caller frees. pm_store_layer_path looks in additional stores as well. */
char *pm_store_path(const struct pm_store *s, const char *name);       /* root/name */
char *pm_store_run_path(const struct pm_store *s, const char *name);   /* runroot/name */
char *pm_store_layer_path(const struct pm_store *s, const char *chain_id); /* .../diff */
char *pm_store_ctr_path(const struct pm_store *s, const char *id);

/* Operation locks, each a place in the file runroot/operations that its kind and name come to ("container", "layer", "volume"), so
 * that none leaves a file: waits, or -EAGAIN with wait false. Returns the descriptor that holds it. More than one of a kind:
 * take them in the order of their names. */
int pm_store_lock(struct pm_store *s, const char *kind, const char *name, enum pm_lock_kind how,
		  bool wait, struct pm_err *err);

/* Delete the store's directories and database for `system reset` (files of subordinate ids need the
 * caller to be inside the user namespace). The store must be unused by others. */
int pm_store_destroy(struct pm_store *s, struct pm_err *err);

/* storage/schema.c: the migrations for pm_db_open. */
extern const char *const pm_schema[];
extern const size_t pm_schema_len;

#endif
