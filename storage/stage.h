/*
 * stage - directories that are being filled, directories that wait for their deletion, and the sweep
 * of what dead processes left of either.
 *
 * staging/<random>/ belongs to the process that holds the OFD lock on its file `lock`; without a
 * holder it is garbage. trash/<random> is garbage from the moment it is renamed there: its row is
 * gone. A stage is made under a shared flock on staging/, and the sweep checks under an exclusive one,
 * so that a new stage is never taken for an abandoned one; one sweeper at a time empties trash/,
 * under an exclusive flock on it. pm_sweep_at is libc-only.
 *
 * A stage is also the mark of work in progress: who changes a directory and its row one after the
 * other has a stage meanwhile, and a sweep that finds it abandoned looks for orphans.
 */
#ifndef PM_STORAGE_STAGE_H
#define PM_STORAGE_STAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "storage/store.h"

struct pm_stage {
	char *name;  /* "staging/<random>", relative to the graph root */
	char *path;  /* the same, absolute */
	int dir_fd;  /* the directory, 0700 */
	int lock_fd; /* holds the lock; may be passed to a helper that works there */
	int root_fd; /* the graph root; borrowed from the store */
};

/* A fresh stage; needs the store's directories, not its database. */
int pm_stage_new(struct pm_store *s, struct pm_stage **ret, struct pm_err *err);
/* Renamed into trash/ and deleted as far as this process may; the rest is left to a sweep inside the
 * user namespace. NULL is fine. */
void pm_stage_free(struct pm_stage *st);
static inline void pm_cleanup_stage(struct pm_stage **st)
{
	pm_stage_free(*st);
}
#define _cleanup_stage_ __attribute__((cleanup(pm_cleanup_stage)))

/* Make staging/<random>/NAME, 0700, and in it `diff`, 0755: where an extractor unpacks a layer. Returns
 * a descriptor of diff. */
int pm_stage_layer(struct pm_stage *st, const char *name, struct pm_err *err);
/* Make its recipe (storage/recipe.h), an empty file beside diff: a descriptor to write to. */
int pm_stage_recipe(struct pm_stage *st, const char *name, struct pm_err *err);

/* Move dirfd/path (a directory on the store's file system) into trash/: atomic, and final once the
 * caller's row is gone. A missing path is success. Deletes nothing. */
int pm_trash_dir(struct pm_store *s, int dirfd, const char *path, struct pm_err *err);

/* The tree at path, absolute and on any file system, is garbage from now on: an entry of the trash, made in the
 * caller's stage, says so (storage/trash.h). */
int pm_trash_add_far(struct pm_stage *st, const char *path, struct pm_err *err);

/* Delete everything in trash/ and abandoned stages. Costs two stat(2) when both are empty, and
 * two more and two counts of rows when the database is open, to find directories that no row names
 * (storage/orphans.h). Waits for nobody. *ret_left is set when something stays because of subordinate ids: the caller then
 * runs pm_sweep_at inside the user namespace. The database is opened only when orphans are looked
 * for; no transaction may be open. ret_left may be NULL. */
int pm_sweep(struct pm_store *s, bool *ret_left, struct pm_err *err);
/* The same on a descriptor of the graph root. */
int pm_sweep_at(int root_fd, bool *ret_left, struct pm_err *err);

#endif
