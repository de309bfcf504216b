/*
 * blob - what is known of layers' blobs outside of the store: which blob holds which layer, because it was
 * pulled or was made by a push, and in which repositories a blob was seen. A push asks its destination for these
 * before it compresses anything. All of it stays when the layer goes. Nothing relies on a row being there; which
 * blob holds which layer is true, because both digests were made here: what a manifest only says is not
 * remembered, or it could put another image's content into what is pushed. Places are hints.
 *
 * Tables blobs, packed, blob_places (storage/schema.c); names are in the spelling of registry/reference.h.
 */
#ifndef PM_STORAGE_BLOB_H
#define PM_STORAGE_BLOB_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

struct pm_blob {
	char *digest;
	int64_t size;
	char *media_type; /* of the blob as it was pulled, or as OCI names it */
};

struct pm_blob_list {
	struct pm_blob *v;
	size_t n;
};
void pm_blob_list_free(struct pm_blob_list *l);
#define _cleanup_blob_list_ _cleanup_(pm_blob_list_free)

/* Blobs of the layer diff_id, appended to ret: those that were pulled first. level: only packed ones of that
 * level and all pulled ones; 0: any. */
int pm_blob_of_layer(struct pm_store *s, const char *diff_id, int level, struct pm_blob_list *ret,
		     struct pm_err *err);
/* Diff id's layer was packed: kind "gzip" or "zstd". */
int pm_blob_packed(struct pm_store *s, const char *diff_id, const char *kind, int level,
		   const char *blob, int64_t size, struct pm_err *err);

/* The blob is in that repository. */
int pm_blob_placed(struct pm_store *s, const char *blob, const char *domain,
		   const char *repository, struct pm_err *err);
/* All of blobs are there. */
int pm_blob_placed_all(struct pm_store *s, const struct pm_strv *blobs, const char *domain,
		       const char *repository, struct pm_err *err);
/* Pairs of domain and repository where blobs of the layer were seen on domain, appended to ret (2 each), at
 * most 8. */
int pm_blob_places(struct pm_store *s, const char *diff_id, const char *domain,
		   struct pm_strv *ret, struct pm_err *err);

#endif
