/*
 * undo - a list of steps that take changes to the world back, run newest first unless committed.
 *
 *	_cleanup_undo_ struct pm_undo undo = PM_UNDO_INIT;
 *	mkdir(...); pm_undo_add(&undo, remove_dir, path);
 *	...
 *	pm_undo_commit(&undo);		// success: nothing is taken back
 */
#ifndef PM_BASE_UNDO_H
#define PM_BASE_UNDO_H

#include <stddef.h>

#include "base/mem.h"

struct pm_undo_step {
	void (*run)(void *arg); /* must not fail; logs what it cannot do */
	void *arg;              /* the caller's; must outlive the list */
};

struct pm_undo {
	struct pm_undo_step *steps;
	size_t n, cap;
};

#define PM_UNDO_INIT {0}
#define _cleanup_undo_ _cleanup_(pm_undo_run)

void pm_undo_add(struct pm_undo *u, void (*run)(void *arg), void *arg);
void pm_undo_commit(struct pm_undo *u); /* forget all steps */
void pm_undo_run(struct pm_undo *u);    /* run all, newest first; empty after */

#endif
