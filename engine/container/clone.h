/*
 * clone - a new container with another's configuration: its resolved options, its named volumes
 * and its image (or another); files of its own, anonymous volumes of its own. Nothing is
 * started. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CLONE_H
#define PM_ENGINE_CONTAINER_CLONE_H

#include "base/err.h"
#include "engine/container/container.h"

struct pm_clone_options {
	const char *name;     /* NULL: the old one's with -clone, -clone1 ... */
	const char *image_id; /* hex, with image and raw_image; NULL: the same image */
	const char *image, *raw_image;
	const char *pod;                    /* id; NULL: the same */
	const struct pm_strv *ids; /* old id, new id, ...: containers whose namespaces it joins or that it
				    * requires; NULL: the same ones */
	const struct pm_container *infra; /* the pod's, which it inherits from; NULL: it does not */
	const struct pm_ctr_config *limits; /* over the old one's; NULL: none */
};

/* from's config without what is one container's only. to must be init'ed. */
int pm_clone_config(const struct pm_ctr_config *from, struct pm_ctr_config *to, struct pm_err *err);

/* ret must be init'ed; it is as after pm_container_create. PM_E_EXISTS: the name is taken. */
int pm_container_clone(struct pm_engine *e, const struct pm_container *from,
		       const struct pm_clone_options *o, struct pm_container *ret,
		       struct pm_err *err);

#endif
