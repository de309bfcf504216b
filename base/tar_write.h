/*
 * tar_write - a deterministic writer of tar archives: the same entries give the same bytes.
 *
 * Format: POSIX ustar; a pax header (POSIX.1-2001, "pax Interchange Format") precedes an entry only
 * for what ustar cannot hold: long names, large numbers, times with a fraction, xattrs
 * (SCHILY.xattr.NAME), holes (GNU sparse 1.0). Libc-only; bytes go to a function of the caller's.
 */
#ifndef PM_BASE_TAR_WRITE_H
#define PM_BASE_TAR_WRITE_H

#include <stddef.h>

#include "base/err.h"
#include "base/tar.h"

struct pm_tar_writer;

/* Takes all of data or fails. */
typedef int pm_tar_sink_fn(void *arg, const void *data, size_t len, struct pm_err *err);

struct pm_tar_writer *pm_tar_writer_new(pm_tar_sink_fn *sink, void *arg);
void pm_tar_writer_free(struct pm_tar_writer *w);

/* Write the headers of an entry. stored and offset are ignored; of a sparse file the content is that of
 * its regions, which may end with an empty one at the file's end. xattrs are written in the order given.
 * The content of the entry before must be complete (PM_E_INTERNAL). */
int pm_tar_writer_entry(struct pm_tar_writer *w, const struct pm_tar_entry *entry,
			struct pm_err *err);
/* Content, in any pieces; together exactly the entry's bytes (PM_E_INTERNAL beyond). */
int pm_tar_writer_data(struct pm_tar_writer *w, const void *data, size_t len, struct pm_err *err);
/* The two end blocks. */
int pm_tar_writer_finish(struct pm_tar_writer *w, struct pm_err *err);

#endif
