/*
 * check - `system check`: the store's structure (storage/check.h), each layer's files against the diff id that it
 * was pulled by, and the removal of what is damaged.
 *
 * A layer is read by pm-transfer in the user namespace, one after the other, under its shared lock. Layers
 * without a recipe that is whole cannot be proved: they are counted. Runs in pm.
 */
#ifndef PM_ENGINE_SYSTEM_CHECK_H
#define PM_ENGINE_SYSTEM_CHECK_H

#include <stdbool.h>

#include "engine/engine.h"
#include "storage/check.h"

struct pm_check_options {
	bool quick;        /* structure only */
	int64_t unused_ns; /* how old a layer without images may be; < 0: any */
};

struct pm_check_counts {
	unsigned int layers, proved, unproved; /* layers looked into */
};

/* Append the damage found, that of images by their layers included. */
int pm_system_check(struct pm_engine *e, const struct pm_check_options *o, struct pm_damages *ret,
		    struct pm_check_counts *counts, struct pm_err *err);

/* Remove what is damaged: images with damaged layers or documents, with their layers; with force the
 * containers that use these, and containers that have lost their files. Orphans go, an emptied volume's
 * directory is made again. done gets a line for each thing done, left one for each thing that stays
 * damaged. */
int pm_system_repair(struct pm_engine *e, const struct pm_damages *d, bool force,
		     struct pm_strv *done, struct pm_strv *left, struct pm_err *err);

#endif
