/*
 * manifest_list - lists of images that a user puts together (pm manifest), until they are pushed. A list is an image of
 * the store without layers, so that it is named, listed and removed like any other: its manifest is the index, its
 * media type PM_LIST_MEDIA_TYPE, its config the document that engine/image/manifest_list.h owns, its id random.
 *
 * Changes are one transaction each: the last writer wins, none is torn.
 */
#ifndef PM_STORAGE_MANIFEST_LIST_H
#define PM_STORAGE_MANIFEST_LIST_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/image.h"
#include "storage/store.h"

#define PM_LIST_MEDIA_TYPE "application/vnd.docker.distribution.manifest.list.v2+json"

struct pm_list_text {
	const char *document, *index; /* JSON; borrowed */
	const char *digest;           /* of index */
};

bool pm_list_is(const struct pm_image_row *row);
/* A new one. PM_E_EXISTS: the name is taken. */
int pm_list_add(struct pm_store *s, const char *id, const char *name,
		const struct pm_list_text *text, struct pm_err *err);
/* PM_E_NOSUCH when it is gone. */
int pm_list_set(struct pm_store *s, const char *id, const struct pm_list_text *text,
		struct pm_err *err);

#endif
