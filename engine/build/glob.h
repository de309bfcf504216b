/*
 * glob - patterns for paths, as Go's filepath.Match has them (* ? [a-z] [^a-z] and \), with ** for any number of
 * directories: "**" + "/x" is x at any depth, "x/" + "**" all that is below x. * and ? do not match "/".
 *
 * Time is at most linear in the path for a given pattern. Bytes, but ? and [] take a character of UTF-8.
 */
#ifndef PM_ENGINE_BUILD_GLOB_H
#define PM_ENGINE_BUILD_GLOB_H

#include <stdbool.h>

#include "base/err.h"

struct pm_glob;

enum {
	PM_GLOB_SELF = 1,   /* the path matches */
	PM_GLOB_PARENT = 2, /* a directory that it lies in does */
	PM_GLOB_BELOW = 4,  /* something below it could */
};

enum { PM_GLOB_MAX = 4096 }; /* bytes of a pattern */

/* PM_E_USAGE for a bracket or \ without its end, or a pattern that is too long. */
int pm_glob_new(const char *pattern, struct pm_glob **ret, struct pm_err *err);
void pm_glob_free(struct pm_glob *g); /* NULL is fine */
static inline void pm_cleanup_glob(struct pm_glob **g)
{
	pm_glob_free(*g);
}
#define _cleanup_glob_ __attribute__((cleanup(pm_cleanup_glob)))

/* What of the above holds for path, which has no "/" at its ends. */
unsigned int pm_glob_match(const struct pm_glob *g, const char *path);

/* Has the pattern anything that matches more than itself? Else *ret (the caller frees) is what it matches. */
bool pm_glob_is_wild(const char *pattern, char **ret);

#endif
