/*
 * signature_policy - do an image's signatures meet what policy.json demands of it (registry/policy.h)? Runs in pm-transfer: it
 * needs libcrypto's EVP and runs gpg.
 */
#ifndef PM_REGISTRY_SIGNATURE_POLICY_H
#define PM_REGISTRY_SIGNATURE_POLICY_H

#include "base/json.h"
#include "registry/reference.h"
#include "registry/signature.h"

/* Is each requirement of list met by a signature for the manifest digest under the name ref (NULL: the image has none, as in
 * a directory)? PM_E_REMOTE, saying what is missing, when not. where is for the message. */
int pm_signatures_verify(const struct pm_json *list, const struct pm_signatures *s,
			 const struct pm_reference *ref, const char *digest, const char *where,
			 struct pm_err *err);

#endif
