/*
 * eventlog - writing one event: a line of JSON to a file that all of pm's programs append to, or an entry
 * of systemd's journal.
 *
 * The file (runroot/events/events.log unless containers.conf says otherwise) has one object a line, with the
 * members that Podman's "file" backend writes. A line is one O_APPEND write: nobody locks to write. A file
 * that has reached max_size is renamed to PATH.1, by whoever finds it so; that one takes the lock
 * PATH.lock without waiting, and others go on writing meanwhile. Nothing is synced: events of the last
 * moments before a power loss may be missing.
 *
 * The parts of an event that its object decides (head, tail) are put together beforehand by pm
 * (engine/events/events.h), so that a monitor writes without allocating and without knowing JSON.
 * Libc-only.
 */
#ifndef PM_ENGINE_EVENTS_EVENTLOG_H
#define PM_ENGINE_EVENTS_EVENTLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum pm_events_backend {
	PM_EVENTS_NONE,
	PM_EVENTS_FILE,
	PM_EVENTS_JOURNALD,
};

struct pm_eventlog {
	enum pm_events_backend backend;
	const char *path; /* FILE: absolute */
	int64_t max_size; /* FILE: bytes; <= 0: no limit */
	const char *head, *tail; /* of the object's events, for this backend */
};

struct pm_event_what {
	const char *status; /* "died" */
	int64_t time;       /* ns since the epoch; 0: now */
	bool has_exit;
	int exit_code;
	const char *health; /* "healthy", or NULL */
	const char *health_log; /* with health: the check's entry of the log, JSON on one line of less than
				 * PM_EVENT_HEALTH_LOG bytes; or NULL */
};

/* An event stays one write that others' do not come between. */
#define PM_EVENT_HEALTH_LOG 4096

/* Fails only where there is nothing to be done: callers go on. */
int pm_eventlog_write(const struct pm_eventlog *l, const struct pm_event_what *what,
		      struct pm_err *err);

#endif
