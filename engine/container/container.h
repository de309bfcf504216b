/*
 * container - one container as verbs see it: its row, its resolved config and its present state; lookup,
 * listing, and folding an exit that the monitor left in runroot into the row.
 *
 * Changes are made under the container's operation lock (pm_container_lock). Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CONTAINER_H
#define PM_ENGINE_CONTAINER_CONTAINER_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/container/config.h"
#include "engine/container/state.h"
#include "engine/engine.h"
#include "storage/ctr.h"

struct pm_container {
	struct pm_ctr_row row;
	struct pm_ctr_config config; /* init'ed always; filled by pm_container_load */
	struct pm_ctr_state state;
};

#define _cleanup_container_ _cleanup_(pm_container_free)

/* An empty record; must be called before any other use of c. */
void pm_container_init(struct pm_container *c);
void pm_container_free(struct pm_container *c);

/* By name, id or unique prefix: row, config and state. c must be init'ed.
 * PM_E_NOSUCH, PM_E_AMBIGUOUS as pm_ctr_find. */
int pm_container_load(struct pm_engine *e, const char *name_or_id, struct pm_container *c,
		      struct pm_err *err);

/* The newest container (-l). PM_E_NOSUCH when there is none. */
int pm_container_latest(struct pm_engine *e, char ret_id[65], struct pm_err *err);

/* The state of a row: the run files' word, else the row's. A damaged run file is told by a warning
 * and counts as none, so that a list never fails for one container. */
void pm_container_state(struct pm_engine *e, const struct pm_ctr_row *row,
			struct pm_ctr_state *ret);
/* c->state, but not of the moment between the end of the process and what its monitor says of it: that it has
 * exited, or runs again by its restart policy. For who is about to wait for the monitor's end, which never comes in the
 * latter case. Waits for the monitor, not for the container. */
int pm_container_settle(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* The file its log is written to: --log-opt path or its own in the store. The caller frees. */
char *pm_container_log_path(const struct pm_engine *e, const struct pm_container *c);

/* Take the operation lock; returns its descriptor. wait false: -EAGAIN when another verb has it. */
int pm_container_lock(struct pm_engine *e, const char *id, bool wait, struct pm_err *err);

/* Write the exit that the run files tell into the row, once. Container locked, or the caller is the
 * one who was told of the exit. */
int pm_container_fold(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* Write c->config into the row. Container locked; in the caller's transaction, if there is one. */
int pm_container_save_config(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);

/* The short id that lists print. */
#define PM_SHORT_ID 12

#endif
