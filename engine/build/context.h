/*
 * context - what an image is built of: the build context (a directory as a descriptor, below which everything is found by
 * openat2), its ignore file and the Containerfiles, from wherever the user says they are.
 *
 *	DIR		a directory; a regular file is a Containerfile in its directory
 *	-		standard input: a tar (plain, gzip, bzip2, xz, zstd), or a Containerfile without a context
 *	http(s)://...	fetched: a tar or a Containerfile
 *	git ...		a repository (engine/build/git.h)
 *	nothing		the directory of the first local -f; without -f the working directory
 *
 * A tar is unpacked by the confined extractor into a stage of the store, which goes with the context or, after a crash,
 * with the next sweep. Containerfiles: each -f (a path, else one below the context, a URL, "-"), otherwise Containerfile or
 * Dockerfile of the context. A name that ends with .in goes through the host's cpp, unless the context was fetched:
 * #include could bring the host's files into it. Runs in pm.
 */
#ifndef PM_ENGINE_BUILD_CONTEXT_H
#define PM_ENGINE_BUILD_CONTEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/build/dockerfile.h"
#include "engine/build/ignore.h"
#include "engine/image/remote.h"
#include "storage/stage.h"

/* A directory that sources of COPY are in. */
struct pm_build_tree {
	int dir;                /* O_PATH; -1: none */
	char *path;             /* absolute, on the host; NULL: it was fetched */
	struct pm_stage *stage; /* what was fetched is here; NULL: nothing */
};
#define PM_BUILD_TREE_INIT {.dir = -1}
void pm_build_tree_close(struct pm_build_tree *t);

struct pm_build_context_spec {
	struct pm_store *store;
	const struct pm_remote *remote; /* NULL: the defaults */
	const char *where;              /* NULL: nothing was given */
	const struct pm_strv *files;    /* -f */
	const char *ignorefile;         /* --ignorefile; NULL: none */
	const struct pm_strv *cpp_flags; /* --cpp-flag; those of BUILDAH_CPPFLAGS come first */
	int input;                      /* standard input */
};

struct pm_build_context {
	struct pm_build_tree tree;
	struct pm_ignore *ignore;   /* NULL: nothing is left out */
	struct pm_dockerfile *file; /* parsed and checked */
};
#define PM_BUILD_CONTEXT_INIT {.tree = PM_BUILD_TREE_INIT}

/* *ret must be as PM_BUILD_CONTEXT_INIT, and is to be closed also after a failure. */
int pm_build_context_open(const struct pm_build_context_spec *spec, struct pm_build_context *ret,
			  struct pm_err *err);
void pm_build_context_close(struct pm_build_context *c);
#define _cleanup_build_context_ _cleanup_(pm_build_context_close)

/* --build-context NAME=VALUE */
struct pm_build_extra {
	char *name;
	char *image; /* docker-image://, container-image://, docker://: what follows; NULL: a tree */
	struct pm_build_tree tree;
};
#define PM_BUILD_EXTRA_INIT {.tree = PM_BUILD_TREE_INIT}

/* *ret as PM_BUILD_EXTRA_INIT; to be closed also after a failure. A directory is opened now, a URL fetched. */
int pm_build_extra_open(const struct pm_build_context_spec *spec, const char *option, struct pm_build_extra *ret,
			struct pm_err *err);
void pm_build_extra_close(struct pm_build_extra *x);

#endif
