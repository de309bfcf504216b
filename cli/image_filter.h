/*
 * image_filter - the --filter of images, image prune and system prune: which images pass.
 *
 *	KEY=VALUE or KEY!=VALUE; keys: after since before (an image), until (a time), containers,
 *	dangling, id, intermediate, label, manifest, readonly, reference.
 *
 * Values of reference and of id are alternatives, all else must hold (podman-images(1)).
 */
#ifndef PM_CLI_IMAGE_FILTER_H
#define PM_CLI_IMAGE_FILTER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "storage/image.h"

struct pm_image_filter; /* one */

struct pm_image_filters {
	struct pm_image_filter *v; /* owned; texts are borrowed */
	size_t n;
	bool labels; /* some filter looks at labels: rows need their configuration */
};

void pm_image_filters_free(struct pm_image_filters *fs);
#define _cleanup_image_filters_ _cleanup_(pm_image_filters_free)

/* Parse texts (NULL: none) and append them. PM_E_USAGE: unknown key or a value it cannot have;
 * PM_E_NOSUCH: the image that before or since names is not there. */
int pm_image_filters_parse(struct pm_store *store, const struct pm_strv *texts,
			   struct pm_image_filters *ret, struct pm_err *err);
int pm_image_filters_add(struct pm_store *store, const char *text, struct pm_image_filters *ret,
			 struct pm_err *err);

/* 1: the image passes, 0: it does not. labels may be NULL when fs->labels is false. */
int pm_image_filters_keep(struct pm_store *store, const struct pm_image_filters *fs,
			  const struct pm_image_row *row, const struct pm_json *labels,
			  struct pm_err *err);

/* The labels in a row's configuration, NULL when it has none or was not loaded with it. */
const struct pm_json *pm_image_labels(struct pm_json_pool *pool, const struct pm_image_row *row);

/* Does the pattern (path.Match's) fit one of the forms of the full name: whole, without tag, without
 * domain, or the last component? */
bool pm_image_name_matches(const char *name, const char *pattern);

#endif
