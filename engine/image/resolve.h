/*
 * resolve - which image of the store a user's word means.
 *
 * In order, as Podman: "sha256:HEX" and 64 hex digits are an image id; a short name's alias
 * (registries.conf), localhost/NAME, then NAME on each unqualified-search registry, with tag "latest"
 * unless given; a full name with tag or digest; any stored name that ends in "/NAME:TAG"; a unique prefix of an
 * image id. Reads rows only: never enters a user namespace or the network.
 */
#ifndef PM_ENGINE_IMAGE_RESOLVE_H
#define PM_ENGINE_IMAGE_RESOLVE_H

#include "base/err.h"

struct pm_store;

/* ret_id: the image id; *ret_name (may be NULL; the caller frees): the stored name that matched, or
 * NULL when the word was an id. PM_E_NOSUCH: "NAME: image not known"; PM_E_AMBIGUOUS: an id prefix of several. */
int pm_image_resolve(struct pm_store *store, const char *word, char ret_id[65], char **ret_name,
		     struct pm_err *err);

/* The same for another platform, whose parts may be NULL (this host's): of a list its image for it. PM_E_NOSUCH also when
 * the image is for another one. */
struct pm_platform;
int pm_image_resolve_for(struct pm_store *store, const char *word, const struct pm_platform *platform, char ret_id[65],
			 char **ret_name, struct pm_err *err);

/* The same, but a manifest list (engine/image/manifest_list.h) is itself, not its image for this platform. */
int pm_image_resolve_any(struct pm_store *store, const char *word, char ret_id[65], char **ret_name,
			 struct pm_err *err);

/* The name a new image gets from a user's word (tag, import, build -t, commit): short names go to
 * localhost/, the tag "latest" is added; a digest is refused. PM_E_USAGE when malformed. The caller frees. */
int pm_image_new_name(const char *word, char **ret, struct pm_err *err);

#endif
