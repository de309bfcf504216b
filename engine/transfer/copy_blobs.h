/*
 * copy_blobs - the layers of one image from a source to a destination, in parallel (at most 6), each skipped when it
 * is there, mounted where the registry can, else streamed, decrypted, compressed or uncompressed, and encrypted on the
 * way. What is encrypted or decrypted is never looked for: its blob there is not known.
 *
 * Each of the threads has its own connections. The first failure, and the end of pm, end all.
 */
#ifndef PM_ENGINE_TRANSFER_COPY_BLOBS_H
#define PM_ENGINE_TRANSFER_COPY_BLOBS_H

#include <stdatomic.h>

#include "base/err.h"
#include "engine/transfer/rewrite.h"
#include "engine/transfer/session.h"
#include "engine/transfer/source.h"
#include "registry/destination.h"

struct pm_copy_blob {
	const struct pm_descriptor *in;
	enum pm_layer_change change;
	const char *diff_id; /* what it is uncompressed, or NULL: not known */
	bool skip;           /* foreign: it stays where it is */
	const struct pm_layer_secret *decrypt; /* it is encrypted by that; or NULL */
	bool encrypt;
	struct pm_rewritten out; /* the caller's to free */
};

struct pm_copy_blobs {
	struct pm_session *session;
	struct pm_source *source;
	struct pm_destination *destination;
	enum pm_compression compression; /* of PM_LAYER_COMPRESS */
	int level;
	struct pm_copy_blob *v;
	size_t n;
	atomic_bool *cancel; /* source and destination look at it too */
};

/* Fills each out. Sends progress. */
int pm_copy_blobs(struct pm_copy_blobs *b, struct pm_err *err);

#endif
