/*
 * mount - images mounted read-only where a user can look at them: runroot/images/<id>.
 *
 * The mount is in the mount namespace of the caller: `pm unshare`'s, which it ends with, or root's. What
 * is mounted is read from there (/proc/self/mountinfo), not remembered. Runs in pm, inside the user
 * namespace or as root. The vfs driver has no mount for it: PM_E_UNSUPPORTED.
 */
#ifndef PM_ENGINE_IMAGE_MOUNT_H
#define PM_ENGINE_IMAGE_MOUNT_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/engine.h"

/* The mount point of image id, mounted when it was not. The caller frees *ret_path. */
int pm_image_mount(struct pm_engine *e, const char *id, char **ret_path, struct pm_err *err);

/* 1: it was mounted and is not any more, 0: it was not mounted. */
int pm_image_unmount(struct pm_engine *e, const char *id, struct pm_err *err);

/* Ids of the images that are mounted here, appended to ret. */
int pm_image_mounted(struct pm_engine *e, struct pm_strv *ret, struct pm_err *err);

/* Where id is, or would be, mounted. The caller frees. */
char *pm_image_mount_path(const struct pm_engine *e, const char *id);

#endif
