#include "cli/sign_options.h"

#include <string.h>

#include "cli/ask.h"
#include "cli/remote_options.h"

const struct pm_opt pm_sign_table[] = {
	{"sign-by", 0, PM_STRING(struct pm_sign_opts, by),
	 "Sign the image using a GPG key with the specified FINGERPRINT", .arg = "FINGERPRINT"},
	{"sign-by-sigstore", 0, PM_STRING(struct pm_sign_opts, params),
	 "Sign the image using a sigstore parameter file at PATH", .arg = "PATH",
	 .complete = PM_COMPLETE_FILE},
	{"sign-by-sigstore-private-key", 0, PM_STRING(struct pm_sign_opts, private_key),
	 "Sign the image using a sigstore private key at PATH", .arg = "PATH",
	 .complete = PM_COMPLETE_FILE},
	{"sign-passphrase-file", 0, PM_STRING(struct pm_sign_opts, passphrase_file),
	 "Read a passphrase for signing an image from PATH", .arg = "PATH",
	 .complete = PM_COMPLETE_FILE},
	{0},
};

void pm_sign_free(struct pm_sign *s)
{
	pm_remote_wipe(&s->passphrase);
	pm_remote_wipe(&s->key_passphrase);
	pm_signing_params_free(&s->params);
	*s = (struct pm_sign){0};
}

/* A private key is of no use without one; gpg has an agent that asks. */
static int find_key_passphrase(struct pm_sign *s, struct pm_err *err)
{
	int r = 0;
	if (s->passphrase)
		s->signing.key_passphrase = s->passphrase;
	else if (s->params.passphrase_file)
		r = pm_read_passphrase(s->params.passphrase_file, &s->key_passphrase, err);
	else
		r = pm_ask_passphrase(s->signing.private_key, false, &s->key_passphrase, err);
	if (s->key_passphrase)
		s->signing.key_passphrase = s->key_passphrase;
	return r;
}

int pm_sign_from(const struct pm_sign_opts *o, const char *identity, struct pm_sign *ret,
		 struct pm_err *err)
{
	int r = 0;
	if (o->private_key && o->params)
		return pm_fail(err, PM_E_USAGE, "only one of --sign-by-sigstore and "
						"--sign-by-sigstore-private-key can be used");
	if (o->passphrase_file && o->by && (o->private_key || o->params))
		return pm_fail(err, PM_E_USAGE, "only one of --sign-by and --sign-by-sigstore-private-key "
						"can be used with --sign-passphrase-file");
	if (!o->by && !o->private_key && !o->params) {
		if (o->passphrase_file || identity)
			return pm_fail(err, PM_E_USAGE, "--sign-%s goes with --sign-by, "
							"--sign-by-sigstore or "
							"--sign-by-sigstore-private-key",
				       identity ? "identity" : "passphrase-file");
		return 0;
	}
	ret->signing = (struct pm_signing){
		.gpg_key = o->by,
		.private_key = o->private_key,
		.identity = identity,
	};
	if (o->params) {
		r = pm_signing_params_load(o->params, &ret->params, err);
		ret->signing.private_key = ret->params.private_key;
	}
	if (r >= 0 && o->passphrase_file)
		r = pm_read_passphrase(o->passphrase_file, &ret->passphrase, err);
	if (r >= 0 && o->by)
		ret->signing.gpg_passphrase = ret->passphrase;
	if (r >= 0 && ret->signing.private_key)
		r = find_key_passphrase(ret, err);
	return r;
}
