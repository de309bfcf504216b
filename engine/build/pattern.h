/*
 * pattern - the patterns of ${x#p}, ${x%p} and ${x/p/r}: characters, "?" for one and "*" for any number. A character is
 * one of UTF-8, or a byte that is none. Time is linear in the text for a pattern of a given size.
 */
#ifndef PM_ENGINE_BUILD_PATTERN_H
#define PM_ENGINE_BUILD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PM_PATTERN_ONE = INT32_MAX - 1, PM_PATTERN_ANY = INT32_MAX }; /* what is no character */

struct pm_pattern_text {
	uint32_t *c; /* owned */
	size_t n;
};

/* quoted: of each byte, whether "*" and "?" are themselves; NULL: all are (a text, no pattern). */
void pm_pattern_text(struct pm_pattern_text *ret, const char *s, size_t len, const char *quoted);
void pm_pattern_text_free(struct pm_pattern_text *t);
void pm_pattern_reverse(struct pm_pattern_text *t);
/* Bytes of the characters [from, to). */
size_t pm_pattern_bytes(const struct pm_pattern_text *t, size_t from, size_t to);

/* The first place at or behind from (anchored: there alone) where p matches, the longest or shortest part of it. */
bool pm_pattern_find(const struct pm_pattern_text *p, const struct pm_pattern_text *t, size_t from,
		     bool anchored, bool longest, size_t *ret_start, size_t *ret_end);

#endif
