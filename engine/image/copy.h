/*
 * copy - an image from one place to another without the store, by way of pm-transfer (engine/transfer/copy.h).
 * Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_COPY_H
#define PM_ENGINE_IMAGE_COPY_H

#include "base/buf.h"
#include "engine/image/crypt.h"
#include "engine/image/pull.h"
#include "engine/image/remote.h"
#include "registry/digest.h"
#include "registry/signer.h"

/* All borrowed; NULL, 0 and false are the defaults. */
struct pm_copy_options {
	struct pm_remote src, dst;
	const char *os, *arch, *variant;
	const char *multi;       /* "system" (the default), "all", "index-only" */
	const char *format;      /* "oci", "v2s2" */
	const char *compression; /* "gzip", "zstd" */
	bool precompute; /* docker: nothing is sent before its digest is known and asked for */
	int64_t level;
	bool compress, decompress; /* dir: */
	bool accept_plain;         /* oci: */
	bool preserve, foreign;
	bool instance;             /* of a list: the manifest goes by its digest, not by dst's tag */
	const char *src_shared, *dst_shared, *src_daemon, *dst_daemon;
	const struct pm_strv *tags; /* further ones at the destination */
	const char *policy;         /* a policy.json */
	const char *registries_d;
	bool any_policy;            /* look at none */
	bool remove_signatures;     /* those of the source do not go along */
	const struct pm_signing *signing; /* make some; or NULL */
	const struct pm_decryption *decryption; /* of layers that are encrypted; or NULL */
	const struct pm_encryption *encryption; /* or NULL */
};

#define PM_COPY_OPTIONS_INIT {.src = PM_REMOTE_INIT, .dst = PM_REMOTE_INIT}

/* src and dst: with transports. store: needed (pm_copy_needs_store) when one of them is containers-storage:, which is a
 * push or a pull then. progress may be NULL. ret (may be NULL): the manifest that was written. */
int pm_image_copy(struct pm_store *store, const char *src, const char *dst,
		  const struct pm_copy_options *o, const struct pm_pull_progress *progress,
		  struct pm_written *ret, struct pm_err *err);
bool pm_copy_needs_store(const char *src, const char *dst);

#endif
