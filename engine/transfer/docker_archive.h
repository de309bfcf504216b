/*
 * docker_archive - what docker save writes: manifest.json, a list of images with Config, RepoTags and Layers, all
 * of them names of members. There are no manifests in it: one is made, with the layers' diff ids as digests.
 */
#ifndef PM_ENGINE_TRANSFER_DOCKER_ARCHIVE_H
#define PM_ENGINE_TRANSFER_DOCKER_ARCHIVE_H

#include "base/err.h"
#include "base/json.h"
#include "engine/transfer/files.h"
#include "engine/transfer/session.h"

/* The list of images; at least one. */
int pm_docker_archive_read(struct pm_files *f, struct pm_json_pool *pool, struct pm_json **ret,
			   struct pm_err *err);
/* The image that a reference or "@INDEX" names; which NULL: the only one. */
int pm_docker_archive_choose(const struct pm_json *list, const char *which,
			     const struct pm_json **ret, struct pm_err *err);
/* Its RepoTags, full. */
int pm_docker_archive_names(const struct pm_json *item, struct pm_strv *names, struct pm_err *err);
/* Documents and names of one, and where its layers are (which may be compressed). i must be zeroed; to be freed also
 * after a failure. */
int pm_docker_archive_fill(struct pm_files *f, const struct pm_json *item, struct pm_tx_image *i,
			   struct pm_err *err);

#endif
