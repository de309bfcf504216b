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
	const struct pm_strv *filters; /* "key=value"; values of reference and id are alternatives,
					  all else must hold */
	const char *sort; /* "created" (newest first), "id", "repository", "size", "tag" */
	bool no_trunc;    /* ID as "sha256:" and 64 digits */
	bool json;        /* the shape of --format json */
	bool users;       /* count the containers of each image: a query each */
};

/* An array; pool owns it. PM_E_USAGE: unknown filter or a value it cannot have; PM_E_NOSUCH: the image
 * that before or since names is not there. */
int pm_image_list_tree(struct pm_store *store, const struct pm_image_list_options *o,
		       struct pm_json_pool *pool, struct pm_json **ret, struct pm_err *err);

/* Does the pattern (path.Match's) fit one of the forms of the full name: whole, without tag, without
 * domain, or the last component? For the filter "reference". */
bool pm_image_name_matches(const char *name, const char *pattern);

#endif
