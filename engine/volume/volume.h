/*
 * volume - making, showing, choosing and removing volumes. Rows and directories: storage/volume.h; what
 * options mean: engine/volume/options.h; what is in a volume: engine/volume/files.h. Runs in pm, outside
 * of the user namespace.
 */
#ifndef PM_ENGINE_VOLUME_VOLUME_H
#define PM_ENGINE_VOLUME_VOLUME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/engine.h"
#include "storage/volume.h"

struct pm_volume_create_options {
	const char *name;   /* NULL or "": a random one */
	const char *driver; /* NULL or "": local */
	const struct pm_strv *labels, *options; /* NULL: none */
	bool anon;
	bool ignore; /* one of that name is as good */
};

/* Podman's rule for names of volumes and secrets. PM_E_USAGE. */
int pm_volume_check_name(const char *name, struct pm_err *err);

/* The directory that new volumes are made in by --volumepath and containers.conf; "": below the graph root. Borrowed; NULL
 * when containers.conf cannot be read (err is needed). */
const char *pm_volume_new_place(struct pm_engine *e, struct pm_err *err);

/* *ret_name (the caller frees) is the volume's name. 1: made, 0: it was there (ignore). PM_E_EXISTS,
 * PM_E_USAGE, PM_E_UNSUPPORTED; PM_E_NOSUCH: the image is not there. */
int pm_volume_create(struct pm_engine *e, const struct pm_volume_create_options *o, char **ret_name,
		     struct pm_err *err);

/* What `volume inspect` and `ls` show of it, with Podman's names. */
int pm_volume_tree(struct pm_engine *e, const struct pm_volume_row *row, struct pm_json_pool *pool,
		   struct pm_json **ret, struct pm_err *err);

/* filters: "key=value" and "key!=value", keys dangling, driver, label, name (a regular expression), opt,
 * scope, until, since, after, anonymous. Values of name, driver and scope are alternatives, all else must hold.
 * check: PM_E_USAGE. match: 1, 0. */
int pm_volume_filter_check(const struct pm_strv *filters, struct pm_err *err);
int pm_volume_filter(struct pm_engine *e, const struct pm_strv *filters,
		     const struct pm_volume_row *row, struct pm_err *err);

/* Remove it. force: the containers that use it first, given timeout seconds to stop (-1: theirs).
 * PM_E_INUSE, PM_E_NOSUCH. */
int pm_volume_delete(struct pm_engine *e, const char *name, bool force, int timeout,
		     struct pm_err *err);

/* How many containers that run now use it. */
int pm_volume_mount_count(struct pm_engine *e, const char *name, struct pm_err *err);

#endif
