/*
 * public_key - signatures by plain public keys (PEM): ECDSA and RSA over SHA-256, Ed25519; by libcrypto's EVP, which only
 * pm-transfer links.
 */
#ifndef PM_REGISTRY_PUBLIC_KEY_H
#define PM_REGISTRY_PUBLIC_KEY_H

#include "base/buf.h"
#include "base/err.h"

/* Is signature (base64) one of data by the key in pem? PM_E_REMOTE when not, PM_E_FORMAT for what is no key. */
int pm_public_key_verify(const struct pm_buf *pem, const struct pm_buf *data, const char *signature,
			 struct pm_err *err);

#endif
