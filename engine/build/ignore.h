/*
 * ignore - .containerignore and .dockerignore: which files of a build context there are not.
 *
 * A line is a pattern (engine/build/glob.h) for a path from the context's root; "#" begins a comment; "!" lets in
 * again what an earlier line left out; the last line that matches a path, or a directory that it lies in,
 * decides. Also the patterns of COPY's --exclude.
 */
#ifndef PM_ENGINE_BUILD_IGNORE_H
#define PM_ENGINE_BUILD_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	PM_IGNORE_MAX = 1 << 20,       /* bytes of a file */
	PM_IGNORE_PATTERNS = 10000,
};

struct pm_ignore;

struct pm_ignore *pm_ignore_new(void);
void pm_ignore_free(struct pm_ignore *ig); /* NULL is fine */
static inline void pm_cleanup_ignore(struct pm_ignore **ig)
{
	pm_ignore_free(*ig);
}
#define _cleanup_ignore_ __attribute__((cleanup(pm_cleanup_ignore)))

/* Add a file's lines; name is for messages. PM_E_USAGE for a bad pattern, with its line. */
int pm_ignore_add_file(struct pm_ignore *ig, const char *name, const char *text, size_t len,
		       struct pm_err *err);
/* Add one pattern. */
int pm_ignore_add(struct pm_ignore *ig, const char *pattern, struct pm_err *err);

enum pm_ignore_answer {
	PM_IGNORE_KEEP,
	PM_IGNORE_DROP,       /* it, and all below */
	PM_IGNORE_DROP_SELF,  /* it, but something below may be let in again */
};

/* path: from the context's root, without "/" at its ends; the root itself ("") is kept. ig NULL: all is. */
enum pm_ignore_answer pm_ignore_match(const struct pm_ignore *ig, const char *path);

/* The ignore file that belongs to the build, read whole: given (--ignorefile, relative to the working directory), or the
 * first there is of FILE.containerignore, FILE.dockerignore (FILE: the first Containerfile's path, NULL: none), and
 * .containerignore, .dockerignore in the directory context (-1: none). *ret is NULL when there is none. */
int pm_ignore_find(const char *given, const char *containerfile, int context, struct pm_ignore **ret,
		   struct pm_err *err);

#endif
