/*
 * digest - content digests ("sha256:" and 64 lower-case hex digits), OCI image spec, descriptor.md.
 *
 * A digest from outside becomes part of paths and URLs only after pm_digest_valid said yes. SHA-256
 * is the only algorithm pm verifies; others are refused by name, never trusted unchecked. Libc-only
 * but for pm_digest_of and pm_digest_verify (libcrypto).
 */
#ifndef PM_REGISTRY_DIGEST_H
#define PM_REGISTRY_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PM_DIGEST_SIZE 72 /* "sha256:", 64 digits, NUL */

/* Exactly "sha256:" and 64 digits of [0-9a-f]. NULL is no digest. */
bool pm_digest_valid(const char *s);
/* Exactly 64 digits of [0-9a-f]: an image id or chain id. */
bool pm_hex64_valid(const char *s);
/* As pm_digest_valid with the reason in err: PM_E_UNSUPPORTED for a well-formed digest of another
 * algorithm, PM_E_FORMAT for all else. what names the document for the message. */
int pm_digest_check(const char *s, const char *what, struct pm_err *err);
/* The 64 digits within a valid digest. */
const char *pm_digest_hex(const char *digest);

/* The digest of a whole document. */
void pm_digest_of(const void *data, size_t len, char ret[PM_DIGEST_SIZE]);
/* PM_E_DIGEST, naming both, unless data has that digest. */
int pm_digest_verify(const void *data, size_t len, const char *want, const char *what,
		     struct pm_err *err);

/* Chain ids (OCI image spec, config.md): the hex of diff_ids[0] for one layer, then
 * sha256("sha256:PARENT sha256:DIFF_ID"). parent NULL for the lowest layer. diff_id is a valid
 * digest, parent and the result are hex without "sha256:". */
void pm_chain_id(const char *parent, const char *diff_id, char ret[65]);

#endif
