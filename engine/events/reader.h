/*
 * reader - past and coming events, from the file (eventlog.h) or the journal.
 *
 * Following uses inotify on the file's directory; a file that is renamed away is read to its end first.
 * The journal is read by the helper pm-journal, which links libsystemd and prints the same lines. Lines
 * that are no event are left out. Runs in pm; nothing is locked.
 */
#ifndef PM_ENGINE_EVENTS_READER_H
#define PM_ENGINE_EVENTS_READER_H

#include "base/json.h"
#include "engine/engine.h"

struct pm_events_query {
	/* "container=", "event=", "image=", "label=", "network=", "pod=", "secret=", "type=",
	 * "volume=": of one key any, of different keys all must match; borrowed */
	const struct pm_strv *filters;
	bool stream; /* go on with events as they come */
	bool has_since, has_until;
	int64_t since, until; /* ns since the epoch; until ends the stream */
	/* ev: ID Image Name Network Status Time Type HealthStatus Attributes ContainerExitCode where known,
	 * valid during the call. < 0 ends the reading with that code. */
	int (*event)(void *arg, const struct pm_json *ev, struct pm_err *err);
	void *arg;
};

/* PM_E_USAGE: a filter's form or key is wrong. */
int pm_events_check_filters(const struct pm_strv *filters, struct pm_err *err);

/* PM_E_STATE when events are not kept (events_logger none). */
int pm_events_read(struct pm_engine *e, const struct pm_events_query *q, struct pm_err *err);

/* One line of the file as the object described above, made in pool, with its time. PM_E_FORMAT. */
int pm_event_parse(struct pm_json_pool *pool, const char *line, size_t len, struct pm_json **ret,
		   int64_t *ret_time, struct pm_err *err);

/* Does ev pass all filters (checked before)? */
bool pm_event_matches(const struct pm_json *ev, const struct pm_strv *filters);

#endif
