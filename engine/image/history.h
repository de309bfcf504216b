/*
 * history - how an image came to be, and the tree of its layers: what `pm history` and `pm image tree` show. Reads
 * rows only. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_HISTORY_H
#define PM_ENGINE_IMAGE_HISTORY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "storage/store.h"

/* The steps of an image, newest first: an array of objects "id" ("" for an image that is not here), "created" (RFC 3339
 * as the image says, "" when missing), "createdBy", "size", "comment", "tags". The tree belongs to pool. */
int pm_image_history(struct pm_store *s, const char *id, struct pm_json_pool *pool,
		     struct pm_json **ret, struct pm_err *err);

/* The text that `pm image tree` prints for image id. children: what lies on its top layer instead of what that
 * lies on. */
int pm_image_tree_text(struct pm_store *s, const char *id, bool children, struct pm_buf *out,
		       struct pm_err *err);

#endif
