/*
 * manifest_make - an image's manifest written anew, because its layers' blobs or its family (OCI, Docker's
 * schema 2) changed. The config's blob stays as it is, and with it the image's id: what Docker's has more than
 * OCI's, readers of OCI pass over.
 */
#ifndef PM_REGISTRY_MANIFEST_MAKE_H
#define PM_REGISTRY_MANIFEST_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "registry/manifest.h"

/* How a layer's blob is compressed, as its media type says. */
enum pm_layer_form {
	PM_LAYER_PLAIN,
	PM_LAYER_GZIP,
	PM_LAYER_ZSTD,
	PM_LAYER_OTHER, /* a media type that is none of ours */
};

enum pm_layer_form pm_layer_form_of(const char *media_type);

#define PM_LAYER_ENCRYPTED "+encrypted" /* ends the media type of an encrypted layer */
bool pm_layer_is_encrypted(const char *media_type);
/* The form of what it is once it was decrypted; as pm_layer_form_of for what is not encrypted. */
enum pm_layer_form pm_layer_form_inside(const char *media_type);

/* The media type of a layer in a manifest of that family; NULL: it has none (zstd in Docker's). */
const char *pm_layer_media_type(const char *manifest_type, enum pm_layer_form form);

struct pm_made_layer {
	const char *digest;
	int64_t size;
	enum pm_layer_form form;
	const struct pm_strv *locked; /* it was encrypted: its annotations (registry/layer_crypt.h); or NULL */
};

/* Write root (a checked manifest of m) with these layers, as manifest_type (PM_MT_OCI_MANIFEST or
 * PM_MT_DOCKER_MANIFEST); out is appended to. A layer whose digest did not change keeps its annotations, and
 * within its family its media type. 0: nothing would change, out is left alone; 1: written. PM_E_UNSUPPORTED: zstd in Docker's. */
int pm_manifest_make(struct pm_json_pool *pool, const struct pm_json *root,
		     const struct pm_manifest *m, const struct pm_made_layer *layers,
		     const char *manifest_type, struct pm_buf *out, struct pm_err *err);

#endif
