/*
 * layer_crypt - encrypted layers as ocicrypt has them: a layer's media type ends in "+encrypted", and annotations of its
 * descriptor hold what it was encrypted by (registry/layer_cipher.h), wrapped for each recipient.
 *
 *	org.opencontainers.image.enc.keys.jwe	base64 of a JWE (registry/jwe.h), or several, separated by commas
 *	org.opencontainers.image.enc.keys.pkcs7	base64 of enveloped data (registry/enveloped.h), the same
 *	org.opencontainers.image.enc.pubopts	base64 of {"cipher","hmac","cipheroptions"}
 *
 * Wrapped is {"symkey","digest","cipheroptions":{"nonce"}}. Its digest is that of what was encrypted, or of what that
 * was made from (ocicrypt does not know better), so nothing relies on it. All annotations are hostile.
 */
#ifndef PM_REGISTRY_LAYER_CRYPT_H
#define PM_REGISTRY_LAYER_CRYPT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "registry/crypt_keys.h"
#include "registry/layer_cipher.h"
#include "registry/manifest.h"

/* What d, an encrypted layer, is encrypted by. PM_E_USAGE: none of the keys opens it; PM_E_FORMAT, PM_E_UNSUPPORTED: what its
 * annotations say. */
int pm_layer_unlock(const struct pm_descriptor *d, const struct pm_crypt_keys *keys,
		    struct pm_layer_secret *ret, struct pm_err *err);
/* The annotations of a layer that secret (its hmac, too) encrypted for the recipients; digest: of what was encrypted. To ret:
 * names and values in turn. */
int pm_layer_lock(const struct pm_layer_secret *secret, const char *digest,
		  const struct pm_crypt_keys *recipients, struct pm_strv *ret, struct pm_err *err);
/* annotations (an object, or NULL) without those of encryption, and with more (as pm_layer_lock gives them; may be NULL). NULL
 * when nothing is left. */
struct pm_json *pm_layer_annotations(struct pm_json_pool *pool, const struct pm_json *annotations,
				     const struct pm_strv *more);

#endif
