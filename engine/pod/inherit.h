/*
 * inherit - what a pod's containers have of its infra container besides namespaces. Runs in pm.
 */
#ifndef PM_ENGINE_POD_INHERIT_H
#define PM_ENGINE_POD_INHERIT_H

#include "engine/container/container.h"

/* Volumes, devices and security options of from, each where k has none of its own: a mount at another place, another
 * device, another option. */
void pm_pod_inherit_files(const struct pm_ctr_config *from, struct pm_ctr_config *k);

/* The same of infra, no_hostname, the sizes of /dev/shm and of systemd's mounts, and the user namespace. */
void pm_pod_inherit(const struct pm_container *infra, struct pm_ctr_config *k);

#endif
