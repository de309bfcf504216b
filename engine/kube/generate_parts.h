/*
 * generate_parts - one run of kube generate, as its files share it: engine/kube/generate.c is the pod and what is
 * beside it, generate_container.c a
 * container, generate_volume.c its mounts and their volumes. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_GENERATE_PARTS_H
#define PM_ENGINE_KUBE_GENERATE_PARTS_H

#include "engine/kube/generate.h"

struct pm_kube_gen {
	struct pm_engine *e;
	const struct pm_kube_generate_options *o;
	struct pm_json_pool *pool;
	struct pm_strv *warnings;
	const char *pod;             /* its name */
	struct pm_json *annotations; /* of the pod */
	struct pm_json *volumes;     /* of the pod: an array */
	struct pm_json *documents;   /* others that it needs */
};

/* One container of the pod. The tree belongs to the pool. */
int pm_kube_gen_container(struct pm_kube_gen *g, const struct pm_container *c, struct pm_json **ret,
			  struct pm_err *err);

/* An annotation of Podman's: a warning instead, unless such are wanted. container NULL: the pod's. */
void pm_kube_gen_annotate(struct pm_kube_gen *g, const char *name, const char *container, const char *value);

/* The object at name of o, made when it is not there. */
struct pm_json *pm_kube_gen_at(struct pm_kube_gen *g, struct pm_json *o, const char *name);

/* An item more in the list at name of o, made when it is not there. */
void pm_kube_gen_append(struct pm_kube_gen *g, struct pm_json *o, const char *name, struct pm_json *item);
/* The mounts and devices of c into o, its description. */
int pm_kube_gen_mounts(struct pm_kube_gen *g, const struct pm_container *c, struct pm_json *o,
		       struct pm_err *err);
/* A warning: what of c cannot be said. */
void pm_kube_gen_lost(struct pm_kube_gen *g, const struct pm_container *c, const char *what);
/* s as a name of Kubernetes: lower case letters, digits and '-'; the caller frees. */
char *pm_kube_gen_dns_name(const char *s);

/* The name of a container in its pod; the caller frees. */
char *pm_kube_gen_name(const struct pm_kube_gen *g, const struct pm_container *c);

#endif
