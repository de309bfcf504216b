/*
 * buf - a growable byte string; strv - a growable list of strings.
 *
 * Both are open records that start as all zeros. A buf always has a NUL after its last byte once
 * anything was added, so data can be read as a C string (data is NULL while nothing was added).
 * A strv is always NULL-terminated when non-empty, so it serves as argv or envp.
 */
#ifndef PM_BASE_BUF_H
#define PM_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct pm_buf {
	char *data; /* owned */
	size_t len; /* bytes, without the NUL */
	size_t cap;
};

#define PM_BUF_INIT {0}

void pm_buf_free(struct pm_buf *b); /* leaves it empty and usable */
void pm_buf_add(struct pm_buf *b, const void *bytes, size_t len);
void pm_buf_add_str(struct pm_buf *b, const char *s);
void pm_buf_add_char(struct pm_buf *b, char c);
void pm_buf_printf(struct pm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pm_buf_vprintf(struct pm_buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Make room for at least extra more bytes after len; returns where they start. The caller writes
 * there and raises len (the NUL is then the caller's to keep). */
char *pm_buf_reserve(struct pm_buf *b, size_t extra);
/* Cut to len bytes (no more than now). */
void pm_buf_cut(struct pm_buf *b, size_t len);
/* Give the string away ("" when nothing was added); b is empty then. The caller frees. */
char *pm_buf_take(struct pm_buf *b);
/* The content as a C string, never NULL; b keeps it. */
const char *pm_buf_str(const struct pm_buf *b);

#define _cleanup_buf_ _cleanup_(pm_buf_free)

struct pm_strv {
	char **v; /* owned, each string too; v[n] == NULL when v is not NULL */
	size_t n;
	size_t cap;
};

#define PM_STRV_INIT {0}

void pm_strv_free(struct pm_strv *l);
void pm_strv_add(struct pm_strv *l, const char *s);  /* copies */
void pm_strv_take(struct pm_strv *l, char *s);       /* owns s from now on */
void pm_strv_addf(struct pm_strv *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pm_strv_add_all(struct pm_strv *l, char *const *v); /* copies a NULL-terminated list */
bool pm_strv_has(const struct pm_strv *l, const char *s);
/* Split s at each sep; empty parts are kept ("a,,b" gives three); "" gives one empty part. */
void pm_strv_split(struct pm_strv *l, const char *s, char sep);
/* Joined by sep; the caller frees. */
char *pm_strv_join(const struct pm_strv *l, const char *sep);
/* The list as argv/envp, never NULL; l keeps it. */
char *const *pm_strv_argv(const struct pm_strv *l);

#define _cleanup_strv_ _cleanup_(pm_strv_free)

/* Environment lists ("NAME=value"). */
/* The value of name in l, or NULL. l keeps it. */
const char *pm_env_get(const struct pm_strv *l, const char *name);
/* Set name to value, replacing an earlier entry in place. */
void pm_env_set(struct pm_strv *l, const char *name, const char *value);
void pm_env_unset(struct pm_strv *l, const char *name);
/* Each of over set in base: what base has already is replaced in place. */
void pm_env_merge(struct pm_strv *base, const struct pm_strv *over);

/* Small predicates on C strings. */
bool pm_streq(const char *a, const char *b); /* NULL equals only NULL */
bool pm_startswith(const char *s, const char *prefix);
bool pm_endswith(const char *s, const char *suffix);
bool pm_str_in(const char *s, const char *const *words); /* words: NULL-terminated */

#endif
