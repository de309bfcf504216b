/*
 * push - images of the store written to a registry, a layout, an archive, a directory or a docker daemon, by
 * way of pm-transfer (engine/transfer/push.h): for push and save.
 *
 * Runs in pm. The layers' locks are held shared while they are read, so that none goes; layers are
 * read inside the user namespace. What layers became is remembered (storage/blob.h). SIGINT, SIGTERM and
 * SIGHUP end it (PM_E_CANCELLED); a destination that was not completed shows nothing new, or no manifest.
 */
#ifndef PM_ENGINE_IMAGE_PUSH_H
#define PM_ENGINE_IMAGE_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/image/crypt.h"
#include "engine/image/pull.h"
#include "engine/image/remote.h"
#include "registry/digest.h"
#include "registry/signer.h"
#include "storage/store.h"

/* All pointers stay the caller's; NULL means the default. */
struct pm_push_options {
	const char *transport; /* "docker", "oci", ...: registry/destination.h */
	const char *name;      /* what follows the transport */
	int output;            /* archives: write there; -1 */
	const char *authfile, *creds, *cert_dir;
	int tls_verify;          /* -1: as registries.conf says; 0; 1 */
	int64_t retries;         /* -1: the default */
	int64_t retry_ms;        /* the first pause; -1: the default */
	const char *format;      /* "oci", "v2s2"; NULL: the image's own */
	const char *compression; /* "gzip", "zstd", "none"; NULL: what suits the destination */
	bool chosen;             /* the user asked for that one: no other kind of blob will do */
	int level;               /* 0: the default */
	bool instance;           /* of a list: the manifest goes by its digest, not by the name's tag */
	bool precompute;         /* docker: nothing is sent before its digest is known and asked for */
	bool force;              /* make blobs although others are known */
	const char *registries_d; /* where signatures go */
	const struct pm_signing *signing; /* make some; or NULL */
	const struct pm_encryption *encryption; /* of layers; or NULL */
	bool signatures;         /* those that came with the image go along */
};

#define PM_PUSH_OPTIONS_INIT {.output = -1, .tls_verify = -1, .retries = -1, .retry_ms = -1}

struct pm_push_image {
	char id[65];
	/* Full names that it gets there (archives of several images); NULL: what the destination's name says. */
	const struct pm_strv *names;
};

/* Split a user's destination, "TRANSPORT:NAME" or a registry's reference with or without "docker://": *ret_transport is
 * static, *ret_name (the caller frees) a full reference for docker. PM_E_USAGE: malformed. */
int pm_push_destination(const char *word, const char **ret_transport, char **ret_name,
			struct pm_err *err);

/* Push n images. ret (may be NULL): the last one's manifest, as written. progress may be NULL. PM_E_USAGE: the options do
 * not go together; others as from registry/destination.h. */
int pm_image_push(struct pm_store *store, const struct pm_push_image *images, size_t n,
		  const struct pm_push_options *options, const struct pm_pull_progress *progress,
		  struct pm_written *ret, struct pm_err *err);

#endif
