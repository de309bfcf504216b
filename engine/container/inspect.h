/*
 * inspect - what `inspect` tells about a container or an image, as one JSON tree with Podman 4.3's names,
 * types and order of fields (InspectContainerData, ImageData); templates render the same tree.
 *
 * A container's process, limits and mounts are told from its config.json of the last start; one that was
 * never started gets one made in memory. Changes nothing but the seccomp cache. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_INSPECT_H
#define PM_ENGINE_CONTAINER_INSPECT_H

#include "base/err.h"
#include "base/json.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "storage/image.h"

/* c must be loaded. The tree belongs to pool. size_rw, size_root: bytes for --size, -1: left out. */
int pm_inspect_container(struct pm_engine *e, const struct pm_container *c, int64_t size_rw,
			 int64_t size_root, struct pm_json_pool *pool, struct pm_json **ret,
			 struct pm_err *err);

/* row must have been read with PM_IMAGE_CONFIG. The tree belongs to pool. */
int pm_inspect_image(struct pm_store *s, const struct pm_image_row *row, struct pm_json_pool *pool,
		     struct pm_json **ret, struct pm_err *err);

/* NAME=VALUE entries as an object with sorted names, as Go writes maps; NULL entries: null. */
struct pm_json *pm_inspect_map(struct pm_json_pool *pool, const struct pm_strv *l);
/* Members of an object of strings, sorted. */
struct pm_json *pm_inspect_sorted(struct pm_json_pool *pool, const struct pm_json *object);
/* GraphDriver: Name and Data. lowers top first. */
struct pm_json *pm_inspect_graph_driver(struct pm_json_pool *pool, const char *driver,
					const char *ctr_dir, const char *upper,
					const struct pm_strv *lowers);

#endif
