/*
 * image_list - what `pm images` shows, as trees: one object for each name of an image, in the two
 * shapes that Podman has: for --format json (one object an image) and for templates.
 */
#ifndef PM_CLI_IMAGE_LIST_H
#define PM_CLI_IMAGE_LIST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "storage/image.h"

struct pm_image_list_options {
	const struct pm_strv *filters; /* cli/image_filter.h */
	bool all;         /* also intermediate images */
	const char *sort; /* "created" (newest first), "id", "repository", "size", "tag" */
	bool no_trunc;    /* ID as "sha256:" and 64 digits */
	bool json;        /* the shape of --format json */
	bool details;     /* labels, numbers of containers, parents, names it had: a query or a
			     document each; taken to be wanted with json */
};

/* An array; pool owns it. PM_E_USAGE: unknown filter or a value it cannot have; PM_E_NOSUCH: the image
 * that before or since names is not there. */
int pm_image_list_tree(struct pm_store *store, const struct pm_image_list_options *o,
		       struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

#endif
