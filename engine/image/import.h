/*
 * import - an image of one layer out of a tar file of a root file system (plain, gzip or zstd).
 *
 * Runs in pm; pm-transfer extracts the layer. Config and manifest are a function of the tar's content
 * and the options alone but for "created", which is the current time unless SOURCE_DATE_EPOCH is set.
 */
#ifndef PM_ENGINE_IMAGE_IMPORT_H
#define PM_ENGINE_IMAGE_IMPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/image/pull.h"

struct pm_import_options {
	const struct pm_strv *changes; /* --change: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL,
					  USER, VOLUME, WORKDIR, ONBUILD; NULL: none */
	const char *message;           /* --message: the comment of the history entry */
	const char *os, *arch, *variant; /* NULL: this host's */
	const struct pm_strv *annotations; /* of the manifest, NAME=VALUE; NULL: none */
};

/* Import path ("-": fd) as an image; reference may be NULL (no name), else it is completed as podman
 * does (localhost/NAME:latest for a short name). ret_id: the image id. PM_E_USAGE for a bad change
 * or reference, before anything is read. */
int pm_image_import(struct pm_store *store, const char *path, int fd, const char *reference,
		    const struct pm_import_options *options, const struct pm_pull_progress *progress,
		    char ret_id[65], struct pm_err *err);

#endif
