/*
 * sign_options - the options of push, copy, sync and manifest push that make signatures.
 */
#ifndef PM_CLI_SIGN_OPTIONS_H
#define PM_CLI_SIGN_OPTIONS_H

#include "cli/command.h"
#include "engine/image/signing.h"

struct pm_sign_opts {
	const char *by, *params, *private_key, *passphrase_file;
};

extern const struct pm_opt pm_sign_table[]; /* of struct pm_sign_opts */

/* What they come to; signing points into it and into the options. */
struct pm_sign {
	struct pm_signing signing;
	struct pm_signing_params params;
	char *passphrase, *key_passphrase; /* owned, wiped */
};
void pm_sign_free(struct pm_sign *s);
#define _cleanup_sign_ _cleanup_(pm_sign_free)

/* May ask for a passphrase. identity: --sign-identity, or NULL. PM_E_USAGE: they do not go together. */
int pm_sign_from(const struct pm_sign_opts *o, const char *identity, struct pm_sign *ret,
		 struct pm_err *err);

#endif
