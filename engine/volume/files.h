/*
 * volume files - what is in a volume as a tar archive, out and in; and volumes mounted for the caller.
 * Runs in pm; archives are read by pm-transfer (engine/unpack.h).
 */
#ifndef PM_ENGINE_VOLUME_FILES_H
#define PM_ENGINE_VOLUME_FILES_H

#include "base/err.h"
#include "engine/engine.h"
#include "storage/volume.h"

/* Write the volume's content to descriptor out. */
int pm_volume_export(struct pm_engine *e, const struct pm_volume_row *row, int out,
		     struct pm_err *err);
/* Merge an archive, compressed or not, read from descriptor in into the volume. */
int pm_volume_import(struct pm_engine *e, const struct pm_volume_row *row, int in,
		     struct pm_err *err);

/* Mount the volume where its path is (a plain one needs nothing), in the caller's mount namespace. Not root
 * and not inside of `pm unshare`: PM_E_UNSUPPORTED. */
int pm_volume_mount_here(struct pm_engine *e, const struct pm_volume_row *row, struct pm_err *err);
/* Undo one pm_volume_mount_here; nothing to do is success. */
int pm_volume_umount_here(struct pm_engine *e, const struct pm_volume_row *row, struct pm_err *err);

#endif
