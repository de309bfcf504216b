/*
 * registries_d - containers-registries.d(5): where signatures of images in registries are.
 *
 * The directory is the one named, else ~/.config/containers/registries.d when it is there, else
 * /etc/containers/registries.d; its *.yaml files together are one configuration, and a scope given twice is an
 * error. The section of the most specific scope counts alone, then default-docker.
 */
#ifndef PM_REGISTRY_REGISTRIES_D_H
#define PM_REGISTRY_REGISTRIES_D_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "registry/reference.h"

struct pm_signature_places {
	char *staging;    /* where it is written, if elsewhere; or NULL; owned */
	char *lookaside;  /* URL of simple signing's storage, or NULL; owned */
	bool attachments; /* sigstore signatures beside the image */
};

void pm_signature_places_free(struct pm_signature_places *p);
#define _cleanup_places_ _cleanup_(pm_signature_places_free)

/* dir NULL: the default. */
int pm_registries_d_find(const char *dir, const struct pm_reference *ref,
			 struct pm_signature_places *ret, struct pm_err *err);
/* The directory of the lookaside storage that is written to; the caller frees. PM_E_UNSUPPORTED: there is none for ref. */
int pm_signature_places_directory(const struct pm_signature_places *places,
				  const struct pm_reference *ref, char **ret, struct pm_err *err);

#endif
