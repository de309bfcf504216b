/*
 * toml_scan - the characters of TOML: white space, comments, keys' and strings' text, numbers and
 * date-times. Private to base/toml.c, which knows tables; no state beyond struct pm_toml_text.
 */
#ifndef PM_BASE_TOML_SCAN_H
#define PM_BASE_TOML_SCAN_H

#include "base/json.h"

struct pm_toml_text {
	const char *p, *end; /* the rest of the text; no NUL at end */
	size_t line;         /* of p, from 1 */
	struct pm_json_pool *pool;
	struct pm_err *err;
};

/* Sets "TOML: line N: ..."; returns -PM_E_FORMAT. */
int pm_toml_fail(struct pm_toml_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The next byte, or -1 at the end. */
int pm_toml_peek(const struct pm_toml_text *t);
bool pm_toml_at(const struct pm_toml_text *t, const char *s);
/* Spaces and tabs. */
void pm_toml_skip_space(struct pm_toml_text *t);
/* White space, a comment, and the newline or the end of the text, which must follow. */
int pm_toml_end_line(struct pm_toml_text *t);
/* White space, comments and newlines, as many as there are. */
int pm_toml_skip_lines(struct pm_toml_text *t);

/* A bare or quoted part of a key; multi_line strings are refused. *ret belongs to the pool. */
int pm_toml_key_part(struct pm_toml_text *t, const char **ret);
/* Any of the four kinds of string, at its opening quote. */
int pm_toml_string(struct pm_toml_text *t, struct pm_json **ret);
/* A boolean, number or date-time. */
int pm_toml_scalar(struct pm_toml_text *t, struct pm_json **ret);

#endif
