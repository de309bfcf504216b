/*
 * family - which image was made from which.
 *
 * Nothing records it: as Podman, an image is the parent of another that has all of its layers and its
 * history, and one step of history more. Only images whose layers fit are compared. An image without
 * names is dangling when it has no children, else intermediate. Reads rows only.
 */
#ifndef PM_ENGINE_IMAGE_FAMILY_H
#define PM_ENGINE_IMAGE_FAMILY_H

#include <stdbool.h>

#include "base/err.h"
#include "storage/image.h"

/* 1 with the parent's id in ret, 0: it has none. */
int pm_image_parent(struct pm_store *store, const char *id, char ret[65], struct pm_err *err);

/* Ids of the children, appended to ret. */
int pm_image_children(struct pm_store *store, const char *id, struct pm_strv *ret,
		      struct pm_err *err);

/* 1 or 0: without names and without children. */
int pm_image_is_dangling(struct pm_store *store, const struct pm_image_row *row,
			 struct pm_err *err);

#endif
