/*
 * copy_parts - what the files of engine/build/copy.h share. pm_copy_work runs in a process of its own inside of the user
 * namespace.
 */
#ifndef PM_ENGINE_BUILD_COPY_PARTS_H
#define PM_ENGINE_BUILD_COPY_PARTS_H

#include <stdint.h>

#include "engine/build/copy.h"
#include "engine/build/mode.h"
#include "storage/stage.h"

struct pm_copy_fetched {
	const char *url; /* the source word */
	char *name;      /* NULL: the URL has none */
	int fd;
	int64_t mtime; /* -1: not known */
};

struct pm_copy {
	struct pm_copy_spec spec;
	const char *chown; /* of the instruction; NULL: none */
	struct pm_mode mode;
	bool has_mode, link, parents, unpack_local, unpack_fetched;
	struct pm_ignore *exclude;
	int digests; /* engine/build/digest_cache.h; -1: none */
	struct pm_stage *stage; /* ADD's */
	struct pm_copy_fetched *fetched;
	size_t n_fetched;
};

/* digest NULL: copy into root, whose owners are shifted by maps (NULL: are not). Otherwise the checksum alone. */
int pm_copy_work(struct pm_copy *c, int root, const struct pm_idmaps *maps, const char *workdir, char *digest,
		 struct pm_err *err);

#endif
