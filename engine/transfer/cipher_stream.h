/*
 * cipher_stream - a layer's blob encrypted or decrypted, as a stream (registry/layer_cipher.h does the work).
 *
 * A decrypted one ends only when its HMAC is right; else with PM_E_DIGEST. None can be rewound: the HMAC is of the bytes that
 * came, and a source that gave others the second time would not be found out.
 */
#ifndef PM_ENGINE_TRANSFER_CIPHER_STREAM_H
#define PM_ENGINE_TRANSFER_CIPHER_STREAM_H

#include <stdbool.h>

#include "registry/digest.h"
#include "registry/layer_cipher.h"
#include "registry/stream.h"

struct pm_cipher_stream;

/* in is copied; what is behind it must outlive the stream. secret: copied. */
int pm_cipher_stream_new(const struct pm_stream *in, const struct pm_layer_secret *secret, bool encrypt,
			 struct pm_cipher_stream **ret, struct pm_err *err);
struct pm_stream pm_cipher_stream(struct pm_cipher_stream *s);
/* Encrypting, once all was read: the digest of what was encrypted, and the HMAC into secret. */
int pm_cipher_stream_finish(struct pm_cipher_stream *s, char ret_digest[PM_DIGEST_SIZE],
			    struct pm_layer_secret *secret, struct pm_err *err);
/* Decrypting: was it read to its end, and was that right? What was made of it counts only then. */
int pm_cipher_stream_check(const struct pm_cipher_stream *s, struct pm_err *err);
void pm_cipher_stream_free(struct pm_cipher_stream *s); /* NULL is fine */

#endif
