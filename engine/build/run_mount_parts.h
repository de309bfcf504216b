/*
 * run_mount_parts - shared by run_mount.c (text) and run_mount_prepare.c (the mounts of a run).
 */
#ifndef PM_ENGINE_BUILD_RUN_MOUNT_PARTS_H
#define PM_ENGINE_BUILD_RUN_MOUNT_PARTS_H

/* *field becomes a copy of value. */
void pm_run_mount_set(char **field, const char *value);

#endif
