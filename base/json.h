/*
 * json - JSON documents (RFC 8259), parsed with yajl into a tree, and written back.
 *
 * A document owns all of its values: pm_json_free(doc root's pool) frees everything at once. Values
 * are made by the pool that will hold them. Objects keep the order of their members; a duplicate
 * member in hostile input is an error (PM_E_FORMAT), since two readers may take different ones.
 * Depth is limited to 100, and input must be UTF-8.
 *
 * Numbers keep their text; integers are exact over the whole int64_t and uint64_t range.
 */
#ifndef PM_BASE_JSON_H
#define PM_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum pm_json_kind {
	PM_JSON_NULL,
	PM_JSON_BOOL,
	PM_JSON_NUMBER,
	PM_JSON_STRING,
	PM_JSON_ARRAY,
	PM_JSON_OBJECT,
};

struct pm_json_member {
	const char *name;
	struct pm_json *value;
};

/* What Podman's Go type of a value is, where JSON's kind does not tell. Only templates look at it,
 * and pm_json_copy keeps it; parsed values have PM_JSON_PLAIN. */
enum pm_json_hint {
	PM_JSON_PLAIN, /* an OBJECT is a struct: a field it lacks is an error; NULL is a nil pointer */
	PM_JSON_MAP,   /* an OBJECT whose member names are data (labels): missing is allowed; NULL: a nil map */
	PM_JSON_LIST,  /* NULL: a nil slice */
	PM_JSON_TIME,  /* a STRING that holds an RFC 3339 time: printed as Go's time.Time */
};

/* An open record: read it freely, change it by the functions below. */
struct pm_json {
	enum pm_json_kind kind;
	bool boolean;
	uint8_t hint : 7;   /* enum pm_json_hint; set it freely */
	uint8_t omit : 1;   /* a member that Go's omitempty leaves out: there for templates, but not written */
	uint16_t line;      /* of YAML: where it begins (a member: its name); 0: not known, or beyond 65535 */
	const char *string; /* STRING: the text, NUL-terminated. NUMBER: its text as written */
	size_t len;         /* STRING: bytes (may hold NULs); ARRAY: items; OBJECT: members */
	size_t cap;
	struct pm_json **items;         /* ARRAY */
	struct pm_json_member *members; /* OBJECT */
};

struct pm_json_pool;

struct pm_json_pool *pm_json_pool_new(void);
void pm_json_pool_free(struct pm_json_pool *pool); /* NULL is fine */
static inline void pm_cleanup_json_pool(struct pm_json_pool **p)
{
	pm_json_pool_free(*p);
}
#define _cleanup_json_pool_ _cleanup_(pm_cleanup_json_pool)

/* size zeroed bytes, aligned for any type, that live as long as the pool. */
void *pm_json_pool_alloc(struct pm_json_pool *pool, size_t size);
/* A string that lives as long as the pool. */
const char *pm_json_pool_strdup(struct pm_json_pool *pool, const char *s);

/* Parse text of len bytes; the tree belongs to pool. Nothing but white space may follow the value.
 * PM_E_FORMAT with line and column in the text when malformed. */
int pm_json_parse(struct pm_json_pool *pool, const char *text, size_t len,
		  struct pm_json **ret_root, struct pm_err *err);

/* Making values. Strings are copied. Functions never return NULL. */
struct pm_json *pm_json_null(struct pm_json_pool *pool);
struct pm_json *pm_json_bool(struct pm_json_pool *pool, bool b);
struct pm_json *pm_json_int(struct pm_json_pool *pool, int64_t n);
struct pm_json *pm_json_uint(struct pm_json_pool *pool, uint64_t n);
/* As Go writes it: the shortest text that reads back as n. JSON null for what is not finite. */
struct pm_json *pm_json_double(struct pm_json_pool *pool, double n);
/* A number whose text (valid JSON) the caller has. */
struct pm_json *pm_json_number(struct pm_json_pool *pool, const char *text, size_t len);
struct pm_json *pm_json_str(struct pm_json_pool *pool, const char *s); /* NULL gives JSON null */
struct pm_json *pm_json_strn(struct pm_json_pool *pool, const char *s, size_t len);
struct pm_json *pm_json_strv(struct pm_json_pool *pool, const struct pm_strv *l); /* array */
struct pm_json *pm_json_array(struct pm_json_pool *pool);
struct pm_json *pm_json_object(struct pm_json_pool *pool);
struct pm_json *pm_json_copy(struct pm_json_pool *pool, const struct pm_json *v); /* deep */

/* Changing. add appends to an array; set replaces or appends a member. Both return value. */
struct pm_json *pm_json_add(struct pm_json_pool *pool, struct pm_json *array,
			    struct pm_json *value);
struct pm_json *pm_json_set(struct pm_json_pool *pool, struct pm_json *object, const char *name,
			    struct pm_json *value);
void pm_json_unset(struct pm_json *object, const char *name);
/* For parsers: append without looking for a member of that name; name must live as long as pool. */
void pm_json_append_member(struct pm_json_pool *pool, struct pm_json *object, const char *name,
			   struct pm_json *value);

/* Shorthands for pm_json_set(pool, object, name, pm_json_KIND(pool, ...)). */
void pm_json_set_str(struct pm_json_pool *pool, struct pm_json *object, const char *name,
		     const char *s);
void pm_json_set_int(struct pm_json_pool *pool, struct pm_json *object, const char *name,
		     int64_t n);
void pm_json_set_bool(struct pm_json_pool *pool, struct pm_json *object, const char *name, bool b);
/* Members that Go's omitempty leaves out, being empty: "NAME TYPE" each, ended by NULL, TYPE one of s (string), n (number),
 * b (bool), m (map), l (list), p (pointer). For those that are not there; only templates find them. */
void pm_json_set_omitted(struct pm_json_pool *pool, struct pm_json *object, const char *const *fields);

/* Looking. All take v == NULL or a value of another kind and answer "not there". */
struct pm_json *pm_json_get(const struct pm_json *object, const char *name); /* NULL: no member */
/* Follow member names, the last argument NULL. */
struct pm_json *pm_json_find(const struct pm_json *object, ...) __attribute__((sentinel));
struct pm_json *pm_json_at(const struct pm_json *array, size_t index);
size_t pm_json_len(const struct pm_json *v); /* items or members; 0 for others */
bool pm_json_is(const struct pm_json *v, enum pm_json_kind kind);
/* The string of member name, or NULL when missing or not a string. */
const char *pm_json_get_str(const struct pm_json *object, const char *name);
bool pm_json_get_bool(const struct pm_json *object, const char *name, bool missing);
/* Exact integers only: -PM_E_FORMAT for a fraction, an exponent, out of range, or another kind. */
int pm_json_as_int(const struct pm_json *v, int64_t *ret, struct pm_err *err);
int64_t pm_json_get_int(const struct pm_json *object, const char *name, int64_t missing);
bool pm_json_equal(const struct pm_json *a, const struct pm_json *b);
/* The strings of an array appended to l; items of other kinds are PM_E_FORMAT. */
int pm_json_to_strv(const struct pm_json *array, struct pm_strv *l, struct pm_err *err);

/* Writing: appended to out. indent 0 is compact, else that many spaces a level (Podman uses 5 for
 * inspect). Escapes as Go's encoding/json does without HTML escaping; NULL writes null. An empty
 * array is [] and an empty object {}. */
void pm_json_write(const struct pm_json *v, unsigned int indent, struct pm_buf *out);
/* The same with <, > and & written as \u003c..., as Go's json.Marshal does. */
void pm_json_write_html(const struct pm_json *v, unsigned int indent, struct pm_buf *out);

#endif
