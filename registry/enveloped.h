/*
 * enveloped - PKCS #7 enveloped data (RFC 2315, 10) as far as layers' keys are wrapped by it: recipients by issuer and serial
 * number of an RSA certificate, key transport by PKCS #1 v1.5.
 *
 * What is written is what ocicrypt writes, and all that it reads: content by AES-128-GCM, the tag behind it, and parameters
 * that are no proper DER: a SEQUENCE without the bit for "constructed", around the one that is meant, whose nonce has the
 * tag [4]. Read are also proper ones, and AES-CBC as openssl smime -encrypt makes it. All bytes read are hostile.
 */
#ifndef PM_REGISTRY_ENVELOPED_H
#define PM_REGISTRY_ENVELOPED_H

#include <openssl/types.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum { PM_ENVELOPED_MAX = 1 << 20, PM_ENVELOPED_RECIPIENTS_MAX = 64 };

struct pm_enveloped;

/* DER, or BER. PM_E_FORMAT: malformed; PM_E_UNSUPPORTED: a cipher that is not read. */
int pm_enveloped_parse(const void *data, size_t len, struct pm_enveloped **ret, struct pm_err *err);
void pm_enveloped_free(struct pm_enveloped *e); /* NULL is fine */
/* Append what is within to out, which the caller wipes. key is cert's. PM_E_NOSUCH: cert is no recipient, or key opens
 * nothing. */
int pm_enveloped_open(const struct pm_enveloped *e, X509 *cert, EVP_PKEY *key, struct pm_buf *out,
		      struct pm_err *err);
/* data for the n certificates (at least one, RSA), DER appended to out. */
int pm_enveloped_seal(X509 *const *certs, size_t n, const void *data, size_t len, struct pm_buf *out,
		      struct pm_err *err);

#endif
