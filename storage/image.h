/*
 * image - rows of images, their names and layers, and the directories layers/<chain id>.
 *
 * An image is its config's SHA-256. Names are normalised by the caller ("docker.io/library/x:tag" or
 * "host/repo@sha256:..."). A layer row exists only while its directory does; a directory without a
 * row is what a crash left and is trashed when met. Layers' directories change only inside a database
 * write transaction. Locks: none is needed to read; who relies on a layer staying (a pull that found
 * it present, a container being made) holds pm_store_lock("layer", chain id) shared until its row is
 * committed: pm_image_remove leaves locked layers alone, the next removal takes them.
 */
#ifndef PM_STORAGE_IMAGE_H
#define PM_STORAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/stage.h"
#include "storage/store.h"

struct pm_image_name {
	char *name;
	char *digest; /* of what the name meant when it was pulled (manifest or index); may be NULL */
};

/* All pointers owned by the row when it came from here; borrowed when given to pm_image_commit. */
struct pm_image_row {
	char *id;         /* config's sha256, bare hex */
	char *digest;     /* the manifest's, "sha256:..." */
	char *media_type; /* the manifest's */
	char *manifest;   /* bytes as received; NUL-terminated here; NULL unless asked for */
	size_t manifest_len;
	char *config; /* the same; NULL unless asked for */
	size_t config_len;
	int64_t created; /* config's, ns since the epoch */
	int64_t size;    /* sum of the layers' uncompressed sizes, bytes */
	char *top;       /* chain id of the top layer; NULL for an image without layers */
	char *arch, *os, *variant;
	struct pm_image_name *names; /* sorted */
	size_t n_names;
	bool readonly; /* it is in an additional store */
	/* For pm_image_commit only: its signatures (registry/signature.h), NULL: it has none. looked: they take the place of
	 * those that the store has of this manifest. */
	char *signatures;
	size_t signatures_len;
	bool signatures_looked;
};

struct pm_image_list {
	struct pm_image_row *v;
	size_t n;
};

struct pm_layer_row {
	char *chain_id;   /* bare hex */
	char *parent;     /* chain id, NULL for the lowest */
	char *diff_id;    /* "sha256:..." of the uncompressed tar */
	int64_t size;     /* uncompressed */
	char *blob;       /* digest of the blob as stored in a registry; may be NULL */
	int64_t blob_size;
	char *media_type; /* of that blob; may be NULL */
	int64_t created;  /* when this store got it */
	const char *staged; /* for pm_image_commit only, borrowed: the directory inside the stage that
			       holds `diff`; NULL: the store must have the layer already */
};

struct pm_layer_list {
	struct pm_layer_row *v; /* bottom first */
	size_t n;
};

enum {
	PM_IMAGE_CONFIG = 1,
	PM_IMAGE_MANIFEST = 2,
};

void pm_image_row_free(struct pm_image_row *row); /* what it owns; leaves it zeroed */
void pm_image_list_free(struct pm_image_list *l);
void pm_layer_row_free(struct pm_layer_row *row);
void pm_layer_list_free(struct pm_layer_list *l);
#define _cleanup_image_row_ __attribute__((cleanup(pm_image_row_free)))
#define _cleanup_image_list_ __attribute__((cleanup(pm_image_list_free)))
#define _cleanup_layer_row_ __attribute__((cleanup(pm_layer_row_free)))
#define _cleanup_layer_list_ __attribute__((cleanup(pm_layer_list_free)))

/* Lookups, in this store and then in additional ones (row.readonly); what: PM_IMAGE_* or 0. *ret must be zeroed or free. PM_E_NOSUCH with a text "NAME: image not
 * known". */
int pm_image_by_name(struct pm_store *s, const char *name, unsigned int what,
		     struct pm_image_row *ret, struct pm_err *err);
/* id: a whole id or a prefix of one, also with "sha256:" before it. PM_E_AMBIGUOUS. Anything that is
 * not hexadecimal is PM_E_NOSUCH. */
int pm_image_by_id(struct pm_store *s, const char *id, unsigned int what, struct pm_image_row *ret,
		   struct pm_err *err);
/* The image of repo ("host/name" without tag) whose manifest, or whose name's index, has digest. */
int pm_image_by_digest(struct pm_store *s, const char *repo, const char *digest, unsigned int what,
		       struct pm_image_row *ret, struct pm_err *err);
/* All, newest created first. */
int pm_image_list(struct pm_store *s, unsigned int what, struct pm_image_list *ret,
		  struct pm_err *err);
