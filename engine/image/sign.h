/*
 * sign - a "simple signing" signature of an image in a registry: made by gpg with a key of the user's, and put into the
 * lookaside storage, a directory. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_SIGN_H
#define PM_ENGINE_IMAGE_SIGN_H

#include "base/err.h"

struct pm_sign_options {
	const char *key;          /* what gpg takes for --local-user */
	const char *passphrase;   /* or NULL: gpg asks its agent */
	const char *identity;     /* the name that is signed, instead of the image's own; or NULL */
	const char *directory;    /* the storage, instead of the one of registries.d; or NULL */
	const char *registries_d; /* or NULL */
};

/* name: a reference without "docker://"; digest: of its manifest. PM_E_UNSUPPORTED: the storage is no directory. */
int pm_image_sign(const char *name, const char *digest, const struct pm_sign_options *o,
		  struct pm_err *err);

struct pm_store;
struct pm_strv;

/* Signatures of a stored image with gpg's key, one under each of its names (whole references), kept with the image beside
 * those that it has: a push or copy of it takes them on. PM_E_NOSUCH. */
int pm_image_sign_stored(struct pm_store *store, const char *id, char *const *names, size_t n, const char *key,
			 struct pm_err *err);

#endif
