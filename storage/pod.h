/*
 * pod - rows of pods: a name, and the containers that belong together. A container's row names its pod
 * (pm_ctr_row.pod); one of them may be the infra container, which holds the shared namespaces.
 *
 * Pods and containers share one space of names. Functions that change are one transaction of their own
 * unless the caller has begun one on store->db. Who changes a pod holds pm_store_lock("pod", id).
 */
#ifndef PM_STORAGE_POD_H
#define PM_STORAGE_POD_H

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

/* Pointers owned by the row when it came from here; borrowed when given to pm_pod_insert. */
struct pm_pod_row {
	char *id; /* 64 hex digits */
	char *name;
	char *labels; /* JSON object text; NULL: none */
	char *config; /* engine's JSON document */
	int64_t created;
	char *infra; /* id of the infra container; NULL: none (yet) */
};

struct pm_pod_list {
	struct pm_pod_row *v;
	size_t n;
};

void pm_pod_row_free(struct pm_pod_row *row);
#define _cleanup_pod_row_ __attribute__((cleanup(pm_pod_row_free)))
void pm_pod_list_free(struct pm_pod_list *l);
#define _cleanup_pod_list_ __attribute__((cleanup(pm_pod_list_free)))

/* Durable. PM_E_EXISTS when a pod or container has the name. */
int pm_pod_insert(struct pm_store *s, const struct pm_pod_row *row, struct pm_err *err);

/* By whole name, whole id, or a prefix of an id that fits one. PM_E_NOSUCH, PM_E_AMBIGUOUS. *ret zeroed
 * by the caller. */
int pm_pod_find(struct pm_store *s, const char *name_or_id, struct pm_pod_row *ret,
		struct pm_err *err);

/* All, in the order of creation. */
int pm_pod_list(struct pm_store *s, struct pm_pod_list *ret, struct pm_err *err);

/* PM_E_NOSUCH when the pod was removed. ctr NULL: no infra container any more. */
int pm_pod_set_infra(struct pm_store *s, const char *id, const char *ctr, struct pm_err *err);
int pm_pod_set_config(struct pm_store *s, const char *id, const char *config, struct pm_err *err);

/* Ids of the pod's containers in the order of their creation, the infra container among them. */
int pm_pod_members(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err);

/* PM_E_INUSE while it has containers; PM_E_NOSUCH. */
int pm_pod_delete(struct pm_store *s, const char *id, struct pm_err *err);

#endif
