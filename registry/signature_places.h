/*
 * signature_places - where the signatures of a registry's images are: a lookaside storage, as registries.d names it, for
 * simple signing; and beside the image, as cosign attaches them, for sigstore's: an image tagged sha256-HEX.sig in the
 * repository, whose layers are the payloads. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_SIGNATURE_PLACES_H
#define PM_REGISTRY_SIGNATURE_PLACES_H

#include "registry/client.h"
#include "registry/reference.h"
#include "registry/registries_d.h"
#include "registry/signature.h"

/* Those of the manifest digest of ref's repository, added to ret. None is success. c is a client of that repository. */
int pm_signatures_fetch(struct pm_client *c, const struct pm_reference *ref,
			const struct pm_signature_places *places, const char *digest,
			struct pm_signatures *ret, struct pm_err *err);

/* Could signatures of that kind be put there? PM_E_UNSUPPORTED, saying why not. Nothing is written. */
int pm_signatures_may_put(const struct pm_reference *ref, const struct pm_signature_places *places,
			  enum pm_signature_kind kind, struct pm_err *err);
/* Put them there: in the lookaside storage they take the place of those that were there, attachments are added. c may
 * write (client.h, "pull,push"). */
int pm_signatures_put(struct pm_client *c, const struct pm_reference *ref,
		      const struct pm_signature_places *places, const char *digest,
		      const struct pm_signatures *s, struct pm_err *err);

#endif
