/*
 * jwe - JSON Web Encryption (RFC 7516) as far as layers' keys are wrapped by it: any number of recipients, each by RSA-OAEP,
 * RSA-OAEP-256 or ECDH-ES (alone, or with AES key wrap; P-256, P-384, P-521); content by AES-GCM.
 *
 * All text is hostile, and bounded. Compression ("zip"), "crit" and other algorithms are refused by name.
 */
#ifndef PM_REGISTRY_JWE_H
#define PM_REGISTRY_JWE_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum {
	PM_JWE_MAX = 1 << 20, /* bytes of a whole text */
	PM_JWE_RECIPIENTS_MAX = 64,
};

/* Decoded bytes; data is the pool's. */
struct pm_jwe_bytes {
	const uint8_t *data;
	size_t len;
};

struct pm_jwe_recipient {
	const char *alg;
	struct pm_jwe_bytes key;      /* encrypted */
	const char *curve;            /* of the ephemeral key; NULL: it has none */
	struct pm_jwe_bytes x, y;     /* its coordinates */
	struct pm_jwe_bytes apu, apv; /* empty: not given */
};

struct pm_jwe {
	struct pm_json_pool *pool; /* of all below; owned */
	const char *protected_text; /* as it stands there: part of what is authenticated */
	const char *aad;            /* the same; NULL: none */
	const char *enc;
	struct pm_jwe_bytes iv, text, tag;
	struct pm_jwe_recipient *recipients;
	size_t n;
};

void pm_jwe_free(struct pm_jwe *j);
#define _cleanup_jwe_ _cleanup_(pm_jwe_free)

/* General or flattened JSON, or the compact form. PM_E_FORMAT: malformed; PM_E_UNSUPPORTED. */
int pm_jwe_parse(const char *text, size_t len, struct pm_jwe *ret, struct pm_err *err);
/* Append what is encrypted to out, which the caller wipes. PM_E_NOSUCH: key is that of no recipient. */
int pm_jwe_decrypt(const struct pm_jwe *j, EVP_PKEY *key, struct pm_buf *out, struct pm_err *err);
/* data for the n keys (RSA: RSA-OAEP; EC: ECDH-ES+A256KW; at least one), content by A256GCM; JSON, flattened for one
 * recipient, appended to out. */
int pm_jwe_encrypt(EVP_PKEY *const *keys, size_t n, const void *data, size_t len, struct pm_buf *out,
		   struct pm_err *err);
/* The JWK name of an EC key's curve; NULL: none that is supported. */
const char *pm_jwe_curve(const EVP_PKEY *key);

#endif
