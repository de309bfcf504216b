/*
 * archive - images out of files (engine/transfer/files.h): OCI layouts (image spec, image-layout.md),
 * docker-archive ("manifest.json" with Config, RepoTags, Layers) and dir (one manifest.json and blobs named by
 * their digest), each in a directory or a tar file. Every blob is verified as a registry's is.
 */
#ifndef PM_ENGINE_TRANSFER_ARCHIVE_H
#define PM_ENGINE_TRANSFER_ARCHIVE_H

#include "base/err.h"
#include "engine/transfer/files.h"
#include "engine/transfer/session.h"

enum pm_archive_kind {
	PM_ARCHIVE_DETECT,
	PM_ARCHIVE_OCI,
	PM_ARCHIVE_DOCKER,
	PM_ARCHIVE_DIR,
};

/* Give pm the images of f. which: a tag, an annotation's name or (docker-archive) a reference or "@INDEX"; NULL: all
 * when all is set, else the only one. path_name: a name for images of an OCI layout besides those it holds, or
 * NULL. where is for messages. */
int pm_archive_send(struct pm_session *s, struct pm_files *f, enum pm_archive_kind kind,
		    const char *which, bool all, const char *path_name, const char *where,
		    struct pm_err *err);

#endif
