/*
 * private_key - sigstore's private keys: a PEM block "ENCRYPTED SIGSTORE PRIVATE KEY" (or COSIGN) that holds a JSON text, in
 * which a PKCS #8 key is encrypted by NaCl's secretbox under a passphrase's scrypt (theupdateframework's encrypted format,
 * as cosign and containers/image write it). Keys are ECDSA, Ed25519 or RSA.
 *
 * By libcrypto's EVP and libsodium (secretbox: XSalsa20 is not in libcrypto), which only pm-transfer links. What is secret
 * is wiped.
 */
#ifndef PM_REGISTRY_PRIVATE_KEY_H
#define PM_REGISTRY_PRIVATE_KEY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_private_key;

/* From a file's text. PM_E_FORMAT: it is no such key, or asks for more memory than 256 MiB; PM_E_UNAUTH: the passphrase is
 * wrong. */
int pm_private_key_load(const struct pm_buf *pem, const char *passphrase, struct pm_private_key **ret,
			struct pm_err *err);
void pm_private_key_free(struct pm_private_key *k); /* NULL is fine */

/* The signature of data, in base64; the caller frees. */
int pm_private_key_sign(const struct pm_private_key *k, const struct pm_buf *data, char **ret,
			struct pm_err *err);

/* A new key (ECDSA, P-256): its encrypted and its public half, in PEM; appended. */
int pm_private_key_generate(const char *passphrase, struct pm_buf *ret_private,
			    struct pm_buf *ret_public, struct pm_err *err);

/* The JSON text within: how it is encrypted. Checked, so that what follows is bounded. For pm_private_key_load and
 * tests. */
struct pm_key_box {
	uint64_t n;    /* scrypt */
	uint32_t r, p;
	char *salt, *nonce, *text; /* owned */
	size_t salt_len, text_len; /* nonce: as long as secretbox's */
};
void pm_key_box_free(struct pm_key_box *b);
int pm_key_box_parse(const char *json, size_t len, struct pm_key_box *ret, struct pm_err *err);

#endif
