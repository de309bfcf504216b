/*
 * storage_ref - what follows "containers-storage:" (containers-transports(5)):
 * [[DRIVER@]GRAPHROOT[+RUNROOT][:OPTION,...]]IMAGE, IMAGE alone meaning this store.
 */
#ifndef PM_ENGINE_IMAGE_STORAGE_REF_H
#define PM_ENGINE_IMAGE_STORAGE_REF_H

#include "base/err.h"

struct pm_storage_ref {
	char *driver; /* "" when not given; NULL, as root and runroot, for this store */
	char *root;   /* absolute; Podman's own default when it was empty */
	char *runroot; /* "" when not given */
	char *image;  /* may be empty: all images */
};

void pm_storage_ref_free(struct pm_storage_ref *ref);
#define _cleanup_storage_ref_ __attribute__((cleanup(pm_storage_ref_free)))

/* ret must be zeroed. PM_E_USAGE when malformed. Options are for a store that is written to: they are
 * passed over. */
int pm_storage_ref_parse(const char *text, struct pm_storage_ref *ret, struct pm_err *err);

#endif
