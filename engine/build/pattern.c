#include "engine/build/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NO_UTF8 = 0x200000 }; /* a byte that is none, beyond all characters */

/* Bytes of the character at s; 1 for what is none. */
static size_t char_len(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;
	if (n > len)
		return 1;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

void pm_pattern_text(struct pm_pattern_text *ret, const char *s, size_t len, const char *quoted)
{
	const unsigned char *u = (const unsigned char *)s;
	ret->c = pm_calloc(len + 1, sizeof(*ret->c));
	ret->n = 0;
	for (size_t i = 0, n; i < len; i += n) {
		n = char_len(u + i, len - i);
		uint32_t c = u[i];
		if (n > 1)
			c &= 0xffU >> (n + 1);
		else if (c >= 0x80)
			c += NO_UTF8;
		for (size_t k = 1; k < n; k++)
			c = c << 6 | (u[i + k] & 0x3f);
		if (quoted && quoted[i] == 'u' && (c == '*' || c == '?'))
			c = c == '*' ? PM_PATTERN_ANY : PM_PATTERN_ONE;
		ret->c[ret->n++] = c;
	}
}

void pm_pattern_text_free(struct pm_pattern_text *t)
{
	free(t->c);
	*t = (struct pm_pattern_text){0};
}

void pm_pattern_reverse(struct pm_pattern_text *t)
{
	for (size_t i = 0; i < t->n / 2; i++) {
		uint32_t c = t->c[i];
		t->c[i] = t->c[t->n - 1 - i];
		t->c[t->n - 1 - i] = c;
	}
}

size_t pm_pattern_bytes(const struct pm_pattern_text *t, size_t from, size_t to)
{
	size_t n = 0;
	for (size_t i = from; i < to; i++)
		n += t->c[i] < 0x80 || t->c[i] >= NO_UTF8 ? 1
		     : t->c[i] < 0x800                    ? 2
		     : t->c[i] < 0x10000                  ? 3
							  : 4;
	return n;
}

/* Does the part [a, b) of p, which has no ANY, match at t[at]? */
static bool part_at(const struct pm_pattern_text *p, size_t a, size_t b,
		    const struct pm_pattern_text *t, size_t at)
{
	if (b - a > t->n - at)
		return false;
	for (size_t i = a; i < b; i++)
		if (p->c[i] != PM_PATTERN_ONE && p->c[i] != t->c[at + i - a])
			return false;
	return true;
}

/* The end of the part that begins at p[a]. */
static size_t part_end(const struct pm_pattern_text *p, size_t a)
{
	while (a < p->n && p->c[a] != PM_PATTERN_ANY)
		a++;
	return a;
}

/* What follows the first part, which matched up to at: each part at its first place, the last one at its first or
 * last. Since none has another way to match that lets more follow, nothing is tried twice. */
static bool rest(const struct pm_pattern_text *p, size_t a, const struct pm_pattern_text *t,
		 size_t at, bool longest, size_t *ret_end)
{
	while (a < p->n) {
		size_t b = part_end(p, ++a), place;
		if (b == p->n && longest) {
			if (b - a > t->n - at)
				return false;
			for (place = t->n - (b - a); !part_at(p, a, b, t, place); place--)
				if (place == at)
					return false;
		} else {
			for (place = at; !part_at(p, a, b, t, place); place++)
				if (place == t->n)
					return false;
		}
		at = place + (b - a);
		a = b;
	}
	*ret_end = at;
	return true;
}

bool pm_pattern_find(const struct pm_pattern_text *p, const struct pm_pattern_text *t, size_t from,
		     bool anchored, bool longest, size_t *ret_start, size_t *ret_end)
{
	size_t first = part_end(p, 0);
	for (size_t i = from; i <= t->n; i++) {
		if (part_at(p, 0, first, t, i)) {
			*ret_start = i;
			/* what is not found behind here is not found behind a later place */
			return rest(p, first, t, i + first, longest, ret_end);
		}
		if (anchored)
			break;
	}
	return false;
}
