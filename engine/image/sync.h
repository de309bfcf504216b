/*
 * sync - many images from one place to another, as Skopeo's sync does: each is one copy (engine/image/copy.h), which
 * sends only what is not there yet. Runs in pm.
 *
 * Sources: "docker" (HOST/PATH: all tags; with a tag or digest that one), "dir" (a directory with dir: images at any
 * depth), "yaml" (a file: registries with images, tags, digests, images-by-tag-regex, credentials, tls-verify, cert-dir).
 * Destinations: "docker" (HOST[/PATH]) and "dir".
 */
#ifndef PM_ENGINE_IMAGE_SYNC_H
#define PM_ENGINE_IMAGE_SYNC_H

#include "engine/image/copy.h"

struct pm_sync_options {
	const char *src, *dst;         /* kinds */
	struct pm_copy_options copy;   /* of each; its src.creds and such unless the yaml file says otherwise */
	bool scoped;                   /* the full source name below the destination, not its last part */
	const char *append_suffix;     /* to each destination name, or NULL */
	bool keep_going, dry_run;
	/* Before each copy (NULL: none): which of how many, and where to. */
	void (*each)(void *arg, size_t index, size_t n, const char *from, const char *to);
	/* keep_going: one that failed. */
	void (*failed)(void *arg, struct pm_err *err);
	void *arg;
};

/* progress may be NULL. *ret_images, *ret_sources: how many were copied (dry_run: would be) out of how many
 * repositories or directories. With keep_going the first failure is returned at the end. */
int pm_image_sync(const char *source, const char *destination, const struct pm_sync_options *o,
		  const struct pm_pull_progress *progress, size_t *ret_images, size_t *ret_sources,
		  struct pm_err *err);

#endif
