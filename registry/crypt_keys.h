/*
 * crypt_keys - the keys that layers are encrypted for and decrypted by, read from the user's files: PEM or DER.
 *
 * For whom: "jwe:FILE", a public key (RSA, or EC of P-256, P-384, P-521); "pkcs7:FILE", an RSA certificate. By what: private
 * keys of these kinds, perhaps under a passphrase, and certificates, which pkcs7 needs beside the key. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_CRYPT_KEYS_H
#define PM_REGISTRY_CRYPT_KEYS_H

#include <openssl/types.h>
#include <stddef.h>

#include "base/err.h"

enum { PM_CRYPT_KEYS_MAX = 64 }; /* of each kind */

/* An open record; starts as all zeros. */
struct pm_crypt_keys {
	EVP_PKEY *keys[PM_CRYPT_KEYS_MAX]; /* owned: public ones of recipients, else private ones */
	size_t n_keys;
	X509 *certs[PM_CRYPT_KEYS_MAX]; /* owned */
	size_t n_certs;
};

void pm_crypt_keys_free(struct pm_crypt_keys *k);
#define _cleanup_crypt_keys_ _cleanup_(pm_crypt_keys_free)

/* Add a recipient. PM_E_USAGE: word is none, or its file holds none; PM_E_UNSUPPORTED: a key of another kind. */
int pm_crypt_keys_recipient(struct pm_crypt_keys *k, const char *word, struct pm_err *err);
/* Add the private key, and the certificate, of a file. passphrase: NULL or "": none. PM_E_USAGE: it holds neither, or the
 * passphrase is missing or wrong. */
int pm_crypt_keys_private(struct pm_crypt_keys *k, const char *path, const char *passphrase,
			  struct pm_err *err);

#endif
