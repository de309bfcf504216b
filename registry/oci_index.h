/*
 * oci_index - index.json of an OCI layout in a directory (image spec, image-layout.md): which images it holds. Who
 * changes it holds the exclusive flock on the directory, as long as from reading to writing.
 */
#ifndef PM_REGISTRY_OCI_INDEX_H
#define PM_REGISTRY_OCI_INDEX_H

#include "base/err.h"
#include "base/json.h"

#define PM_LAYOUT_REF_NAME "org.opencontainers.image.ref.name"

/* The document, with a list `manifests`. Where there is none (dir -1: an archive that is just made):
 * one with an empty list, or ENOENT when it must exist. */
int pm_oci_index_read(int dir, bool must_exist, struct pm_json_pool *pool, struct pm_json **ret,
		      struct pm_err *err);
/* The image's name in the layout; "" without one. */
const char *pm_oci_index_name(const struct pm_json *descriptor);

#endif
