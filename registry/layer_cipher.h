/*
 * layer_cipher - the cipher of encrypted layers (ocicrypt's AES_256_CTR_HMAC_SHA256): AES-256 in counter mode, and an
 * HMAC-SHA256 by the same key of what is encrypted.
 *
 * Bytes come once and in order, in pieces of any size. Counter mode hides nothing of a change: what was decrypted counts only
 * after pm_layer_cipher_check. By one thread at a time; a fork's child has a copy of its own.
 */
#ifndef PM_REGISTRY_LAYER_CIPHER_H
#define PM_REGISTRY_LAYER_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	PM_LAYER_KEY_SIZE = 32,
	PM_LAYER_NONCE_SIZE = 16,
	PM_LAYER_HMAC_SIZE = 32,
};

/* What a layer is encrypted by. To be wiped (pm_layer_secret_wipe). */
struct pm_layer_secret {
	uint8_t key[PM_LAYER_KEY_SIZE];
	uint8_t nonce[PM_LAYER_NONCE_SIZE]; /* the first counter block */
	uint8_t hmac[PM_LAYER_HMAC_SIZE];
};

/* A new key and nonce. */
int pm_layer_secret_random(struct pm_layer_secret *ret, struct pm_err *err);
void pm_layer_secret_wipe(struct pm_layer_secret *s);
#define _cleanup_layer_secret_ _cleanup_(pm_layer_secret_wipe)

struct pm_layer_cipher;

/* secret is copied; when decrypting its hmac is what pm_layer_cipher_check wants. */
int pm_layer_cipher_new(const struct pm_layer_secret *secret, bool encrypt,
			struct pm_layer_cipher **ret, struct pm_err *err);
void pm_layer_cipher_free(struct pm_layer_cipher *c); /* NULL is fine */

/* The next len bytes, in place. */
int pm_layer_cipher_run(struct pm_layer_cipher *c, void *data, size_t len, struct pm_err *err);
/* All was run: its HMAC. */
int pm_layer_cipher_hmac(struct pm_layer_cipher *c, uint8_t ret[PM_LAYER_HMAC_SIZE], struct pm_err *err);
/* All was decrypted: is it what was encrypted? PM_E_DIGEST when not. */
int pm_layer_cipher_check(struct pm_layer_cipher *c, struct pm_err *err);

#endif
