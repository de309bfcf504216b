#include <string.h>

#include "tests/unit/test.h"

#include "base/mem.h"
#include "base/utf8.h"

TEST(malformed)
{
	static const char *const bad[] = {
		"\x80",             /* continuation alone */
		"\xc0\xaf",         /* overlong '/' */
		"\xe0\x80\xaf",     /* overlong '/' */
		"\xf0\x80\x80\xaf", /* overlong '/' */
		"\xed\xa0\x80",     /* surrogate */
		"\xf4\x90\x80\x80", /* above U+10FFFF */
		"\xff",
		"\xc3",             /* cut short */
		"\xe2\x82",
		"\xe2(\xa1",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		char text[16];
		size_t at = 0;
		snprintf(text, sizeof(text), "ab%s", bad[i]);
		CHECK(!pm_utf8_valid(text, strlen(text), &at));
		CHECK_INT(at, 2);
	}
}

/* A bad byte is found wherever it stands. */
TEST(bad_byte_at_every_place)
{
	char text[32];
	for (size_t at = 0; at < sizeof(text); at++) {
		size_t bad = 99;
		memset(text, 'a', sizeof(text));
		CHECK(pm_utf8_valid(text, sizeof(text), &bad));
		text[at] = (char)0xff;
		CHECK(!pm_utf8_valid(text, sizeof(text), &bad));
		CHECK_INT((long)bad, (long)at);
	}
}

TEST(round_trip)
{
	static const uint32_t points[] = {0,      'a',    0x7f,    0x80,    0x7ff,
					  0x800,  0xd7ff, 0xe000,  0xffff,  0x10000,
					  0x20ac, 0x1f600, 0x10ffff};
	for (size_t i = 0; i < PM_ARRAY_SIZE(points); i++) {
		char s[4];
		uint32_t back;
		size_t n = pm_utf8_encode(points[i], s);
		CHECK_INT(pm_utf8_decode(s, n, &back), n);
		CHECK_INT(back, points[i]);
	}
}

TEST(width)
{
	CHECK_INT(pm_utf8_width('a'), 1);
	CHECK_INT(pm_utf8_width(0xe9), 1);    /* é */
	CHECK_INT(pm_utf8_width(0x301), 0);   /* combining acute */
	CHECK_INT(pm_utf8_width(0x4e2d), 2);  /* 中 */
	CHECK_INT(pm_utf8_width(0xac00), 2);  /* 가 */
	CHECK_INT(pm_utf8_width(0x1f600), 2); /* emoji */
	CHECK_INT(pm_utf8_width(0x200b), 0);  /* zero width space */
	CHECK_INT(pm_utf8_width(0x1b), 0);
}
