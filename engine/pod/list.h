/*
 * list - pods as trees with Podman's field names: what `pod ps` and `pod inspect` show. Runs in pm.
 */
#ifndef PM_ENGINE_POD_LIST_H
#define PM_ENGINE_POD_LIST_H

#include "base/json.h"
#include "engine/pod/pod.h"

/* As --format json of `pod ps` has it. */
struct pm_json *pm_pod_tree(struct pm_json_pool *pool, const struct pm_pod *p);

/* As templates and the table of `pod ps` have it: Id, Name, Status, Created, ContainerNames, ... no_trunc:
 * ids are whole. now: ns since the epoch. */
struct pm_json *pm_pod_row_tree(struct pm_json_pool *pool, const struct pm_pod *p, bool no_trunc,
				int64_t now);

/* `pod inspect`. */
struct pm_json *pm_pod_inspect_tree(struct pm_json_pool *pool, const struct pm_pod *p);

#endif
