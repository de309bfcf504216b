/*
 * crypt - the keys of a request to pm-transfer: what layers are decrypted by on their way in, and encrypted for on
 * their way out.
 *
 * Fields of the request: lists "decryption_key" (a file) and "decryption_passphrase" (as many, "" for none);
 * "encryption_key" (SCHEME:FILE), "encrypt_layer" (an index; negative: from the top). Files are read when the request is.
 */
#ifndef PM_ENGINE_TRANSFER_CRYPT_H
#define PM_ENGINE_TRANSFER_CRYPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "registry/crypt_keys.h"
#include "registry/destination.h"
#include "registry/layer_crypt.h"
#include "registry/manifest.h"

struct pm_tx_crypt {
	struct pm_crypt_keys own;        /* private */
	struct pm_crypt_keys recipients;
	bool decrypts, encrypts;
	int64_t *layers; /* that are to be encrypted; none: all */
	size_t n_layers;
};

int pm_tx_crypt_load(const struct pm_wire *request, struct pm_tx_crypt *ret, struct pm_err *err);
void pm_tx_crypt_free(struct pm_tx_crypt *c);

/* What d, an encrypted layer, is encrypted by. PM_E_USAGE, naming the option: there are no keys, or none opens it. */
int pm_tx_crypt_unlock(const struct pm_tx_crypt *c, const struct pm_descriptor *d,
		       struct pm_layer_secret *ret, struct pm_err *err);
/* Which of an image's n layers are to be encrypted, to ret. PM_E_USAGE: an index is beyond them. */
int pm_tx_crypt_choose(const struct pm_tx_crypt *c, size_t n, bool *ret, struct pm_err *err);
/* Store in, encrypted under a key of its own for the recipients. To ret_locked: its annotations (pm_layer_lock). By any
 * thread. */
int pm_tx_crypt_put(const struct pm_tx_crypt *c, struct pm_destination *d, const struct pm_stream *in,
		    char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_strv *ret_locked,
		    struct pm_err *err);

#endif
