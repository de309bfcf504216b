/*
 * toml - a parser of TOML 1.0.0 (https://toml.io/en/v1.0.0), complete, for containers.conf,
 * registries.conf and storage.conf. No state, no files: text in, a pm_json tree out.
 *
 * Tables and inline tables become objects, arrays (also of tables) arrays, booleans booleans,
 * integers numbers in decimal, floats numbers with their text less '_' and '+' ("1.0" stays "1.0").
 * Strings become strings; so do date-times and the floats inf and nan, which JSON has not: the text
 * as written. A newline within a string is \n, whatever the file has.
 *
 * Rejected as the specification demands: keys and tables given twice, extending inline tables and
 * static arrays, control characters, text that is not UTF-8, integers beyond int64_t. Also what is
 * nested deeper than 100 (with no recursion beyond it), a NUL in a key, and more than 16 MiB.
 */
#ifndef PM_BASE_TOML_H
#define PM_BASE_TOML_H

#include "base/json.h"

/* Parse text of len bytes; *ret, an object, belongs to pool. PM_E_FORMAT with the line number in
 * the text when malformed; *ret is untouched then. */
int pm_toml_parse(struct pm_json_pool *pool, const char *text, size_t len, struct pm_json **ret,
		  struct pm_err *err);

#endif
