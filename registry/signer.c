#include "registry/signer.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "registry/gpg.h"
#include "registry/private_key.h"
#include "registry/signature_payload.h"

enum { KEY_FILE_MAX = 1 << 20 };

struct pm_signer {
	const struct pm_signing *o;
	struct pm_private_key *key; /* NULL: none */
};

void pm_signer_free(struct pm_signer *s)
{
	if (!s)
		return;
	pm_private_key_free(s->key);
	free(s);
}

int pm_signer_new(const struct pm_signing *o, struct pm_signer **ret, struct pm_err *err)
{
	struct pm_signer *s = PM_NEW(struct pm_signer);
	int r = 0;
	s->o = o;
	if (o->private_key) {
		_cleanup_buf_ struct pm_buf pem = PM_BUF_INIT;
		r = pm_fs_read_file(AT_FDCWD, o->private_key, KEY_FILE_MAX, &pem, err);
		if (r >= 0)
			r = pm_private_key_load(&pem, o->key_passphrase ? o->key_passphrase : "", &s->key,
						err);
		if (r < 0)
			pm_wrap(err, "private key %s", o->private_key);
	}
	if (r < 0) {
		pm_signer_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

bool pm_signer_makes(const struct pm_signer *s, enum pm_signature_kind kind)
{
	return s && (kind == PM_SIGNATURE_SIMPLE ? s->o->gpg_key != NULL : s->key != NULL);
}

int pm_signer_sign(const struct pm_signer *s, const char *identity, const char *digest,
		   struct pm_signatures *ret, struct pm_err *err)
{
	int r = 0;
	if (s->o->gpg_key) {
		_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT, message = PM_BUF_INIT;
		pm_payload_make(PM_PAYLOAD_SIMPLE, identity, digest, &payload);
		r = pm_gpg_sign(s->o->gpg_key, s->o->gpg_passphrase, &payload, &message, err);
		if (r < 0)
			return r;
		struct pm_signature *one = pm_signatures_add(ret, PM_SIGNATURE_SIMPLE);
		one->payload = message;
		message = (struct pm_buf)PM_BUF_INIT;
	}
	if (s->key) {
		_cleanup_buf_ struct pm_buf payload = PM_BUF_INIT;
		_cleanup_free_ char *sig = NULL;
		pm_payload_make(PM_PAYLOAD_SIGSTORE, identity, digest, &payload);
		r = pm_private_key_sign(s->key, &payload, &sig, err);
		if (r < 0)
			return pm_wrap(err, "private key %s", s->o->private_key);
		struct pm_signature *one = pm_signatures_add(ret, PM_SIGNATURE_SIGSTORE);
		one->payload = payload;
		payload = (struct pm_buf)PM_BUF_INIT;
		one->media_type = pm_strdup(PM_SIGSTORE_PAYLOAD);
		pm_strv_add(&one->notes, PM_SIGSTORE_SIGNATURE);
		pm_strv_add(&one->notes, sig);
	}
	return 0;
}
