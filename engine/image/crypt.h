/*
 * crypt - keys of the command line for encrypted layers, and requests to pm-transfer that need them
 * (engine/transfer/crypt.h). Runs in pm, which reads passphrases only; the keys' files are pm-transfer's to read.
 */
#ifndef PM_ENGINE_IMAGE_CRYPT_H
#define PM_ENGINE_IMAGE_CRYPT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"

/* What encrypted layers are decrypted by. Starts as all zeros. */
struct pm_decryption {
	struct pm_strv files, passphrases; /* as many, "" for none; wiped */
};
void pm_decryption_free(struct pm_decryption *d);
#define _cleanup_decryption_ _cleanup_(pm_decryption_free)

/* Words FILE[:PASSPHRASE], where PASSPHRASE may be pass=TEXT, file=FILE or fd=NUMBER (read here, once). PM_E_USAGE;
 * PM_E_UNSUPPORTED: pkcs11, provider. */
int pm_decryption_parse(const struct pm_strv *words, struct pm_decryption *ret, struct pm_err *err);
/* d may be NULL. */
void pm_decryption_add(struct pm_wire *w, const struct pm_decryption *d);

/* For whom layers are encrypted, and which. Borrowed. */
struct pm_encryption {
	const struct pm_strv *keys;   /* SCHEME:FILE */
	const struct pm_strv *layers; /* indexes; none: all */
};

static inline bool pm_encryption_wanted(const struct pm_encryption *e)
{
	return e && e->keys && e->keys->n;
}

/* PM_E_USAGE: layers without keys, or what is no index; PM_E_UNSUPPORTED: pgp, pkcs11, provider. */
int pm_encryption_check(const struct pm_encryption *e, struct pm_err *err);
/* e may be NULL. */
void pm_encryption_add(struct pm_wire *w, const struct pm_encryption *e);

#endif
