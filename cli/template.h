/*
 * template - Go's text/template (as of Go 1.19) over pm_json trees, for --format.
 *
 * The language is complete but for "call", complex numbers, printf's %#v, and %b and %x of floats:
 * fields, $variables with := and =, pipelines, parentheses, if / else if / with / range (break,
 * continue, $i, $v), define, template, block, comments, trim markers; functions and or not eq ne lt
 * le gt ge len index slice print printf println html js urlquery, and Podman's json join lower upper
 * title split truncate pad.
 *
 * An object is seen as a struct, whose missing fields are errors, unless its hint is PM_JSON_MAP;
 * then a missing member is "<no value>", and index gives the zero value of the type its other
 * members have. null is a nil pointer: it prints <nil>, is false and empty; with the hint PM_JSON_MAP or PM_JSON_LIST it
 * is a nil map or slice, which prints map[] or [] and is used like an empty one. A string with
 * hint PM_JSON_TIME prints as Go's time.Time, marshals as it is, and has the methods Unix,
 * UnixNano, Format, IsZero and String. Integers are int, numbers with a point or an exponent
 * float64.
 *
 * Hostile templates and data are bounded: nesting, recursion, 64 MiB of output, and 50 million
 * steps; beyond these execution fails. Errors read as Go's:
 *	template: inspect:1:2: executing "inspect" at <.Nope>: can't evaluate field Nope in type T
 */
#ifndef PM_CLI_TEMPLATE_H
#define PM_CLI_TEMPLATE_H

#include "base/json.h"

struct pm_template;

/* Parse text; name is what errors call it ("inspect"). PM_E_USAGE when malformed. *ret is the
 * caller's, freed by pm_template_free. */
int pm_template_parse(const char *text, const char *name, struct pm_template **ret,
		      struct pm_err *err);
void pm_template_free(struct pm_template *t); /* NULL is fine */
static inline void pm_cleanup_template(struct pm_template **t)
{
	pm_template_free(*t);
}
#define _cleanup_template_ _cleanup_(pm_cleanup_template)

/* All zeros is a good default. */
struct pm_template_opts {
	const char *type; /* of the data, for errors: "*define.Info"; NULL: "struct" */
	/* A struct's field that is not there exactly is looked for in any case: .Host.Arch finds
	 * "host" and "arch" of `info`, .Id and .ID the same member. */
	bool fold_case;
	/* Fields whose names in Go are others than in JSON: pairs (Go's, JSON's), ended by NULL, or NULL. */
	const char *const *aliases;
	/* What actions print has control characters made harmless (pm_table_safe), for a terminal.
	 * The template's own text is left as it is. */
	bool safe;
	/* Asked for a struct's field that is not there, or has arguments: .Label "x". Returns 1
	 * with *ret set (made in pool), 0 for no such method, or fails. args are the caller's. */
	int (*method)(void *arg, struct pm_json_pool *pool, const struct pm_json *object,
		      const char *name, const struct pm_json *const *args, size_t n_args,
		      struct pm_json **ret, struct pm_err *err);
	void *arg;
};

/* Append to out what t makes of data (NULL: no data). opts may be NULL. PM_E_USAGE when it fails;
 * out then has what was printed before. data is not changed. */
int pm_template_exec(const struct pm_template *t, const struct pm_json *data,
		     const struct pm_template_opts *opts, struct pm_buf *out, struct pm_err *err);

/* The heading of a field when a command says none: words split at capitals, in upper case
 * ("ImageID" -> "IMAGE ID", "PIDNS" -> "PIDNS"). The caller frees. */
char *pm_template_heading(const char *field);

/* For table headings: executes t with each field replaced by its heading, from pairs (field,
 * heading), ended by NULL, else by pm_template_heading. Where an action cannot work with a text in
 * place of the value (range, index), the heading of its first field is printed. */
int pm_template_exec_headings(const struct pm_template *t, const char *const *pairs,
			      struct pm_buf *out, struct pm_err *err);

/* Names of members, ended by NULL; a list may be NULL. */
struct pm_template_types {
	const char *const *maps, *const *lists, *const *times;
};

/* Set the hints of a tree that was parsed or made without: each object or null that is the value of a
 * member named in maps, wherever it is, becomes a PM_JSON_MAP, each null in lists a PM_JSON_LIST, each string in
 * times a PM_JSON_TIME. Below a map, member names are data: only its values' own members are looked at. */
void pm_template_hint(struct pm_json *v, const struct pm_template_types *types);

#endif
