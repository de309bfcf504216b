/*
 * make - an image of the store out of a configuration document and layers: those of another image, and at most one
 * new one that a stage holds (engine/image/fetch.h).
 *
 * Used by commit and build. Its layers are not compressed: the manifest names them by their diff ids until a push
 * makes another. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_MAKE_H
#define PM_ENGINE_IMAGE_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "engine/image/fetch.h"
#include "storage/image.h"

/* All borrowed. */
struct pm_image_make {
	struct pm_json_pool *pool;
	struct pm_json *config; /* the document, pool's; its rootfs and created are set here */
	const struct pm_layer_row *below; /* the store's, bottom first */
	size_t n_below;
	const struct pm_fetch_layer *layer; /* on top of them; NULL: none */
	struct pm_stage *stage;             /* holds it, */
	const char *layer_dir;              /* under this name */
	bool docker;                        /* manifest of Docker's schema 2 */
	const struct pm_strv *annotations;  /* of the manifest, NAME=VALUE; NULL: none */
	int64_t created;                    /* ns since the epoch */
	const char *arch, *os, *variant;    /* for the row; they stand in the document, too */
	const char *name;                   /* the image's, whole (pm_image_new_name); NULL: none */
	const struct pm_pull_progress *progress; /* NULL: nobody looks on */
};

/* Committed durably; ret_id is the image's. PM_E_NOSUCH: a layer below went meanwhile. */
int pm_image_make(struct pm_store *s, const struct pm_image_make *m, char ret_id[65], struct pm_err *err);

#endif
