#include "engine/transfer/signing.h"

#include <string.h>

#include "registry/private_key.h"
#include "registry/reference.h"

void pm_tx_signing_free(struct pm_tx_signing *t)
{
	pm_signer_free(t->signer);
	free(t->identity);
	*t = (struct pm_tx_signing){0};
}

/* What is signed must be a name that somebody could ask for. */
static int find_identity(const char *asked, const char *transport, const char *name, char **ret,
			 struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	if (!asked && strcmp(transport, "docker") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "cannot determine canonical Docker reference for destination %s:%s: say "
			       "--sign-identity",
			       transport, name);
	int r = pm_reference_parse_docker(asked ? asked : name, &ref, err);
	if (r < 0)
		return pm_wrap(err, "sign identity");
	if (asked && !ref.tag && !ref.digest)
		return pm_fail(err, PM_E_USAGE, "sign identity must be a fully specified reference, with "
						"a tag or a digest: '%s'",
			       asked);
	pm_reference_default_tag(&ref);
	*ret = pm_reference_str(&ref);
	return 0;
}

int pm_tx_signing_load(const struct pm_session *s, const char *transport, const char *name,
		       struct pm_tx_signing *ret, struct pm_err *err)
{
	const struct pm_wire *w = &s->request;
	ret->wanted = (struct pm_signing){
		.gpg_key = pm_wire_get(w, "sign_by"),
		.gpg_passphrase = pm_wire_get(w, "sign_passphrase"),
		.private_key = pm_wire_get(w, "sign_key"),
		.key_passphrase = pm_wire_get(w, "sign_key_passphrase"),
		.identity = pm_wire_get(w, "sign_identity"),
	};
	if (!pm_signing_wanted(&ret->wanted))
		return 0;
	int r = find_identity(ret->wanted.identity, transport, name, &ret->identity, err);
	return r < 0 ? r : pm_signer_new(&ret->wanted, &ret->signer, err);
}

int pm_tx_generate_key(struct pm_session *s, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf secret = PM_BUF_INIT, open = PM_BUF_INIT;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	const char *passphrase = pm_wire_get(&s->request, "passphrase");
	int r = pm_private_key_generate(passphrase ? passphrase : "", &secret, &open, err);
	if (r < 0)
		return r;
	pm_wire_add(&w, "type", "generated");
	pm_wire_add(&w, "private", pm_buf_str(&secret));
	pm_wire_add(&w, "public", pm_buf_str(&open));
	return pm_session_send(s, &w, err);
}

int pm_tx_signing_check(const struct pm_tx_signing *t, struct pm_destination *d,
			const struct pm_signatures *carried, struct pm_err *err)
{
	int r = 0;
	for (int k = PM_SIGNATURE_SIMPLE; r >= 0 && k <= PM_SIGNATURE_SIGSTORE; k++) {
		enum pm_signature_kind kind = (enum pm_signature_kind)k;
		bool carry = carried && pm_signatures_have(carried, kind);
		if (!carry && !pm_signer_makes(t->signer, kind))
			continue;
		r = pm_destination_takes_signatures(d, kind, err);
		if (r < 0)
			pm_wrap(err, carry ? "cannot copy signatures to %s (--remove-signatures leaves "
					     "them out)"
					   : "cannot store signatures in %s",
				pm_destination_where(d));
	}
	return r;
}

int pm_tx_signing_store(const struct pm_tx_signing *t, struct pm_destination *d,
			struct pm_signatures *carried, const char *digest, bool instance,
			struct pm_err *err)
{
	_cleanup_signatures_ struct pm_signatures all = {0};
	int r = 0;
	if (carried)
		pm_signatures_append(&all, carried);
	if (t->signer)
		r = pm_signer_sign(t->signer, t->identity, digest, &all, err);
	if (r < 0)
		return pm_wrap(err, "signing image %s", digest);
	if (!all.n)
		return 0;
	r = pm_destination_put_signatures(d, &all, digest, instance, err);
	return r < 0 ? pm_wrap(err, "writing signatures") : 0;
}
