/*
 * progress - what a pull shows on standard error: bars on a terminal, one line per event elsewhere.
 *
 * On a terminal the unfinished layers are a block of lines below what was printed, redrawn in place
 * at most 20 times a second; a layer that is done becomes an ordinary line above it. The block is
 * never higher than the terminal. Lines are cut to its width. Texts from a registry are made harmless.
 */
#ifndef PM_CLI_PROGRESS_H
#define PM_CLI_PROGRESS_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/image/pull.h"

struct pm_progress;

/* fd: where to show (2); quiet: show nothing. */
struct pm_progress *pm_progress_new(int fd, bool quiet);
/* The callback to give to a pull; valid until pm_progress_free. */
const struct pm_pull_progress *pm_progress_events(struct pm_progress *p);
/* Take the unfinished bars away: before an error or a result is printed. Events may follow. */
void pm_progress_clear(struct pm_progress *p);
void pm_progress_free(struct pm_progress *p); /* clears; NULL is fine */
static inline void pm_cleanup_progress(struct pm_progress **p)
{
	pm_progress_free(*p);
}
#define _cleanup_progress_ _cleanup_(pm_cleanup_progress)

/* One bar's line of at most width columns, without newline, appended to out. */
void pm_progress_line(const char *digest, enum pm_pull_layer_state state, uint64_t done,
		      uint64_t total, unsigned int width, struct pm_buf *out);

#endif
