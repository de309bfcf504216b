/*
 * load - images out of an archive or directory: docker-archive, oci-archive (both also compressed
 * as a whole with gzip or zstd), OCI layout, dir layout. The kind is detected by pm-transfer.
 *
 * Runs in pm; the work and its guarantees are those of engine/image/pull.h.
 */
#ifndef PM_ENGINE_IMAGE_LOAD_H
#define PM_ENGINE_IMAGE_LOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/image/pull.h"

/* Load every image of path (a file, a directory, or "-" for fd, which is then read to its end).
 * Images get the names their archive gives them, normalised (docker.io/library/...). ret_names gets
 * what `load` prints after "Loaded image: ", one for each name, "sha256:ID" for an image without. Images loaded
 * before a failure stay. PM_E_FORMAT: no known kind of archive. */
int pm_image_load(struct pm_store *store, const char *path, int fd,
		  const struct pm_pull_progress *progress, struct pm_strv *ret_names,
		  struct pm_err *err);

#endif
