/*
 * export - a container's root file system, without its volumes, as a tar archive: the merged tree of its image and
 * its changes, whether it runs or not (storage/layer_tar.h). Runs in pm, the reading in a child inside the
 * user namespace.
 */
#ifndef PM_ENGINE_CONTAINER_EXPORT_H
#define PM_ENGINE_CONTAINER_EXPORT_H

#include "engine/container/container.h"

/* Write to fd. Its lock is held unless it runs. */
int pm_container_export(struct pm_engine *e, struct pm_container *c, int fd, struct pm_err *err);
/* The same of an image. */
int pm_image_export(struct pm_store *s, const char *id, int fd, struct pm_err *err);

#endif
