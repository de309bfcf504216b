/*
 * volume options - what -o NAME=VALUE of `volume create` (and volume-opt of --mount) means. Kept in the
 * volume's row as they were given; parsed again whenever the volume is used.
 *
 * Driver local: type, device, o (a list as mount(8)'s, in which uid=, gid=, size=, inodes=, noquota and
 * timeout= are ours), copy, nocopy. Driver image: image.
 */
#ifndef PM_ENGINE_VOLUME_OPTIONS_H
#define PM_ENGINE_VOLUME_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "storage/store.h"

enum pm_volume_kind {
	PM_VOLUME_DIR,   /* a directory of the store */
	PM_VOLUME_TMPFS, /* shared by the containers that use it at the same time, then gone */
	PM_VOLUME_BIND,
	PM_VOLUME_FS,    /* another file system: mounted by root only, but for overlay */
	PM_VOLUME_IMAGE, /* an overlay with the image below */
};

/* -1 where nothing was given. */
struct pm_volume_options {
	enum pm_volume_kind kind;
	char *type, *device; /* NULL: none */
	struct pm_strv words; /* of o, without ours */
	struct pm_strv shown; /* what `inspect` adds for ours: "SIZE=1m" */
	int64_t uid, gid, timeout;
	struct pm_quota quota; /* <= 0 where nothing was given */
	bool nocopy, noquota;
	char *image; /* as given */
};

#define _cleanup_volume_options_ _cleanup_(pm_volume_options_free)

/* given: "NAME=VALUE" each. rootless: what only root can mount is refused. PM_E_USAGE and
 * PM_E_UNSUPPORTED in the words of Podman. ret is to be freed also after a failure. */
int pm_volume_options_parse(const char *driver, const struct pm_strv *given, bool rootless,
			    struct pm_volume_options *ret, struct pm_err *err);
void pm_volume_options_free(struct pm_volume_options *o);

/* The row's text ("{"type": "tmpfs"}", NULL: none) as given words. PM_E_FORMAT. */
int pm_volume_options_words(const char *json, struct pm_strv *ret, struct pm_err *err);

/* inspect's Options: what was given, and UID, GID, SIZE, INODES, NOQUOTA for what o said of these. */
struct pm_json *pm_volume_options_tree(struct pm_json_pool *pool, const struct pm_strv *given,
				       const struct pm_volume_options *o);

#endif
