/*
 * query - what registries and archives know, by way of pm-transfer (engine/transfer/query.h): an image's documents
 * without its layers, tags, search; deletion there. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_QUERY_H
#define PM_ENGINE_IMAGE_QUERY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/image/remote.h"

struct pm_query_options {
	struct pm_remote remote;
	const char *os, *arch, *variant;
	const char *shared_blob_dir, *daemon_host;
};

struct pm_remote_image {
	char *name;              /* "quay.io/user/app"; "" for what is no registry */
	char *digest;            /* of manifest */
	struct pm_strv tags;     /* of the repository */
	struct pm_buf manifest;  /* of what the name means: an image or a list */
	struct pm_buf image, config; /* of the image, for a list the one for the platform */
};

void pm_remote_image_free(struct pm_remote_image *i);
#define _cleanup_remote_image_ _cleanup_(pm_remote_image_free)

/* name: with a transport. raw: the manifest only, unchecked. tags: list them too. */
int pm_query_inspect(const char *name, const struct pm_query_options *o, bool raw, bool tags,
		     struct pm_remote_image *ret, struct pm_err *err);
/* docker://REPOSITORY or docker-archive:PATH. *ret_name (the caller frees): the repository, NULL for an archive. */
int pm_query_tags(const char *name, const struct pm_query_options *o, char **ret_name,
		  struct pm_strv *ret, struct pm_err *err);
/* docker://REFERENCE: what the tag means goes away, with all its tags. oci:PATH[:REFERENCE]: the image, and what no other
 * image there has. docker-daemon:REFERENCE: the name, and with the last one the image. */
int pm_query_delete(const char *name, const struct pm_query_options *o, struct pm_err *err);
/* Do the credentials of o open host? PM_E_UNAUTH. */
int pm_query_login(const char *host, const struct pm_query_options *o, struct pm_err *err);
/* An array of objects (registry/client.h, pm_client_search), of pool. */
int pm_query_search(const char *host, const char *term, int64_t limit,
		    const struct pm_query_options *o, struct pm_json_pool *pool,
		    struct pm_json **ret, struct pm_err *err);

#endif
