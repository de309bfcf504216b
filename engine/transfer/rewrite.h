/*
 * rewrite - what an image must become for the place it is copied to: OCI or Docker's format, layers compressed or not,
 * encrypted or not; and the manifest that says so. An image that needs no change keeps its manifest byte for byte.
 */
#ifndef PM_ENGINE_TRANSFER_REWRITE_H
#define PM_ENGINE_TRANSFER_REWRITE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/destination.h"
#include "registry/manifest.h"
#include "registry/manifest_make.h"
#include "storage/inflate.h"

enum pm_rewrite_format {
	PM_FORMAT_KEEP,
	PM_FORMAT_OCI,
	PM_FORMAT_DOCKER,
};

/* What a layer is that is compressed so. */
enum pm_layer_form pm_rewrite_form(enum pm_compression c);

/* What the user wants. */
struct pm_rewrite_wish {
	enum pm_rewrite_format format;
	enum pm_compression compression; /* NONE: not said */
	int level;                       /* 0: the default */
	bool compress, decompress;       /* dir: layers */
	bool accept_plain;               /* oci: leave layers uncompressed that are */
	bool preserve;                   /* nothing may change, */
	const char *preserve_why;        /* for that reason ("--preserve-digests forbids that") */
	bool decrypt;                    /* there are keys: encrypted layers are decrypted */
	bool encrypts;                   /* something is to be encrypted: */
	const bool *encrypt;             /* these layers; for pm_rewrite_plan only */
};

/* What happens to a layer. */
enum pm_layer_change {
	PM_LAYER_AS_IS,
	PM_LAYER_DECOMPRESS,
	PM_LAYER_COMPRESS, /* into the plan's compression */
};

/* Before and after that. */
struct pm_layer_crypt_change {
	bool decrypt, encrypt;
};

struct pm_rewrite_plan {
	const char *media_type; /* of the new manifest */
	enum pm_compression compression;
	enum pm_layer_change *layers; /* as many as m has; owned */
	struct pm_layer_crypt_change *crypt; /* the same */
	bool changes;                 /* anything at all */
};

void pm_rewrite_plan_free(struct pm_rewrite_plan *p);
#define _cleanup_rewrite_plan_ _cleanup_(pm_rewrite_plan_free)

/* PM_E_UNSUPPORTED: an image that the destination cannot hold; PM_E_USAGE: preserve forbids what it needs. */
int pm_rewrite_plan(const struct pm_manifest *m, const struct pm_rewrite_wish *wish,
		    const struct pm_destination_traits *traits, struct pm_rewrite_plan *ret,
		    struct pm_err *err);
/* The media type of an index or list there. */
const char *pm_rewrite_index_type(const char *media_type, const struct pm_rewrite_wish *wish,
				  const struct pm_destination_traits *traits);

/* A layer as it became. */
struct pm_rewritten {
	char digest[PM_DIGEST_SIZE];
	int64_t size;
	struct pm_strv locked; /* its annotations when it was encrypted (registry/layer_crypt.h); owned */
};
void pm_rewritten_free(struct pm_rewritten *layers, size_t n); /* layers, too */

/* The new manifest's text, from the old one's tree (root, of pool; changed). */
int pm_rewrite_manifest(struct pm_json_pool *pool, struct pm_json *root,
			const struct pm_manifest *m, const struct pm_rewrite_plan *plan,
			const struct pm_rewritten *layers, struct pm_buf *out, struct pm_err *err);

#endif
