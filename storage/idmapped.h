/*
 * idmapped - directories mounted so that other ids own their files: MOUNT_ATTR_IDMAP of mount_setattr(2), Linux 5.12;
 * below an overlay 5.19. The kernel lets only root of the user namespace that the file system was mounted in do it, which is
 * the host's; and not for every file system: whoever wants it tries.
 *
 * Maps are ranges "FILE:HOST:LENGTH" as engine keeps them (netns/idmap.h): files of id FILE are seen as HOST's.
 * Libc-only; runs in pm and in pm-monitor.
 */
#ifndef PM_STORAGE_IDMAPPED_H
#define PM_STORAGE_IDMAPPED_H

#include "base/buf.h"
#include "base/err.h"

/* A user namespace that nobody is in, with these maps, as a descriptor. */
int pm_idmapped_userns(const struct pm_strv *uids, const struct pm_strv *gids, struct pm_err *err);

/* The file or directory path, and what is below on the same mount, as a descriptor of a detached mount whose ids are those
 * of the user namespace. PM_E_UNSUPPORTED where kernel or file system cannot do it, or we may not. */
int pm_idmapped_open(const char *path, int userns, struct pm_err *err);

/* Can layer (a directory of an image) be mounted so, below an overlay? 1 yes, 0 no (*why says why). dir: an empty directory
 * of ours to mount on. Forks; leaves nothing but a directory in dir. */
int pm_idmapped_probe(const char *layer, const char *dir, struct pm_err *why, struct pm_err *err);

#endif
