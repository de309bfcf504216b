/*
 * usage - what images take on the disk, out of the sizes stored with their layers: no tree is walked.
 */
#ifndef PM_STORAGE_USAGE_H
#define PM_STORAGE_USAGE_H

#include <stdint.h>

#include "base/err.h"
#include "storage/store.h"

struct pm_image_usage {
	char *image; /* id; owned */
	int64_t size;
	int64_t unique;     /* of layers that no other image has */
	int64_t containers; /* made of it */
};

struct pm_usage {
	struct pm_image_usage *v; /* owned; one for each image, by id */
	size_t n;
	int64_t total;       /* of all layers, each once */
	int64_t reclaimable; /* of those that no image with containers has */
};

void pm_usage_free(struct pm_usage *u);
#define _cleanup_usage_ _cleanup_(pm_usage_free)

/* u must be zeroed. */
int pm_usage_load(struct pm_store *s, struct pm_usage *u, struct pm_err *err);
/* NULL when it is not there. */
const struct pm_image_usage *pm_usage_of(const struct pm_usage *u, const char *image);

#endif
