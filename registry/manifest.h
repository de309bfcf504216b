/*
 * manifest - the JSON documents of images: manifests, indexes and configs of OCI (image spec 1.1) and
 * Docker (schema 2), checked so that the rest of pm can trust their shape.
 *
 * All text is hostile. What is parsed here belongs to the caller's JSON pool. A document that could be read
 * as two kinds (both "layers" and "manifests": CVE-2021-41190), whose mediaType contradicts its
 * Content-Type, Docker's schema 1, artifacts that are no images, foreign layers, and encrypted ones where nobody asks for
 * them, are refused by name.
 */
#ifndef PM_REGISTRY_MANIFEST_H
#define PM_REGISTRY_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

#define PM_MT_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define PM_MT_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define PM_MT_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define PM_MT_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define PM_MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define PM_MT_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define PM_MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define PM_MT_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

enum {
	PM_MANIFEST_MAX = 4 << 20, /* bytes of a manifest or index */
	PM_CONFIG_MAX = 8 << 20,
	PM_LAYERS_MAX = 500, /* what overlayfs can stack (fs/overlayfs/params.h) */
};

struct pm_descriptor {
	const char *media_type;
	const char *digest; /* valid */
	int64_t size;       /* >= 0 */
	const struct pm_json *annotations; /* an object, or NULL */
};

struct pm_manifest {
	const char *media_type; /* PM_MT_OCI_MANIFEST or PM_MT_DOCKER_MANIFEST */
	struct pm_descriptor config;
	struct pm_descriptor *layers; /* bottom first; owned by the record: pm_manifest_free */
	size_t n_layers;
};

void pm_manifest_free(struct pm_manifest *m);
#define _cleanup_manifest_ _cleanup_(pm_manifest_free)

struct pm_platform {
	const char *os, *arch, *variant; /* as Go spells them; variant "" or NULL: any */
};

/* Fill what is NULL from this host (linux, uname's machine). An arch as uname spells it
 * (x86_64, aarch64) is put as Go does. */
void pm_platform_default(struct pm_platform *p);

enum pm_manifest_kind {
	PM_MANIFEST_IMAGE,
	PM_MANIFEST_INDEX,
};

/* Which kind is this document? content_type: the registry's header or the descriptor's media type, NULL
 * when there is none; parameters after ';' are ignored. *ret_media_type is one of the PM_MT_ texts. */
int pm_manifest_kind(const struct pm_json *root, const char *content_type,
		     enum pm_manifest_kind *ret_kind, const char **ret_media_type,
		     struct pm_err *err);

enum {
	PM_MANIFEST_ARTIFACTS = 1 << 0, /* whatever the config and the layers are of; also encrypted layers */
	PM_MANIFEST_FOREIGN = 1 << 1,   /* layers that are elsewhere */
	PM_MANIFEST_ENCRYPTED = 1 << 2, /* encrypted layers of kinds that are known (registry/layer_crypt.h) */
};

/* The same for who only passes an image on: what flags say is not refused. */
int pm_manifest_parse_any(const struct pm_json *root, const char *media_type, unsigned int flags,
			  struct pm_manifest *ret, struct pm_err *err);
/* Is a layer of that media type to be fetched from other hosts? */
bool pm_layer_is_foreign(const char *media_type);
/* One descriptor; what is for messages. Strings stay v's. */
int pm_descriptor_parse(const struct pm_json *v, const char *what, struct pm_descriptor *ret,
			struct pm_err *err);

/* An image's manifest, parsed from root of kind PM_MANIFEST_IMAGE. Strings stay root's. */
int pm_manifest_parse(const struct pm_json *root, const char *media_type, struct pm_manifest *ret,
		      struct pm_err *err);

/* The entry of an index for a platform, by Podman's order: exact variant, then lower compatible ones
 * (arm v8 > v7 > v6 > v5; arm64 v8 = none), then without a variant. PM_E_NOSUCH when there is none. */
int pm_index_choose(const struct pm_json *root, const struct pm_platform *platform,
		    struct pm_descriptor *ret, struct pm_err *err);

/* What pm needs to know of a config. Strings are root's. */
struct pm_config {
	const char **diff_ids; /* valid digests, n of them; owned: pm_config_free */
	size_t n_diff_ids;
	const char *os, *arch, *variant; /* "" when missing */
	int64_t created;                 /* ns since the epoch; 0 when missing or malformed */
};

void pm_config_free(struct pm_config *c);
#define _cleanup_config_ _cleanup_(pm_config_free)

/* Check a config: an object, rootfs.type "layers", valid diff ids, members of the right kinds.
 * n_layers: their number must be this; -1: not checked. */
int pm_config_parse(const struct pm_json *root, int64_t n_layers, struct pm_config *ret,
		    struct pm_err *err);

/* RFC 3339 ("2024-05-01T10:20:30.123456789Z", or with an offset) to ns since the epoch; -PM_E_FORMAT. */
int pm_time_parse(const char *s, int64_t *ret, struct pm_err *err);
/* ns since the epoch as Go writes it: UTC, fraction without trailing zeros, none when zero. */
void pm_time_format(int64_t ns, char ret[40]);

#endif
