/*
 * checkpoint_config - what container an archived checkpoint is of: from config.dump (Podman's ContainerConfig, with pm's
 * own document under "pm" when pm wrote it) and spec.dump (the OCI configuration).
 *
 * Both come from outside. They may say what the container is in itself: its image, process, variables, limits, labels,
 * named volumes, tmpfs mounts, ports, networks. What would give it a part of the host - privileges, capabilities,
 * devices, directories, namespaces, secrets, sysctls, files that pm writes or reads - is not taken: the container is
 * refused, naming it, or where it would run as well without, the member is dropped. Pure: looks at nothing else. Runs
 * in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CHECKPOINT_CONFIG_H
#define PM_ENGINE_CONTAINER_CHECKPOINT_CONFIG_H

#include "engine/container/config.h"

/* ret must be init'ed; it is left so after a failure. default_caps: what a container has anyway ("CAP_CHOWN"). image_id is what
 * the archive says, to be looked up. PM_E_FORMAT; PM_E_UNSUPPORTED: it asks for a part of the host. */
int pm_checkpoint_config(const struct pm_json *config, const struct pm_json *spec,
			 const struct pm_strv *default_caps, struct pm_ctr_config *ret,
			 struct pm_err *err);

#endif
