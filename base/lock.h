/*
 * lock - advisory locks on files, by open file description (F_OFD_SETLK): held by whoever holds the
 * descriptor, kept over fork, released by the kernel at the last close - after any kind of death.
 *
 * A lock file is never removed while it may be locked by name; files below runroot go with the
 * boot. Libc-only.
 */
#ifndef PM_BASE_LOCK_H
#define PM_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum pm_lock_kind {
	PM_LOCK_SHARED,
	PM_LOCK_EXCLUSIVE,
};

/* Open (creating, 0600) dirfd/path and lock it; waits until granted. Returns the descriptor that
 * holds the lock; closing it releases. Works also on a directory opened by the caller's path. */
int pm_lock_take(int dirfd, const char *path, enum pm_lock_kind kind, struct pm_err *err);

/* The same for at most so many seconds: -ETIMEDOUT. The kernel knows no wait for a lock that ends by itself, and one that is
 * tried again and again comes after all who wait: so a process is forked that waits, in the order of the others, and
 * its parent for it. The lock is the open file description's, which they share. No signal is used: any thread may call it. */
int pm_lock_take_within(int dirfd, const char *path, enum pm_lock_kind kind, unsigned int seconds,
			struct pm_err *err);

/* The same without waiting: -EAGAIN when another holds it. */
int pm_lock_try(int dirfd, const char *path, enum pm_lock_kind kind, struct pm_err *err);

/* The same with one of many locks that a file is: place (below 2^62) tells which. A file as a whole and places of it are not
 * to be mixed. */
int pm_lock_take_place(int dirfd, const char *path, uint64_t place, enum pm_lock_kind kind,
		       struct pm_err *err);
int pm_lock_try_place(int dirfd, const char *path, uint64_t place, enum pm_lock_kind kind,
		      struct pm_err *err);

/* Is an exclusive lock held on dirfd/path by anyone else? 1 yes, 0 no (also when the file is
 * missing). Takes nothing. */
int pm_lock_is_held(int dirfd, const char *path, struct pm_err *err);

#endif
