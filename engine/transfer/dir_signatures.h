/*
 * dir_signatures - the signatures beside an image in a directory (dir:): signature-1, signature-2 and so on for the manifest
 * that manifest.json is, HEX.signature-1 and so on for an image of its list.
 */
#ifndef PM_ENGINE_TRANSFER_DIR_SIGNATURES_H
#define PM_ENGINE_TRANSFER_DIR_SIGNATURES_H

#include "engine/transfer/files.h"
#include "registry/signature.h"

/* digest: of the manifest; top: of manifest.json's. Added to ret; none is success. */
int pm_dir_signatures(struct pm_files *f, const char *digest, const char *top,
		      struct pm_signatures *ret, struct pm_err *err);

#endif
