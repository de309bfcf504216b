/*
 * events - what happened to containers, images, volumes, networks, secrets and pods, told to whoever
 * reads `pm events`.
 *
 * A verb calls one of these when its deed is done. They never fail the verb: what cannot be written is
 * a debug message. Where events go (file, journald, none): --events-backend, else containers.conf's
 * events_logger. Format and cost: eventlog.h. A running container's own events (init, start, restart,
 * died, exec, exec_died, health_status, cleanup) are written by its monitor, from the plan that
 * pm_events_plan prepares. Runs in pm.
 */
#ifndef PM_ENGINE_EVENTS_EVENTS_H
#define PM_ENGINE_EVENTS_EVENTS_H

#include "base/json.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "engine/events/eventlog.h"
#include "engine/monitor/launch.h"

/* Container: attach checkpoint commit create export import kill mount pause prune remove rename
 * restore stop sync unmount unpause. c needs its row only (id, name, image_name, labels). */
/* Nothing is told of working containers (engine/build/worker.h). */
void pm_event_container(struct pm_engine *e, const struct pm_container *c, const char *status);

/* Image: "loadfromarchive", "pull", "push", "remove", "save", "tag", "untag", "mount", "unmount",
 * "build", "import", "prune". id may be NULL (pull); name is what the user would call it, NULL: its id. */
void pm_event_image(struct pm_engine *e, const char *status, const char *id, const char *name);

/* "volume" or "network" by name, "secret" by id: create, remove, prune. */
void pm_event_named(struct pm_engine *e, const char *type, const char *status, const char *name);
/* A container's connect or disconnect. */
void pm_event_network(struct pm_engine *e, const char *status, const char *network,
		      const struct pm_container *c);
/* create kill pause prune remove start stop unpause; labels: JSON object text or NULL. */
void pm_event_pod(struct pm_engine *e, const char *status, const char *id, const char *name,
		  const char *labels);

/* What the monitor needs to write the container's events; plan gets it. */
int pm_events_plan(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		   struct pm_err *err);

/* The back end of this command line and where its file is; *ret_path (the caller's) is NULL but for
 * PM_EVENTS_FILE. PM_E_USAGE for an unknown word. */
int pm_events_backend(struct pm_engine *e, enum pm_events_backend *ret, char **ret_path,
		      int64_t *ret_max_size, struct pm_err *err);
/* The word that chooses it: "file", "journald", "none". */
const char *pm_events_backend_name(enum pm_events_backend backend);

#endif
