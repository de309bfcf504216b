/*
 * bundle_parts - what bundle.c puts together, a file each: namespaces that are joined (bundle_ns.c), the root file
 * system (bundle_root.c), the cgroup (bundle_cgroup.c), the user namespace (bundle_userns.c), and the launch plan
 * (bundle_plan.c). For these files only.
 */
#ifndef PM_ENGINE_CONTAINER_BUNDLE_PARTS_H
#define PM_ENGINE_CONTAINER_BUNDLE_PARTS_H

#include "engine/container/bundle.h"

/* --- bundle_ns.c */

/* mode "container:ID": *ret becomes the path of that container's namespace; else it is left alone. PM_E_STATE:
 * it does not run. */
int pm_bundle_join(struct pm_engine *e, struct pm_bundle_env *b, const char *mode, const char *kind,
		   char **ret, struct pm_err *err);
/* b->env's namespaces, /dev/shm, and the files of a network that is joined. Needs b->run_dir. */
int pm_bundle_namespaces(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
			 struct pm_err *err);

/* --- bundle_root.c */

/* b->view: the directories that make up the root file system, opened. */
int pm_bundle_view(struct pm_engine *e, const struct pm_container *c, struct pm_bundle_env *b,
		   struct pm_err *err);
int pm_bundle_plan_rootfs(struct pm_engine *e, const struct pm_container *c,
			  struct pm_launch_plan *plan, struct pm_err *err);
/* For a container with a user namespace of its own; after pm_bundle_plan_rootfs. */
void pm_bundle_cover_rootfs(struct pm_engine *e, const struct pm_container *c,
			    struct pm_launch_plan *plan);

/* --- bundle_cgroup.c */

/* b->env's cgroup, b->cgroup_path. Needs b->cgroup and b->runtime. */
int pm_bundle_cgroup(const struct pm_container *c, struct pm_bundle_env *b, struct pm_err *err);
/* The limits of the pod that c is in. PM_E_UNSUPPORTED: one that the host cannot do. */
int pm_bundle_plan_pod_group(struct pm_engine *e, const struct pm_container *c,
			     const struct pm_bundle_env *b, struct pm_launch_plan *plan,
			     struct pm_err *err);

/* --- bundle_userns.c */

/* The caller frees. */
struct pm_spec_idmap *pm_bundle_idmap(const struct pm_idrange *v, size_t n);
/* b->env's ids, when the container has a user namespace of its own. */
int pm_bundle_own_userns(const struct pm_ctr_config *k, struct pm_bundle_env *b,
			 struct pm_err *err);
/* The container's id as the monitor's namespace numbers it. */
uint32_t pm_bundle_parent_id(const struct pm_bundle_env *b, bool group, uint32_t id);
/* plan's user namespace, and the owners of what is in plan and spec already. */
int pm_bundle_plan_userns(struct pm_start *s, const struct pm_container *c,
			  struct pm_bundle_env *b, const struct pm_spec_plan *spec,
			  struct pm_launch_plan *plan, struct pm_err *err);

/* --- bundle_plan.c */

/* All else of the plan. */
int pm_bundle_plan(struct pm_start *s, const struct pm_container *c,
		   const struct pm_spec_plan *spec, struct pm_bundle_env *b,
		   struct pm_launch_plan *plan, struct pm_err *err);

#endif
