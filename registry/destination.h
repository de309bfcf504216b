/*
 * destination - where an image goes: a registry (docker://), a layout (oci:, oci-archive:), a directory
 * (dir:), an archive as docker save writes it (docker-archive:), or a docker daemon (docker-daemon:).
 *
 *	pm_destination_open(transport, name, &options, &d, err);
 *	for each blob, config among them, from as many threads as wanted:
 *		pm_destination_has_blob || pm_destination_mount || pm_destination_put_blob
 *	for each image of an index: pm_destination_put_manifest(d, ..., its digest, err);
 *	pm_destination_put_manifest(d, ..., NULL, err);       the one that the name is for
 *	pm_destination_commit(d, err);
 *	pm_destination_free(d);                               without commit: takes back what it can
 *
 * Of one image, blobs come before its manifest. What the reader of a destination sees changes with the
 * manifests (docker) or at the commit (all others): files are written beside their place and renamed.
 * Blobs of a destination that was given up stay where that is harmless (registry, layout): unreferenced.
 *
 * has_blob, mount and put_blob may be called by several threads at once (each then uses a connection of its own);
 * all else by one. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_DESTINATION_H
#define PM_REGISTRY_DESTINATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "registry/client.h"
#include "registry/digest.h"
#include "registry/signature.h"
#include "registry/stream.h"

struct pm_destination;

/* All borrowed for the destination's life. */
struct pm_destination_options {
	const struct pm_registries *conf;       /* docker: registries.conf */
	const struct pm_client_options *client; /* docker: credentials, TLS, retries; "push" need not be set */
	unsigned int stall_seconds;             /* docker, docker-daemon */
	const char *registries_d;               /* docker: where signatures go; NULL: the default */
	const char *shared_blob_dir;            /* oci: blobs go there instead of into the layout; or NULL */
	const char *daemon_host;                /* docker-daemon: unix:///... instead of the default; or NULL */
	/* docker-archive, oci-archive: write here (a file, pipe or socket) instead of to the name's path; -1 */
	int output;
	const atomic_bool *cancel; /* docker: give up when it becomes true; or NULL */
	/* A directory for temporary files of archives, -1: beside the archive, or $TMPDIR. */
	int stage;
};

#define PM_DESTINATION_OPTIONS_INIT {.stall_seconds = 30, .output = -1, .stage = -1}

/* What a destination is like, for who makes the image fit. */
struct pm_destination_traits {
	const char *transport;
	bool plain_layers;  /* layers must be uncompressed (docker-archive, docker-daemon) */
	bool docker_only;   /* manifests: Docker's schema 2 only */
	bool oci_only;      /* manifests and indexes of OCI only */
	bool single;        /* holds one image, no index */
	bool compressed;    /* layers not yet compressed are better compressed (docker, oci) */
	bool names_blobs;   /* has_blob may say yes for blobs of earlier images */
};

enum pm_blob_kind {
	PM_BLOB_LAYER,
	PM_BLOB_CONFIG,
	PM_BLOB_OTHER, /* of artifacts */
};

/* name: what follows "TRANSPORT:" ("HOST/PATH[:TAG|@DIGEST]" without the slashes for docker; "PATH[:REFERENCE]";
 * "REFERENCE" for docker-daemon). PM_E_USAGE: malformed; PM_E_UNSUPPORTED: cannot be written to. */
int pm_destination_open(const char *transport, const char *name,
			const struct pm_destination_options *options, struct pm_destination **ret,
			struct pm_err *err);
void pm_destination_free(struct pm_destination *d); /* NULL is fine */

const struct pm_destination_traits *pm_destination_traits(const struct pm_destination *d);
/* "TRANSPORT:NAME" for messages; d keeps it. */
const char *pm_destination_where(const struct pm_destination *d);

/* Is the blob there already? 1 yes, with its size in *ret_size (may be NULL); 0 no. */
int pm_destination_has_blob(struct pm_destination *d, const char *digest, int64_t *ret_size,
			    struct pm_err *err);
/* Have the registry take the blob from another repository of it: 1 done, 0 it does not (put it then). domain
 * and repository: where the blob is known to be ("quay.io", "me/app"); elsewhere than on d's registry: 0. */
int pm_destination_mount(struct pm_destination *d, const char *digest, const char *domain,
			 const char *repository, struct pm_err *err);
/* docker: from now on a blob whose digest is not known before is made whole in a temporary file first, and sent only where
 * the registry does not have it and cannot mount it from domain/repository (NULL: it is not asked to; borrowed). Others: no
 * change. To be called before there are several threads. */
void pm_destination_precompute(struct pm_destination *d, const char *domain, const char *repository);
/* Store what in gives. digest NULL: not known before; size -1: not known before; else checked (PM_E_DIGEST).
 * The result's digest is sha256. ret_digest and ret_size may be NULL. */
int pm_destination_put_blob(struct pm_destination *d, const struct pm_stream *in,
			    enum pm_blob_kind kind, const char *digest, int64_t size,
			    char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err);
/* The same for a text in memory (a config); its digest is computed. */
int pm_destination_put_text(struct pm_destination *d, const void *data, size_t len,
			    enum pm_blob_kind kind, struct pm_err *err);

/* Names of the image whose manifest comes next, instead of the one in the destination's name: for archives
 * of several images. Full references; an empty list: none. */
int pm_destination_set_names(struct pm_destination *d, const struct pm_strv *names,
			     struct pm_err *err);
/* Store a manifest or index. instance: its digest, for an image of an index; NULL: for what d's name says.
 * ret_digest (may be NULL) gets its digest. */
int pm_destination_put_manifest(struct pm_destination *d, const void *data, size_t len,
				const char *media_type, const char *instance,
				char ret_digest[PM_DIGEST_SIZE], struct pm_err *err);
/* Could signatures of that kind be stored there? PM_E_UNSUPPORTED, saying why not. */
int pm_destination_takes_signatures(struct pm_destination *d, enum pm_signature_kind kind,
				    struct pm_err *err);
/* Store s (one at least) as the signatures of the manifest digest, which may be put later. instance: it is one of an index,
 * not the one that the name is for. */
int pm_destination_put_signatures(struct pm_destination *d, const struct pm_signatures *s,
				  const char *digest, bool instance, struct pm_err *err);
/* Another tag of the same repository for the manifest put last (docker: and docker-archive: only). */
int pm_destination_add_tag(struct pm_destination *d, const char *tag, struct pm_err *err);
int pm_destination_commit(struct pm_destination *d, struct pm_err *err);

#endif
