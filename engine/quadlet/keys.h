/*
 * keys - the kinds of Quadlet files and the keys of their own groups, as const tables. The generator, `pm quadlet
 * check`, the manual page pm-systemd.unit(5) and the tests all go by them: a key that is not here does not exist.
 */
#ifndef PM_ENGINE_QUADLET_KEYS_H
#define PM_ENGINE_QUADLET_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* How a key's values become options. */
enum pm_key_kind {
	PM_KEY_TEXT,   /* --option=VALUE of the last value */
	PM_KEY_TEXTS,  /* one for each value of a list */
	PM_KEY_WORDS,  /* one for each word of each value */
	PM_KEY_PATHS,  /* the same; relative ones are below the file's directory */
	PM_KEY_PAIRS,  /* the same; NAME=VALUE, where a later one takes the place of an earlier one */
	PM_KEY_BOOL,   /* --option, or --option=false */
	PM_KEY_FLAG,   /* the option with its prefix as value when true, nothing when false */
	PM_KEY_OTHER,  /* what the kind's own code makes of it; option, if any, says of which */
};

struct pm_key {
	const char *name;
	enum pm_key_kind kind;
	const char *option;  /* without "--" */
	const char *prefix;  /* of the option's value */
	const char *refused; /* why pm cannot do what the key asks for */
	const char *help;    /* PM_KEY_OTHER, where option does not say it */
};

enum pm_quadlet_type {
	PM_QUADLET_BUILD,
	PM_QUADLET_CONTAINER,
	PM_QUADLET_IMAGE,
	PM_QUADLET_KUBE,
	PM_QUADLET_NETWORK,
	PM_QUADLET_POD,
	PM_QUADLET_VOLUME,
	PM_QUADLET_TYPES,
};

struct pm_quadlet_kind {
	enum pm_quadlet_type type;
	const char *ext;     /* ".container" */
	const char *group;   /* "Container" */
	const char *suffix;  /* of the service's name: "", "-volume" */
	const char *command; /* of pm that takes the keys' options: "run" */
	const struct pm_key *keys; /* sorted by name; ended by {0} */
};

extern const struct pm_quadlet_kind pm_quadlet_kinds[PM_QUADLET_TYPES];
/* Of [Quadlet] in any of them. */
extern const struct pm_key pm_quadlet_keys[];

/* By the end of a file name; NULL: none. */
const struct pm_quadlet_kind *pm_quadlet_kind_of(const char *name);
/* The key in a table, NULL when there is none; then *ret_near, which may be NULL, gets one that differs in case only. */
const struct pm_key *pm_key_find(const struct pm_key *keys, const char *name, const char **ret_near);

#endif
