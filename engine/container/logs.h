/*
 * logs - reading containers' logs: tail, since/until, following, several containers in time's
 * order.
 *
 * Following uses inotify on the log's directory and the monitor's liveness lock: it ends when the
 * container has ended and all is read, and goes on over a rotation (also over several between two
 * looks). Rotated files are read first, oldest first. Run by pm; nothing is locked: a log is only
 * appended to. Formats: logfile.h. Entries that cannot be parsed are left out.
 */
#ifndef PM_ENGINE_CONTAINER_LOGS_H
#define PM_ENGINE_CONTAINER_LOGS_H

#include "engine/container/logfile.h"

/* One container. Strings are the caller's. */
struct pm_logs_source {
	const char *id, *name;
	enum pm_log_driver driver; /* NONE is PM_E_STATE: there are no logs to be read */
	const char *path; /* a missing file is an empty log */
	const char *ctr_dir; /* runroot/ctr/ID, whose "live" lock tells that it runs */
};

struct pm_logs_opts {
	bool follow;
	int64_t tail; /* lines (a partial one's parts are one); < 0: all */
	bool has_since, has_until;
	int64_t since, until; /* ns since the epoch; since inclusive, until exclusive (and it ends
				 following) */
	/* An entry, in time's order over all sources but for following, where each comes as it is
	 * found. index is the source's. A return < 0 ends the reading with that code (err set by
	 * the callee). */
	int (*entry)(void *arg, size_t index, const struct pm_log_entry *e, struct pm_err *err);
	void *arg;
};

int pm_logs_read(const struct pm_logs_source *sources, size_t n, const struct pm_logs_opts *opts,
		 struct pm_err *err);

#endif
