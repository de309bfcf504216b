/*
 * orphans - directories below the graph root that no row names: what a process left that died between
 * a directory's change and its row's.
 *
 * Layers change only inside a write transaction, so under one a directory without a row is garbage. A
 * container's or volume's maker holds pm_store_lock("container"/"volume", name) from before its directory
 * is made until its row is there. A volume's files are the user's: only an empty one goes. Runs in pm; called by pm_sweep when a stage was abandoned, and by
 * whoever wants it.
 */
#ifndef PM_STORAGE_ORPHANS_H
#define PM_STORAGE_ORPHANS_H

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

/* Move all orphans to trash/. No transaction may be open. Opens the database when it must. */
int pm_orphans_sweep(struct pm_store *s, struct pm_err *err);

/* The same for these layers only (chain ids). */
int pm_orphans_layers(struct pm_store *s, const struct pm_strv *chain_ids, struct pm_err *err);

#endif
