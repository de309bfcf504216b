/*
 * mount - a container's root file system (without its volumes), mounted where the user can look at it:
 * containers/<id>/merged.
 *
 * The mount is in the caller's mount namespace, root's or that of `pm unshare`, which it ends with; nothing
 * remembers it but that namespace. Of a running container it is the same file system that the container has,
 * taken from its monitor's namespace. A container that is started while it is mounted elsewhere has an overlay
 * of its own on the same upper directory: do not write to the mount then. Runs in pm, inside of the user
 * namespace or as root.
 */
#ifndef PM_ENGINE_CONTAINER_MOUNT_H
#define PM_ENGINE_CONTAINER_MOUNT_H

#include "engine/container/container.h"

/* Where it is, or would be, mounted: the directory of --rootfs, or .../merged. The caller frees. */
char *pm_container_mount_path(const struct pm_engine *e, const struct pm_container *c);
/* Is it mounted here? A --rootfs directory always is. */
bool pm_container_is_mounted(const struct pm_engine *e, const struct pm_container *c);
/* Mount it unless it is. */
int pm_container_mount(struct pm_engine *e, struct pm_container *c, struct pm_err *err);
/* PM_E_STATE when it is not mounted here; EBUSY when someone is in it, unless forced. */
int pm_container_unmount(struct pm_engine *e, struct pm_container *c, bool force, struct pm_err *err);

#endif
