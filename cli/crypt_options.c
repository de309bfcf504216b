#include "cli/crypt_options.h"

const struct pm_opt pm_encrypt_table[] = {
	{"encrypt-layer", 0, PM_LIST(struct pm_encrypt_opts, layers),
	 "Layers to encrypt, 0-indexed layer indices with support for negative indexing (e.g. 0 is the first layer, -1 is "
	 "the last layer). If not defined, will encrypt all layers if encryption-key flag is specified",
	 .arg = "ints"},
	{"encryption-key", 0, PM_LIST(struct pm_encrypt_opts, keys),
	 "Key with the encryption protocol to use to encrypt the image (e.g. jwe:/path/to/key.pem)",
	 .arg = "protocol:keyfile"},
	{0},
};

int pm_encrypt_from(const struct pm_encrypt_opts *o, struct pm_encryption *ret, struct pm_err *err)
{
	*ret = (struct pm_encryption){&o->keys, &o->layers};
	return pm_encryption_check(ret, err);
}
