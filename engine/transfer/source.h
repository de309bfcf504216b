/*
 * source - where a copy takes an image from: docker://, oci:, oci-archive:, dir:, docker-archive:, docker-daemon:.
 * The counterpart of registry/destination.h; pulls and loads have ways of their own (archive.h, layers.h).
 *
 * Manifests are given as the source has them, of any kind that registry/manifest.h knows; nothing of it is chosen
 * here. Blobs are verified by who stores them: each comes with its descriptor. pm_source_open_blob may be
 * called by several threads at once, all else by one.
 */
#ifndef PM_ENGINE_TRANSFER_SOURCE_H
#define PM_ENGINE_TRANSFER_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/transfer/access.h"
#include "registry/manifest.h"
#include "registry/signature.h"
#include "registry/stream.h"

struct pm_source;

/* All borrowed for the source's life. */
struct pm_source_options {
	const struct pm_access *access;    /* docker */
	const struct pm_platform *platform; /* oci: which of several images without a name */
	const char *shared_blob_dir;       /* oci: blobs are there instead of in the layout; or NULL */
	const char *daemon_host;           /* docker-daemon; or NULL */
	const char *registries_d;          /* docker: where signatures are; NULL: the default */
	int input;                         /* archives: read this instead of the path; -1 */
	int stage;                         /* a directory for temporary files; -1: $TMPDIR */
	const atomic_bool *cancel;         /* give up when it becomes true; or NULL */
};

/* name: what follows the transport's colon (for docker without the slashes). */
int pm_source_open(const char *transport, const char *name, const struct pm_source_options *o,
		   struct pm_source **ret, struct pm_err *err);
void pm_source_free(struct pm_source *s); /* NULL is fine */

/* A directory for temporary files: $TMPDIR or /var/tmp. */
int pm_source_stage(struct pm_err *err);
/* An archive's file. */
int pm_source_open_path(const char *path, struct pm_err *err);

/* "TRANSPORT:NAME" for messages; s keeps it. */
const char *pm_source_where(const struct pm_source *s);
/* The registry and the repository that blobs could be mounted from: false when it is none. s keeps them. */
bool pm_source_repository(const struct pm_source *s, const char **ret_domain, const char **ret_path);
/* docker: the client, else NULL. s keeps it. */
struct pm_client *pm_source_client(struct pm_source *s);

/* A manifest or index: by digest (then verified), or the one that the name is for (NULL). *ret_type (the caller
 * frees) is what the source calls its kind, or NULL. */
int pm_source_manifest(struct pm_source *s, const char *digest, struct pm_buf *out,
		       char **ret_type, struct pm_err *err);
/* The signatures of the manifest digest, added to ret: docker, dir; the others have none. After the name's own manifest
 * was asked for. arg: a source (a pm_trust_fetch_fn). */
int pm_source_signatures(void *arg, const char *digest, struct pm_signatures *ret, struct pm_err *err);
/* A small blob, whole and verified. */
int pm_source_read_blob(struct pm_source *s, const struct pm_descriptor *d, size_t max,
			struct pm_buf *out, struct pm_err *err);

/* A blob on its way. The stream can be rewound, and is valid until the blob is closed. */
struct pm_source_blob;
int pm_source_open_blob(struct pm_source *s, const struct pm_descriptor *d,
			struct pm_source_blob **ret, struct pm_err *err);
const struct pm_stream *pm_source_blob_stream(const struct pm_source_blob *b);
void pm_source_blob_close(struct pm_source_blob *b); /* NULL is fine */

#endif
