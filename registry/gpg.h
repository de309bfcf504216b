/*
 * gpg - OpenPGP messages ("simple signing") verified and made by GnuPG's gpg, which is run as gpgme would run it: for
 * verification with a home directory of its own that holds the policy's keys alone, so that a good signature is one by them.
 * It is gpg/home-<random> of the run root, which the environment names; what a killed process left the next one removes.
 */
#ifndef PM_REGISTRY_GPG_H
#define PM_REGISTRY_GPG_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* pm tells pm-transfer where the run root is by this variable. */
#define PM_GPG_RUNROOT "_PM_RUNROOT"

/* Is message one whole, signed by one of the keys (n keyrings, armoured or not), and by it alone? Its content is appended to
 * ret_payload. PM_E_REMOTE when not; PM_E_UNSUPPORTED without gpg. */
int pm_gpg_verify(const struct pm_buf *keys, size_t n, const struct pm_buf *message,
		  struct pm_buf *ret_payload, struct pm_err *err);
/* The same with the user's own keyring: is it signed by the key with that fingerprint, and by it alone? */
int pm_gpg_verify_by(const char *fingerprint, const struct pm_buf *message, struct pm_buf *ret_payload,
		     struct pm_err *err);
/* payload as a message signed by the user's key (anything gpg takes for --local-user); passphrase may be NULL. */
int pm_gpg_sign(const char *key, const char *passphrase, const struct pm_buf *payload,
		struct pm_buf *ret_message, struct pm_err *err);

#endif
