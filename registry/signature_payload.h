/*
 * signature_payload - what is signed: a JSON text that names a manifest's digest and the image's name (containers-signature(5),
 * cosign's SIGNATURE_SPEC). Made for signing, and compared with what was asked for after its signature was verified.
 */
#ifndef PM_REGISTRY_SIGNATURE_PAYLOAD_H
#define PM_REGISTRY_SIGNATURE_PAYLOAD_H

#include "base/json.h"
#include "registry/reference.h"

/* critical.type of the two kinds */
#define PM_PAYLOAD_SIMPLE "atomic container signature"
#define PM_PAYLOAD_SIGSTORE "cosign container image signature"

/* Append a payload: type as above, identity: the image's name. */
void pm_payload_make(const char *type, const char *identity, const char *digest, struct pm_buf *out);

/* Is the payload well-formed, of that type and for the manifest digest? *ret_name (the caller frees): the name it is
 * for. PM_E_FORMAT, PM_E_REMOTE: for another manifest. */
int pm_payload_read(const char *payload, size_t len, const char *type, const char *digest,
		    char **ret_name, struct pm_err *err);
/* The same, and is the name one that the policy's identity (signedIdentity, NULL: the default) takes for ref (NULL: the image has
 * no name, as in a directory)? */
int pm_payload_check(const char *payload, size_t len, const char *type,
		     const struct pm_json *identity, const struct pm_reference *ref,
		     const char *digest, struct pm_err *err);

#endif
