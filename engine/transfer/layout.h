/*
 * layout - index.json of an OCI layout (image spec, image-layout.md), in a directory or an archive.
 */
#ifndef PM_ENGINE_TRANSFER_LAYOUT_H
#define PM_ENGINE_TRANSFER_LAYOUT_H

#include "base/err.h"
#include "base/json.h"
#include "engine/transfer/files.h"
#include "registry/manifest.h"
#include "registry/oci_index.h"

/* The list of descriptors; at least one. */
int pm_layout_read(struct pm_files *f, struct pm_json_pool *pool, struct pm_json **ret,
		   struct pm_err *err);
/* The one whose name, or "@INDEX", is which; which NULL: the only one, or the only one for the platform. */
int pm_layout_choose(const struct pm_json *list, const char *which, const struct pm_platform *p,
		     const struct pm_json **ret, struct pm_err *err);

#endif
