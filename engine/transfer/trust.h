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

/* transport, scope: as for pm_policy_check. client: of the image's repository, NULL for what is no registry. digest: the
 * image's manifest's; list: of the list that it was chosen from, or NULL: a signature for either will do. 0 also
 * when nothing is demanded. */
int pm_trust_verify(struct pm_session *s, const char *transport, const char *scope,
		    struct pm_client *client, const char *digest, const char *list,
		    struct pm_err *err);

#endif
