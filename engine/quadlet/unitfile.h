/*
 * unitfile - a unit file as systemd.syntax(7) has it: groups of KEY=VALUE lines in order, each with the file and
 * line that it came from. A source and its drop-ins are parsed into one object; a service is built in another one
 * and written out. Values are kept as written (continuation lines joined by a blank): quotes, escapes and
 * specifiers are the business of whoever asks for the value. Pure but for the texts given to it; libc-only.
 */
#ifndef PM_ENGINE_QUADLET_UNITFILE_H
#define PM_ENGINE_QUADLET_UNITFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* One file, at most. */
#define PM_UNITFILE_MAX (1 << 20)

struct pm_unitline {
	char *key, *value; /* owned; value is "" for an empty assignment */
	const char *file;  /* the unit file's; NULL: made by the generator */
	int line;          /* from 1 */
};

struct pm_unitgroup {
	char *name;
	const char *file;
	int line;
	struct pm_unitline *lines;
	size_t n, cap;
};

/* All zeros is an empty one. */
struct pm_unitfile {
	struct pm_unitgroup *groups; /* one for each name, in order of their first lines */
	size_t n;
	char **files; /* what lines' file points to */
	size_t n_files;
};

void pm_unitfile_free(struct pm_unitfile *f);
#define _cleanup_unitfile_ _cleanup_(pm_unitfile_free)

/* Parse text, the content of path, after what f has. PM_E_FORMAT, as "PATH:LINE: ..."; f keeps the lines before. */
int pm_unitfile_parse(struct pm_unitfile *f, const char *path, const char *text, size_t len, struct pm_err *err);

/* --- queries; what they return is f's */

struct pm_unitgroup *pm_unitfile_group(const struct pm_unitfile *f, const char *name);
/* The last line with that key, whatever its value; NULL: none. */
const struct pm_unitline *pm_unitfile_line(const struct pm_unitfile *f, const char *group, const char *key);
/* The next line after prev (NULL: the first) of a list key: what an empty assignment took back is left out. */
const struct pm_unitline *pm_unitfile_next(const struct pm_unitfile *f, const char *group, const char *key,
					   const struct pm_unitline *prev);
/* The last value; NULL when there is none or it is empty. */
const char *pm_unitfile_value(const struct pm_unitfile *f, const char *group, const char *key);

/* systemd's words for true and false; PM_E_USAGE for others. */
int pm_unit_bool(const char *value, bool *ret, struct pm_err *err);
/* The words of a value: blanks separate, '...' and "..." quote, backslashes escape as in C (systemd's extract_first_word
 * with UNQUOTE|CUNESCAPE; an unknown escape stays as it is). PM_E_USAGE for a quote that does not end. */
int pm_unit_words(const char *value, struct pm_strv *ret, struct pm_err *err);
/* A value that is one text with blanks in it: quotes around the whole are taken off. The caller frees. */
char *pm_unit_text(const char *value);

/* --- changes */

/* file: one of f's, or NULL. */
void pm_unitfile_add(struct pm_unitfile *f, const char *group, const char *key, const char *value);
/* In front of the group's other lines. */
void pm_unitfile_prepend(struct pm_unitfile *f, const char *group, const char *key, const char *value);
/* All of a group's lines, under another name. */
void pm_unitfile_copy_group(struct pm_unitfile *to, const struct pm_unitgroup *from, const char *name);

void pm_unitfile_write(const struct pm_unitfile *f, struct pm_buf *out);

#endif
