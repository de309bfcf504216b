/*
 * trust - the signatures that policy.json demands of an image on its way, verified before any of its layers is fetched.
 *
 * Fields of the request: "signed" ("1": pm found requirements), "policy" (the file, missing: the default),
 * "registries_d".
 */
#ifndef PM_ENGINE_TRANSFER_TRUST_H
#define PM_ENGINE_TRANSFER_TRUST_H

#include "base/err.h"
#include "engine/transfer/session.h"
#include "registry/client.h"
#include "registry/signature.h"

/* Gives the signatures of the manifest digest, added to ret. */
typedef int pm_trust_fetch_fn(void *arg, const char *digest, struct pm_signatures *ret,
			      struct pm_err *err);

/* An image whose signatures are looked at. */
struct pm_trust_image {
	const char *transport, *scope; /* as for pm_policy_check */
	const char *digest;            /* of its manifest */
	const char *list;              /* of the list it was chosen from, or NULL: a signature for either will do */
	pm_trust_fetch_fn *fetch;      /* NULL: what is there has no signatures */
	void *arg;
};

/* Is anything demanded? */
bool pm_trust_wanted(const struct pm_session *s);
/* s: the signatures of digest, as fetched. 0 also when nothing is demanded. */
int pm_trust_verify(struct pm_session *session, const struct pm_trust_image *i,
		    const struct pm_signatures *s, struct pm_err *err);

/* pm_trust_fetch_fn over an image in a registry; arg: this. */
struct pm_trust_registry {
	struct pm_client *client;
	const struct pm_reference *ref;
	const char *registries_d; /* or NULL */
};
pm_trust_fetch_fn pm_trust_fetch_registry;

#endif
