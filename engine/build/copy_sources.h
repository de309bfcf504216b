/*
 * copy_sources - what the source words of COPY and ADD mean in a directory that somebody may be rearranging: names, globs
 * (engine/build/glob.h, part by part), symlinks. Nothing is found outside of the directory: paths are resolved as if it
 * were "/", and are only strings here; whoever opens one does so in the directory again.
 */
#ifndef PM_ENGINE_BUILD_COPY_SOURCES_H
#define PM_ENGINE_BUILD_COPY_SOURCES_H

#include <stddef.h>

#include "base/err.h"

enum { PM_COPY_MATCHES = 1000000, PM_COPY_DEPTH = 100 };

struct pm_copy_match {
	char *path; /* below the directory, symlinks resolved, without "/" at its ends; "": itself */
	char *name; /* the path as it was found, symlinks and all; its last part is the file's name at the destination */
};

struct pm_copy_matches {
	struct pm_copy_match *v;
	size_t n, cap;
};

void pm_copy_matches_free(struct pm_copy_matches *m);
#define _cleanup_copy_matches_ __attribute__((cleanup(pm_copy_matches_free)))

/* Add what word means, in order of names. A word without wildcards must be there (ENOENT); a glob may match
 * nothing. */
int pm_copy_find(int dir, const char *word, struct pm_copy_matches *ret, struct pm_err *err);

#endif
