/*
 * utf8 - reading UTF-8 (RFC 3629) strictly: no overlong forms, no surrogates, nothing above
 * U+10FFFF. Libc-only, independent of the locale.
 */
#ifndef PM_BASE_UTF8_H
#define PM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point that starts at s (len bytes are left, at least 1), and its length in bytes
 * (1..4). A malformed sequence gives length 0 and *ret = U+FFFD; skip one byte then. */
size_t pm_utf8_decode(const char *s, size_t len, uint32_t *ret);

/* Write c (a valid code point) as UTF-8 to out; returns its length in bytes. */
size_t pm_utf8_encode(uint32_t c, char out[4]);

/* Whether all of s is well-formed. When not, *ret_bad (may be NULL) is the offset of the first bad
 * byte. */
bool pm_utf8_valid(const char *s, size_t len, size_t *ret_bad);

/* Columns that c takes on a terminal: 0 for combining marks, zero-width and control characters, 2
 * for wide East Asian characters and emoji, else 1. */
int pm_utf8_width(uint32_t c);

#endif
