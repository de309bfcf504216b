/*
 * signer - makes signatures of manifests: simple signing's with a key of the user's gpg, sigstore's with a private key's
 * file. Both at once are possible. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_SIGNER_H
#define PM_REGISTRY_SIGNER_H

#include "registry/signature.h"

/* All borrowed, NULL: none. Plain data, for pm too. */
struct pm_signing {
	const char *gpg_key;        /* what gpg takes for --local-user */
	const char *gpg_passphrase; /* NULL: gpg asks its agent */
	const char *private_key;    /* a file (registry/private_key.h) */
	const char *key_passphrase; /* with private_key */
	const char *identity;       /* the name that is signed, instead of the destination's */
};

static inline bool pm_signing_wanted(const struct pm_signing *o)
{
	return o && (o->gpg_key || o->private_key);
}

struct pm_signer;

/* o is borrowed for the signer's life. The private key is read and decrypted now, so that nothing is copied in vain. */
int pm_signer_new(const struct pm_signing *o, struct pm_signer **ret, struct pm_err *err);
void pm_signer_free(struct pm_signer *s); /* NULL is fine */

/* Signatures of the manifest digest under the name identity, added to ret. */
int pm_signer_sign(const struct pm_signer *s, const char *identity, const char *digest,
		   struct pm_signatures *ret, struct pm_err *err);
/* Does it make signatures of that kind? */
bool pm_signer_makes(const struct pm_signer *s, enum pm_signature_kind kind);

#endif
