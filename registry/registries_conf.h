/*
 * registries_conf - containers-registries.conf(5), version 2: which registries are searched for
 * short names, aliases of short names, mirrors, insecure and blocked registries.
 *
 * Read once by whoever needs it (pm for short names, pm-transfer for endpoints): the main file
 * ($CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf), then *.conf of registries.conf.d below /etc/containers and
 * ~/.config/containers in order of name; later files replace single settings. Aliases that were recorded
 * (~/.cache/containers/short-name-aliases.conf, root's in /var/cache) come last. Missing files are fine.
 */
#ifndef PM_REGISTRY_REGISTRIES_CONF_H
#define PM_REGISTRY_REGISTRIES_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "registry/reference.h"

struct pm_mirror {
	char *location;
	bool insecure;
	bool digest_only, tag_only; /* pull-from-mirror, mirror-by-digest-only */
};

struct pm_registry {
	char *prefix; /* "host[:port][/path]" or "*.host" */
	char *location;
	bool insecure, blocked;
	struct pm_mirror *mirrors;
	size_t n_mirrors;
};

enum pm_short_names {
	PM_SHORT_PERMISSIVE, /* ask where that is possible, else try all search registries */
	PM_SHORT_ENFORCING,  /* ask, or fail */
	PM_SHORT_DISABLED,   /* try all */
};

struct pm_registries {
	struct pm_strv search; /* unqualified-search-registries */
	struct pm_strv helpers; /* credential-helpers */
	struct pm_strv aliases; /* name, value, name, value ...; value "" is "no alias" */
	struct pm_registry *v;
	size_t n;
	enum pm_short_names short_names; /* short-name-mode */
	char *source; /* the file the search list came from; NULL: none */
};

#define PM_REGISTRIES_INIT {0}
#define _cleanup_registries_ _cleanup_(pm_registries_free)

void pm_registries_free(struct pm_registries *c); /* leaves it empty */

/* Read all files. A malformed one is an error that names it. *ret must be empty. */
int pm_registries_load(struct pm_registries *ret, struct pm_err *err);
/* One file's text on top of what c holds; file is for messages. */
int pm_registries_parse(struct pm_registries *c, const char *text, size_t len, const char *file,
			struct pm_err *err);

/* The rule with the longest prefix that matches r (which has a domain), or NULL. c keeps it. */
const struct pm_registry *pm_registries_find(const struct pm_registries *c,
					     const struct pm_reference *r);

/* Where to look for an image, in order. */
struct pm_endpoint {
	struct pm_reference ref; /* owned; domain and path as the endpoint wants them */
	bool insecure;
};

struct pm_endpoints {
	struct pm_endpoint *v;
	size_t n;
};

void pm_endpoints_free(struct pm_endpoints *e);
#define _cleanup_endpoints_ _cleanup_(pm_endpoints_free)

/* Mirrors first, the registry itself last. Blocked: PM_E_REMOTE. ret must be empty. */
int pm_registries_endpoints(const struct pm_registries *c, const struct pm_reference *r,
			    struct pm_endpoints *ret, struct pm_err *err);

/* What an alias says of a short name ("app"), or NULL. c keeps it. */
const char *pm_registries_alias(const struct pm_registries *c, const char *name);
/* Remember value (a full name without tag) for the short name in the user's short-name-aliases.conf. */
int pm_registries_remember(const char *name, const char *value, struct pm_err *err);

/* Full references (as strings, tag included) that a short name may mean, best first: its alias, else
 * each search registry. local: for the store: "localhost/NAME" comes after the alias. A name
 * with a domain gives itself. Nothing found: PM_E_USAGE, saying what to configure (not when local). */
int pm_registries_candidates(const struct pm_registries *c, const struct pm_reference *r, bool local,
			     struct pm_strv *ret, struct pm_err *err);

#endif
