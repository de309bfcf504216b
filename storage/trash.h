/*
 * trash - what is in trash/ is garbage from the moment it is renamed there: its row is gone. An entry is the
 * garbage itself, under a random name; or, called at-RANDOM, it only says where on another file system
 * garbage lies, which no rename brings here: a directory with the symlink `path`. Entries are named by pm
 * alone, so that nothing that was thrown away can pass for one of these.
 *
 * libc only: also pm-monitor empties the trash. Whoever deletes holds the exclusive flock on trash/.
 */
#ifndef PM_STORAGE_TRASH_H
#define PM_STORAGE_TRASH_H

#include "base/err.h"

/* Delete the entry name of the directory trash, and what it stands for; what is on a file system that is not mounted now stays, with its
 * entry. A missing one is success. -EACCES, -EPERM:
 * something belongs to subordinate ids, and all of the entry that is needed to try again is still there. */
int pm_trash_remove(int trash, const char *name, struct pm_err *err);

#define PM_TRASH_FAR "at-"

#endif
