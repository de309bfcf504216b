/*
 * disk - the sizes of what containers and volumes have written, measured.
 *
 * Their files belong to subordinate ids and may be unreadable from outside, so one process walks them
 * all inside the user namespace. A tree is measured up to PM_DISK_ENTRIES entries. Runs in pm.
 */
#ifndef PM_ENGINE_SYSTEM_DISK_H
#define PM_ENGINE_SYSTEM_DISK_H

#include <stdint.h>

#include "base/buf.h"
#include "engine/engine.h"

enum { PM_DISK_ENTRIES = 2000000 };

/* ret[i]: bytes below the i'th of paths, directories relative to the graph root; 0 for one that is not
 * there. ret has room for paths->n. */
int pm_disk_sizes(struct pm_engine *e, const struct pm_strv *paths, int64_t *ret,
		  struct pm_err *err);

#endif
