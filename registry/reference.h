/*
 * reference - names of images: [DOMAIN/]PATH[:TAG][@DIGEST], by the grammar of the distribution
 * project (reference/reference.go) with Docker's length limits.
 *
 * Everything a parsed reference holds has been checked to be safe in a URL and in a file name
 * (no "..", no upper case in the path, no control characters). The first component is a domain when
 * it has a '.' or a ':' or is "localhost"; otherwise the name is short (domain NULL).
 */
#ifndef PM_REGISTRY_REFERENCE_H
#define PM_REGISTRY_REFERENCE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

struct pm_reference {
	char *domain; /* "docker.io", "127.0.0.1:5000", "localhost"; NULL: a short name */
	char *path;   /* "library/busybox" */
	char *tag;    /* NULL: none given */
	char *digest; /* NULL: none given; else a valid digest (registry/digest.h) */
};

#define PM_REFERENCE_INIT {0}
#define _cleanup_reference_ _cleanup_(pm_reference_free)

void pm_reference_free(struct pm_reference *r); /* leaves it empty */

/* Parse s without changing it: nothing is completed. PM_E_USAGE, saying what is wrong, when
 * malformed. *ret is untouched on failure. */
int pm_reference_parse(const char *s, struct pm_reference *ret, struct pm_err *err);
/* Parse a name as a tool with docker.io as the default would: "busybox" is docker.io/library/busybox,
 * "user/app" docker.io/user/app, index.docker.io is docker.io. No tag is added. */
int pm_reference_parse_docker(const char *s, struct pm_reference *ret, struct pm_err *err);

/* "docker.io" with a one-component path gets "library/"; index.docker.io becomes docker.io. */
void pm_reference_normalize(struct pm_reference *r);
/* Set the tag to "latest" when there is neither a tag nor a digest. */
void pm_reference_default_tag(struct pm_reference *r);
void pm_reference_copy(const struct pm_reference *from, struct pm_reference *ret);

/* DOMAIN/PATH, without tag and digest; PATH alone for a short name. The caller frees. */
char *pm_reference_name(const struct pm_reference *r);
/* The whole reference. The caller frees. */
char *pm_reference_str(const struct pm_reference *r);

/* Is s a valid tag: [A-Za-z0-9_][A-Za-z0-9._-]{0,127}? */
bool pm_tag_valid(const char *s);

#endif
