/*
 * filter - the conditions of --filter, KEY=VALUE, on whatever can be listed: each kind of thing has a table of
 * the keys it knows. Values of one key are alternatives, or must all hold where the table says so; different keys
 * must all hold.
 */
#ifndef PM_ENGINE_FILTER_H
#define PM_ENGINE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_filter_key {
	const char *key; /* "label!" is that of label!=VALUE */
	/* Does the subject (of the type that the table is for) fit the value? 1, 0, or an error. */
	int (*match)(const void *subject, const char *value, struct pm_err *err);
	bool all;           /* all values must hold; else one is enough */
	unsigned int needs; /* what the subject must have been read with, in the table's own flags */
};

struct pm_filter_table {
	const struct pm_filter_key *keys; /* at most 64, and {0} as the end */
	const char *before, *after;       /* Podman's words around a key that is unknown */
};

/* The filter's key in the table, and its value. NULL: PM_E_USAGE, not KEY=VALUE or an unknown key. */
const struct pm_filter_key *pm_filter_find(const struct pm_filter_table *table, const char *filter,
					   const char **ret_value, struct pm_err *err);

/* Have all filters the form KEY=VALUE with a known key? 0 or PM_E_USAGE. */
int pm_filter_check(const struct pm_filter_table *table, const struct pm_strv *filters,
		    struct pm_err *err);

/* The needs of all filters' keys; unknown ones have none. */
unsigned int pm_filter_needs(const struct pm_filter_table *table, const struct pm_strv *filters);

/* Does the subject pass all filters? 1, 0, or an error: PM_E_USAGE of a filter that pm_filter_check refuses,
 * else that of a match. */
int pm_filter_pass(const struct pm_filter_table *table, const struct pm_strv *filters,
		   const void *subject, struct pm_err *err);

/* --- what many matches are made of: 1, 0, or PM_E_USAGE */

/* Does the text hold what the (extended) regular expression describes? */
int pm_filter_regex(const char *text, const char *regex, struct pm_err *err);
/* until=VALUE: made before then? */
int pm_filter_until(int64_t created, const char *value, struct pm_err *err);
/* Is the value one of the words (up to a NULL)? PM_E_USAGE, "... is not a valid WHAT", when not. */
int pm_filter_word(const char *value, const char *const *words, const char *what,
		   struct pm_err *err);

#endif
