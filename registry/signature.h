/*
 * signature - signatures of images as they are carried about: what they are, and the bytes that they are kept as.
 *
 * Two kinds: "simple signing" (an OpenPGP message with a payload in it), and sigstore's (a payload with annotations, one
 * of which is its signature). Both payloads say which manifest and which name they are for (registry/signature_payload.h).
 *
 * Kept as (files of dir: and of lookaside storages; containers/image): simple signing as the message itself; all others as a
 * NUL, the kind's name, a newline and the content; sigstore's is "sigstore-json", a JSON object with mimeType, payload
 * (base64) and annotations.
 *
 * All of it is hostile until a key of the policy has verified it (registry/signature_policy.h). Needs libyajl.
 */
#ifndef PM_REGISTRY_SIGNATURE_H
#define PM_REGISTRY_SIGNATURE_H

#include "base/buf.h"
#include "base/err.h"

enum pm_signature_kind {
	PM_SIGNATURE_SIMPLE,   /* payload is the OpenPGP message */
	PM_SIGNATURE_SIGSTORE, /* payload is of media_type; an attachment of another type is no signature */
};

enum {
	PM_SIGNATURE_MAX = 4 << 20,  /* bytes of one, however it is kept */
	PM_SIGNATURES_MAX = 128,     /* of one manifest in one place */
	PM_SIGNATURES_BYTES_MAX = 8 << 20, /* all together */
	PM_SIGNATURES_TEXT_MAX = 32 << 20,  /* of pm_signatures_write */
	PM_SIGNATURE_NOTES_MAX = 64, /* annotations of one */
};

#define PM_SIGSTORE_PAYLOAD "application/vnd.dev.cosign.simplesigning.v1+json"
#define PM_SIGSTORE_SIGNATURE "dev.cosignproject.cosign/signature"

struct pm_signature {
	enum pm_signature_kind kind;
	struct pm_buf payload;
	char *media_type;      /* SIGSTORE: of the payload */
	struct pm_strv notes;  /* SIGSTORE: annotations as NAME, VALUE, NAME, VALUE... */
};

struct pm_signatures {
	struct pm_signature *v;
	size_t n;
};

void pm_signatures_free(struct pm_signatures *s);
#define _cleanup_signatures_ _cleanup_(pm_signatures_free)

/* A new, empty one at the end; valid until the next is added. */
struct pm_signature *pm_signatures_add(struct pm_signatures *s, enum pm_signature_kind kind);
/* Those of from after the ones of to; from is empty then. */
void pm_signatures_append(struct pm_signatures *to, struct pm_signatures *from);
/* PM_E_FORMAT when there are more bytes than a reader takes. where is for the message. */
int pm_signatures_check_size(const struct pm_signatures *s, const char *where, struct pm_err *err);
/* Is there one of that kind? */
bool pm_signatures_have(const struct pm_signatures *s, enum pm_signature_kind kind);
/* An annotation's value, or NULL. s keeps it. */
const char *pm_signature_note(const struct pm_signature *s, const char *name);

/* From the bytes that one is kept as, added to ret. PM_E_FORMAT for anything else, PM_E_UNSUPPORTED for a kind that pm
 * does not know. */
int pm_signature_parse(const void *data, size_t len, struct pm_signatures *ret, struct pm_err *err);
/* Those bytes; appended to out. */
void pm_signature_format(const struct pm_signature *s, struct pm_buf *out);

/* All of s as one text, which the store keeps with an image; appended to out. */
void pm_signatures_write(const struct pm_signatures *s, struct pm_buf *out);
/* The same back, added to ret. */
int pm_signatures_read(const char *text, size_t len, struct pm_signatures *ret, struct pm_err *err);

#endif
