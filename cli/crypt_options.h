/*
 * crypt_options - the options of copy, push and pull for encrypted layers.
 */
#ifndef PM_CLI_CRYPT_OPTIONS_H
#define PM_CLI_CRYPT_OPTIONS_H

#include "cli/option.h"
#include "engine/image/crypt.h"

struct pm_encrypt_opts {
	struct pm_strv keys, layers;
};

extern const struct pm_opt pm_encrypt_table[]; /* of struct pm_encrypt_opts */

/* ret points into o. PM_E_USAGE: they do not go together. */
int pm_encrypt_from(const struct pm_encrypt_opts *o, struct pm_encryption *ret, struct pm_err *err);

/* The entry --decryption-key of a table: words for pm_decryption_parse. */
#define PM_DECRYPTION_KEY(S, field)                                                                \
	{"decryption-key", 0, PM_LIST(S, field),                                                   \
	 "Key needed to decrypt the image (a private key or a certificate; may be repeated)",      \
	 .arg = "key[:passphrase]", .complete = PM_COMPLETE_FILE}

#endif