int pm_image_layers(struct pm_store *s, const char *id, struct pm_layer_list *ret,
		    struct pm_err *err);
/* The signatures of image id's manifest, appended to ret; nothing when there are none, or when it is in an additional store. */
int pm_image_signatures(struct pm_store *s, const char *id, struct pm_buf *ret, struct pm_err *err);
/* These take their place. PM_E_NOSUCH: the image has gone, or has another manifest than that digest's. */
int pm_image_set_signatures(struct pm_store *s, const char *id, const char *digest, const struct pm_buf *signatures,
			    struct pm_err *err);
/* Ids of the containers made from image id, or that have it mounted. */
int pm_image_users(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err);

/* Names that image id has or had, the latest first. */
int pm_image_past_names(struct pm_store *s, const char *id, struct pm_strv *ret, struct pm_err *err);
/* Ids of the images that, by their layers, image id may have been made from (parents), or that may have
 * been made from it in one step: the same layers, or one less or more on top. */
int pm_image_neighbours(struct pm_store *s, const char *id, bool parents, struct pm_strv *ret,
			struct pm_err *err);

/* Every layer of the store, by chain id. */
int pm_layer_list_all(struct pm_store *s, struct pm_layer_list *ret, struct pm_err *err);
/* 1: the store has this layer (*ret, which may be NULL, is filled), 0: it has not. */
int pm_layer_get(struct pm_store *s, const char *chain_id, struct pm_layer_row *ret,
		 struct pm_err *err);
/* The sum of all layers' sizes, bytes. */
int pm_layers_total(struct pm_store *s, int64_t *ret, struct pm_err *err);
/* 1: the blob with this digest is known to unpack to *ret_diff_id (the caller frees), 0: not known.
 * Remembered also after the layer is gone. */
int pm_blob_diff_id(struct pm_store *s, const char *blob, char **ret_diff_id, struct pm_err *err);

/* Chain id of a layer with this diff id ("sha256:..." or bare hex) on top of parent (chain id, bare
 * hex; NULL: the lowest). OCI image-spec config.md, "Layer ChainID". */
void pm_layer_chain_id(const char *parent, const char *diff_id, char ret[65]);

/* Let name mean image id; digest may be NULL. *ret_was, when not NULL, gets the id of the image that
 * lost the name (NULL: none; the caller frees). */
int pm_image_tag(struct pm_store *s, const char *id, const char *name, const char *digest,
		 char **ret_was, struct pm_err *err);
/* The same for several names, all or none, durably. */
int pm_image_tag_all(struct pm_store *s, const char *id, const struct pm_strv *names,
		     struct pm_err *err);
/* PM_E_NOSUCH when there is no such name. The image stays. */
int pm_image_untag(struct pm_store *s, const char *name, struct pm_err *err);
/* Take these names from image id, all or none. "NAME: tag not known" (PM_E_NOSUCH) for one that is not its. */
int pm_image_untag_all(struct pm_store *s, const char *id, const struct pm_strv *names,
		       struct pm_err *err);

struct pm_image_removed {
	struct pm_strv untagged; /* names */
	struct pm_strv deleted;  /* the image's id, then chain ids of layers, top first */
};
void pm_image_removed_free(struct pm_image_removed *r);

/* Delete image id with its names, and all layers no image has any more. PM_E_INUSE while a container
 * uses it ("image used by CTR: image is in use by a container"). Layers' directories are in
 * trash/ afterwards: call pm_sweep. ret (zeroed by the caller, may be NULL) is appended to. */
int pm_image_remove(struct pm_store *s, const char *id, struct pm_image_removed *ret,
		    struct pm_err *err);

/* The same for one name of it: an image that has others only loses this one. name NULL: by id, refused with
 * PM_E_AMBIGUOUS in Podman's words when it has several names. Decided within the transaction. */
int pm_image_remove_name(struct pm_store *s, const char *id, const char *name,
			 struct pm_image_removed *ret, struct pm_err *err);

/* Put an image into the store, durably: layers bottom first, those with .staged set are moved from st
 * to layers/ (synced before), then rows of layers, image and names are committed at once. On failure
 * nothing of it is in the store. An image that exists already only gets the names. A layer another
 * process committed meanwhile is used, the staged copy stays in st and goes with it.
 * row->names are the names it gets (moved from other images). PM_E_NOSUCH when a layer without .staged
 * is not in the store. st may be NULL when nothing is staged. */
int pm_image_commit(struct pm_store *s, const struct pm_image_row *row,
		    const struct pm_layer_row *layers, size_t n_layers, struct pm_stage *st,
		    struct pm_err *err);

#endif
