/*
 * signing - the signatures that pm-transfer makes for what it writes, as the request asks.
 *
 * Fields of the request: "sign_by" (gpg's key), "sign_passphrase"; "sign_key" (a sigstore private key's file),
 * "sign_key_passphrase"; "sign_identity".
 */
#ifndef PM_ENGINE_TRANSFER_SIGNING_H
#define PM_ENGINE_TRANSFER_SIGNING_H

#include "engine/transfer/session.h"
#include "registry/destination.h"
#include "registry/signer.h"

struct pm_tx_signing {
	struct pm_signing wanted; /* points into the request */
	struct pm_signer *signer; /* NULL: nothing is to be signed */
	char *identity;
};

void pm_tx_signing_free(struct pm_tx_signing *t);

/* transport, name: of the destination, whose name is signed unless the request says another. Keys are read now. PM_E_USAGE:
 * the destination gives images no name. */
int pm_tx_signing_load(const struct pm_session *s, const char *transport, const char *name,
		       struct pm_tx_signing *ret, struct pm_err *err);
/* The request "generate-key": passphrase -> private, public (registry/private_key.h). */
int pm_tx_generate_key(struct pm_session *s, struct pm_err *err);
/* Are there places for what is carried along (may be NULL) and what will be made? Before anything is copied. */
int pm_tx_signing_check(const struct pm_tx_signing *t, struct pm_destination *d,
			const struct pm_signatures *carried, struct pm_err *err);
/* Store what is carried along (may be NULL) and what is made for the manifest. Before the manifest itself, so that nobody sees it
 * unsigned. instance: it is one of a list. */
int pm_tx_signing_store(const struct pm_tx_signing *t, struct pm_destination *d,
			struct pm_signatures *carried, const char *digest, bool instance,
			struct pm_err *err);

#endif
