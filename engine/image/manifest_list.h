/*
 * manifest_list - `pm manifest`: a list of images for several platforms, put together in the store and pushed as one.
 *
 * Document: {"index": an image index as a registry would have it, "sources": {digest: where the image is}}; a source is
 * "docker://REPOSITORY@DIGEST" or "containers-storage:ID". It is kept as an image of the store
 * (storage/manifest_list.h): images shows it, rmi removes it, tag names it; who wants an image to run or to look at gets
 * the one for this platform (engine/image/resolve.h). Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_MANIFEST_LIST_H
#define PM_ENGINE_IMAGE_MANIFEST_LIST_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "engine/image/copy.h"
#include "engine/image/query.h"

struct pm_store;

struct pm_list {
	char id[65];
	char *name; /* the one that it was found by, or one of its names, or its id */
	struct pm_json_pool *pool;
	struct pm_json *document;
};

void pm_list_free(struct pm_list *l);
#define _cleanup_list_ _cleanup_(pm_list_free)

/* What the user says about an entry; NULL: nothing. */
struct pm_list_entry {
	const char *os, *arch, *variant, *os_version;
	const struct pm_strv *features, *os_features, *annotations; /* annotations: KEY=VALUE */
};

/* The stored image of list id for a platform (filled: pm_platform_default). PM_E_NOSUCH: there is none, or it is not in
 * the store. */
struct pm_platform;
int pm_list_instance(struct pm_store *store, const char *id, const struct pm_platform *platform, char ret_id[65],
		     struct pm_err *err);

/* The list that word means. PM_E_NOSUCH: none, or an image that is no list. */
int pm_list_open(struct pm_store *store, const char *word, struct pm_list *ret, struct pm_err *err);
/* A new, empty one. amend: or the one that is there. PM_E_EXISTS. */
int pm_list_create(struct pm_store *store, const char *word, bool amend, struct pm_list *ret,
		   struct pm_err *err);
/* Write the document back. */
int pm_list_save(struct pm_store *store, struct pm_list *l, struct pm_err *err);
/* Remove the list. Its images stay. */
int pm_list_delete(struct pm_store *store, struct pm_list *l, struct pm_err *err);

/* Add an image: a stored one, or one in a registry ("docker://..." or a name that is not stored). all: if it is a list, all
 * of it, else the one for o's platform. Not saved yet. */
int pm_list_add_image(struct pm_store *store, struct pm_list *l, const char *image, bool all,
		      const struct pm_query_options *o, const struct pm_list_entry *entry,
		      struct pm_err *err);
/* Change the entry of that digest, or of the stored image that it names. Not saved yet. PM_E_NOSUCH. */
int pm_list_annotate(struct pm_store *store, struct pm_list *l, const char *image,
		     const struct pm_list_entry *entry, struct pm_err *err);
int pm_list_remove_entry(struct pm_list *l, const char *digest, struct pm_err *err);
/* The index. l keeps it. */
const struct pm_json *pm_list_index(const struct pm_list *l);

/* Push to destination (with a transport); all: the images too. format "oci", "v2s2". */
int pm_list_push(struct pm_store *store, struct pm_list *l, const char *destination, bool all,
		 const struct pm_copy_options *o, const struct pm_pull_progress *progress,
		 struct pm_written *ret, struct pm_err *err);

#endif
