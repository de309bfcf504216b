/*
 * signing - requests to pm-transfer that ask for signatures (engine/transfer/signing.h), and what --sign-by-sigstore's file
 * says. Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_SIGNING_H
#define PM_ENGINE_IMAGE_SIGNING_H

#include "base/json.h"
#include "base/wire.h"
#include "registry/signer.h"

/* The fields that engine/transfer/signing.h reads. o may be NULL. */
void pm_signing_add(struct pm_wire *w, const struct pm_signing *o);

/* A new sigstore key pair (registry/private_key.h), by pm-transfer; appended. */
int pm_signing_generate(const char *passphrase, struct pm_buf *ret_private, struct pm_buf *ret_public,
			struct pm_err *err);

/* containers-sigstore-signing-params.yaml(5). NULL: not said. */
struct pm_signing_params {
	char *private_key, *passphrase_file; /* owned */
};
void pm_signing_params_free(struct pm_signing_params *p);
#define _cleanup_signing_params_ _cleanup_(pm_signing_params_free)

/* From a file's text. PM_E_UNSUPPORTED for Fulcio's and Rekor's parts, PM_E_FORMAT for what is malformed or not known. */
int pm_signing_params_parse(const char *text, size_t len, struct pm_signing_params *ret,
			    struct pm_err *err);
int pm_signing_params_load(const char *path, struct pm_signing_params *ret, struct pm_err *err);

#endif
