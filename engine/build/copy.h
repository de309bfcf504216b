/*
 * copy - COPY and ADD: sources from a build context or another stage into a container's root directory.
 *
 * Sources are read by a process inside of the user namespace (storage/tree_tar.h: descriptors only, never out of the
 * source directory), which streams a tar into pm-transfer's extractor, whose root directory is the container's. Either
 * side may be rearranged meanwhile by somebody else's processes. The rules are buildah's, which are Docker's:
 * of a directory its content is copied; a source that is a symlink means what it points to, inside its directory,
 * symlinks below stay symlinks; a destination that ends with "/", is a directory or gets several sources is a
 * directory; what is missing of it is made 0755 for the owner of the files; files of a context belong to 0:0.
 * ADD unpacks archives of the context (tar, plain or compressed by gzip, bzip2, xz or zstd; owners are the archive's
 * unless --chown is given, modes always) and fetches URLs (not unpacked; 0600, Last-Modified's time, --checksum).
 * Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_COPY_H
#define PM_ENGINE_BUILD_COPY_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/build/dockerfile.h"
#include "engine/build/ignore.h"
#include "engine/image/remote.h"
#include "netns/idmap.h"
#include "storage/store.h"

/* Borrowed until pm_copy_close. */
struct pm_copy_spec {
	const struct pm_instruction *i; /* a COPY or ADD, expanded (engine/build/scope.h) */
	int from;                       /* the directory that sources are in: the context's, or the root of --from's stage
					   or image; O_PATH will do; -1: there is none */
	const struct pm_ignore *ignore; /* of a context; NULL: nothing is left out */
	bool keep_owner;     /* from is a stage or an image: owners stay where there is no --chown */
	int userns;          /* where from and root are read; -1: here */
	const struct pm_idmaps *maps; /* owners in from are shifted by these, where there are ids; NULL: they are not */
	bool single_id;      /* owners cannot be set */
	bool devices;        /* make device nodes: as the host's root alone */
	struct pm_store *store; /* for what is fetched */
	const struct pm_remote *remote; /* tls_verify, cert_dir, retries for ADD URL; NULL: the defaults */
};

#define PM_COPY_SPEC_INIT {.from = -1, .userns = -1}

struct pm_copy;

/* Checks flags, and fetches what ADD names by URL. PM_E_USAGE with the instruction's place for a bad flag; PM_E_DIGEST for
 * --checksum; PM_E_REMOTE, PM_E_UNSUPPORTED (git repositories). */
int pm_copy_open(const struct pm_copy_spec *spec, struct pm_copy **ret, struct pm_err *err);
void pm_copy_close(struct pm_copy *c); /* NULL is fine */
static inline void pm_cleanup_copy(struct pm_copy **c)
{
	pm_copy_close(*c);
}
#define _cleanup_copy_ __attribute__((cleanup(pm_cleanup_copy)))

/* A checksum over what would be copied: names, kinds, modes, numeric owners as they would be, links, xattrs, content; not times.
 * What is known of a former checksum is not read again (engine/build/digest_cache.h). The
 * container's root is not looked at: with names in --chown and with the destination the key of a cache must
 * hold the instruction's text and the image below. */
int pm_copy_digest(struct pm_copy *c, char ret[65], struct pm_err *err);

/* Copy into the directory root (the container's; O_PATH will do; reached from the user namespace of the spec), whose owners
 * are shifted by maps, where these have ids; workdir:
 * what a relative destination is in, absolute. ENOENT-like PM_E_NOSUCH: a source is missing, or all of it is
 * ignored. What was copied before a failure stays. */
int pm_copy_run(struct pm_copy *c, int root, const struct pm_idmaps *maps, const char *workdir, struct pm_err *err);

#endif
