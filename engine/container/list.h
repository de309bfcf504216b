/*
 * list - what `ps` shows, as trees: one object a container, with Podman's field names. Two shapes, as
 * Podman's: the one that --format json prints, and the one that templates and the table are
 * rendered over (ID, Image, Command as one string, RunningFor, Status, ...).
 */
#ifndef PM_ENGINE_CONTAINER_LIST_H
#define PM_ENGINE_CONTAINER_LIST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/container/container.h"

struct pm_list_options {
	bool all;        /* also those that do not run */
	bool external;   /* also working containers (engine/build/worker.h) */
	int64_t last;    /* only the newest n of all; < 0: no limit */
	bool no_trunc;   /* whole ids and commands */
	bool namespaces; /* fill the namespaces of running ones */
	bool size;       /* walk the upper directories for sizes */
	bool json;       /* the shape of --format json */
	bool config;     /* fill Mounts and Networks: reads each container's config */
	const char *sort; /* "created" (NULL), "command", "id", "image", "names", "runningfor", "status", "size" */
	unsigned int keep_needs; /* what keep's rows must be read with: 0 or PM_CTR_CONFIG */
	/* keep a container? 1, 0 or an error; NULL: all */
	int (*keep)(void *arg, const struct pm_ctr_row *row, const struct pm_ctr_state *st,
		    struct pm_err *err);
	void *arg;
};

/* An array of objects; pool owns it. One query, and for each container at most three small files. */
int pm_container_list(struct pm_engine *e, const struct pm_list_options *o,
		      struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

/* "Up 3 seconds ago", "Exited (0) 2 hours ago", "Created". The caller frees. */
char *pm_container_status_text(const struct pm_ctr_state *st, int64_t now_ns);

#endif
