/*
 * signature - signatures of images: fetched from where registries.d says, and verified as policy.json demands.
 *
 * Two kinds: "simple signing" (an OpenPGP message, beside the image in a lookaside storage), and sigstore's as cosign
 * attaches them (an image tagged sha256-HEX.sig in the repository, whose layers are payloads with the signature in an
 * annotation). Both payloads say which manifest and which name they are for. All of it is hostile until a key of the
 * policy has verified it. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_SIGNATURE_H
#define PM_REGISTRY_SIGNATURE_H

#include "base/err.h"
#include "base/json.h"
#include "registry/client.h"
#include "registry/reference.h"
#include "registry/registries_d.h"

enum pm_signature_kind {
	PM_SIGNATURE_SIMPLE,   /* payload is the OpenPGP message */
	PM_SIGNATURE_SIGSTORE, /* payload is signed by sig */
};

struct pm_signature {
	enum pm_signature_kind kind;
	struct pm_buf payload;
	char *sig; /* base64; SIGSTORE */
};

struct pm_signatures {
	struct pm_signature *v;
	size_t n;
};

void pm_signatures_free(struct pm_signatures *s);
#define _cleanup_signatures_ _cleanup_(pm_signatures_free)

/* Those of the manifest digest of ref's repository. None is success. c is a client of that repository. */
int pm_signatures_fetch(struct pm_client *c, const struct pm_reference *ref,
			const struct pm_signature_places *places, const char *digest,
			struct pm_signatures *ret, struct pm_err *err);

/* Is each requirement of list (of registry/policy.h) met by a signature for the manifest digest under the name ref
 * (NULL: the image has none, as in a directory)? PM_E_REMOTE, saying what is missing, when not. where is for the
 * message. */
int pm_signatures_verify(const struct pm_json *list, const struct pm_signatures *s,
			 const struct pm_reference *ref, const char *digest, const char *where,
			 struct pm_err *err);

/* Does a payload (JSON) speak of the manifest, and under a name that the requirement takes? type: what
 * critical.type must be. For tests and pm_signatures_verify. */
int pm_signature_claims(const char *payload, size_t len, const char *type,
			const struct pm_json *identity, const struct pm_reference *ref,
			const char *digest, struct pm_err *err);

#endif
