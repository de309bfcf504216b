#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"

#define NS PM_NS_PER_SEC

/* Checked against Go 1.19. */
TEST(times_as_go_writes_them)
{
	static const struct {
		int64_t ns;
		int offset;
		const char *rfc3339, *go;
	} cases[] = {
		{0, 0, "1970-01-01T00:00:00Z", "1970-01-01 00:00:00 +0000 UTC"},
		{-1, 0, "1969-12-31T23:59:59.999999999Z",
		 "1969-12-31 23:59:59.999999999 +0000 UTC"},
		{1795479299811136205, 0, "2026-11-24T00:14:59.811136205Z",
		 "2026-11-24 00:14:59.811136205 +0000 UTC"},
		{1700000000500000000, 3600, "2023-11-14T23:13:20.5+01:00",
		 "2023-11-14 23:13:20.5 +0100 +0100"},
		{951782400000000000, -19800, "2000-02-28T18:30:00-05:30",
		 "2000-02-28 18:30:00 -0530 -0530"},
		{9000000000000000000, 0, "2255-03-14T16:00:00Z", "2255-03-14 16:00:00 +0000 UTC"},
		{-9000000000000000000, 0, "1684-10-19T08:00:00Z", "1684-10-19 08:00:00 +0000 UTC"},
		{PM_TIME_ZERO, 0, "0001-01-01T00:00:00Z", "0001-01-01 00:00:00 +0000 UTC"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		char text[PM_TIME_SIZE];
		struct pm_err err = PM_ERR_INIT;
		int64_t back;
		int offset;
		CHECK_STR(pm_time_go(cases[i].ns, cases[i].offset, NULL, text), cases[i].go);
		CHECK_STR(pm_time_rfc3339(cases[i].ns, cases[i].offset, text), cases[i].rfc3339);
		CHECK_OK(pm_time_parse_rfc3339(text, &back, &offset, &err), err);
		CHECK(back == cases[i].ns);
		CHECK_INT(offset, cases[i].offset);
	}
	char text[PM_TIME_SIZE];
	CHECK_STR(pm_time_rfc3339_fixed(NS / 2, 0, text), "1970-01-01T00:00:00.500000000Z");
	CHECK_STR(pm_time_go(0, 3600, "CET", text), "1970-01-01 01:00:00 +0100 CET");
}

TEST(layout)
{
	char text[256];
	pm_time_layout(
		1795479299811136205, -19800, NULL,
		"Mon Monday Jan January 1 01 2 02 _2 002 3 03 15 4 04 5 05 06 2006 PM pm MST "
		"Z0700 Z07:00 -07 -0700 -07:00 05.000 05.999999 Month Janet _2006 .00x",
		text, sizeof(text));
	CHECK_STR(text,
		  "Mon Monday Nov November 11 11 23 23 23 327 6 06 18 44 44 59 59 26 2026 PM pm "
		  "-0530 -0530 -05:30 -05 -0530 -05:30 59.811 59.811136 Month Janet _2026 "
		  ".81x");
	pm_time_layout(0, 0, NULL, "2006-01-02", text, 6);
	CHECK_STR(text, "1970-");
}

TEST(rfc3339_is_strict)
{
	static const char *const bad[] = {
		"", "2026", "2026-11-23", "2026-11-23T23:17:22", "2026-11-23 23:17:22Z",
		"2026-11-23T23:17:22.Z", "2026-11-23T23:17Z", "2026-02-29T00:00:00Z",
		"2026-11-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z",
		"2026-11-23T23:17:22+0100", "2026-11-23T23:17:22Zx", " 2026-11-23T23:17:22Z",
		"+026-11-23T23:17:22Z",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		int64_t ns = 77;
		if (pm_time_parse_rfc3339(bad[i], &ns, NULL, NULL) != -PM_E_FORMAT || ns != 77)
			test_fail(__FILE__, __LINE__, "accepted '%s'", bad[i]);
	}
	int64_t ns;
	CHECK_INT(pm_time_parse_rfc3339("9999-01-01T00:00:00Z", &ns, NULL, NULL), -ERANGE);
	CHECK_INT(pm_time_parse_rfc3339("2000-02-29T00:00:00.1234567899z", &ns, NULL, NULL), 0);
	CHECK(ns == 951782400 * NS + 123456789);
}

TEST(times_of_users)
{
	static const struct {
		const char *text;
		bool before;
		int64_t ns;
	} cases[] = {
		{"1700000000", true, 1700000000 * NS},
		{"1700000000.25", true, 1700000000 * NS + NS / 4},
		{"0", true, 0},
		{"2026-11-23T23:17:22Z", true, 1795475842 * NS},
		{"2026-11-23T23:17:22.5+01:00", true, 1795472242 * NS + NS / 2},
		{"2026-11-23T23:17:22", true, 1795483042 * NS}, /* two hours west of UTC */
		{"2026-11-23 23:17", true, 1795483020 * NS},
		{"2026-11-23", true, 1795399200 * NS},
		{"10m", true, 5000 * NS - 600 * NS},
		{"10m", false, 5000 * NS + 600 * NS},
		{"-1h30m", true, 5000 * NS + 5400 * NS},
	};
	setenv("TZ", "XXX2", 1);
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		int64_t ns;
		CHECK_OK(pm_time_parse_user(cases[i].text, 5000 * NS, cases[i].before, &ns, &err),
			 err);
		if (ns != cases[i].ns)
			test_fail(__FILE__, __LINE__, "'%s' is %lld, not %lld", cases[i].text,
				  (long long)ns, (long long)cases[i].ns);
	}
	static const char *const bad[] = {"", "yesterday", "10", "10 minutes", "2026-11-",
					  "1e9", "99999999999", "2026-11-23T", "1.", "."};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		int64_t ns;
		int r = pm_time_parse_user(bad[i], 0, true, &ns, NULL);
		if (strcmp(bad[i], "10") == 0)
			CHECK_INT(r, 0); /* ten seconds after 1970 began */
		else if (r != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "accepted '%s'", bad[i]);
	}
	char zone[16], text[PM_TIME_SIZE];
	CHECK_INT(pm_time_local_zone(0, zone, sizeof(zone)), -7200);
	CHECK_STR(zone, "XXX");
	CHECK_STR(pm_time_go_local(0, text), "1969-12-31 22:00:00 -0200 XXX");
	CHECK_STR(pm_time_rfc3339_local(0, text), "1969-12-31T22:00:00-02:00");
}

/* Checked against Go 1.19. */
TEST(durations)
{
	static const struct {
		const char *text;
		int64_t ns;
		const char *go;
	} cases[] = {
		{"0", 0, "0s"},
		{"1ns", 1, "1ns"},
		{"1us", 1000, "1µs"},
		{"1.5µs", 1500, "1.5µs"},
		{"300ms", 300000000, "300ms"},
		{"1h2m3.5s", 3723500000000, "1h2m3.5s"},
		{"-1.5h", -5400000000000, "-1h30m0s"},
		{"+5s", 5 * NS, "5s"},
		{".5s", NS / 2, "500ms"},
		{"1.s", NS, "1s"},
		{"60m1ns", 3600 * NS + 1, "1h0m0.000000001s"},
		{"2562047h47m16.854775807s", INT64_MAX, "2562047h47m16.854775807s"},
	};
	char text[PM_TIME_SIZE];
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		int64_t ns;
		CHECK_OK(pm_duration_parse(cases[i].text, &ns, &err), err);
		CHECK(ns == cases[i].ns);
		CHECK_STR(pm_duration_go(ns, text), cases[i].go);
	}
	CHECK_STR(pm_duration_go(INT64_MIN, text), "-2562047h47m16.854775808s");
	static const char *const bad[] = {"",
					  "1",
					  "1x",
					  ".s",
					  "1h-2m",
					  "1 s",
					  "-",
					  "1d",
					  "s",
					  "1sx",
					  "2562047h47m16.854775808s",
					  "99999999999999999999s"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		int64_t ns;
		if (pm_duration_parse(bad[i], &ns, NULL) != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "accepted '%s'", bad[i]);
	}
}

TEST(human_durations)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {
		{-5, "Less than a second"}, {0, "Less than a second"}, {1, "1 second"},
		{59, "59 seconds"}, {60, "About a minute"}, {119, "About a minute"},
		{120, "2 minutes"}, {3599, "59 minutes"}, {3600, "About an hour"},
		{5399, "About an hour"}, {5400, "2 hours"}, {3 * 3600, "3 hours"},
		{47 * 3600, "47 hours"}, {48 * 3600, "2 days"}, {13 * 86400, "13 days"},
		{14 * 86400, "2 weeks"}, {59 * 86400, "8 weeks"}, {60 * 86400, "2 months"},
		{729 * 86400, "24 months"}, {730 * 86400, "2 years"},
	};
	char text[PM_TIME_SIZE];
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++)
		CHECK_STR(pm_duration_human(cases[i].s * NS, text), cases[i].text);
}

TEST(sizes)
{
	char text[PM_TIME_SIZE];
	CHECK_STR(pm_size_human(4953000, true, text), "4.95 MB");
	CHECK_STR(pm_size_human(11349, true, text), "11.3 kB");
	CHECK_STR(pm_size_human(0, true, text), "0 B");
	CHECK_STR(pm_size_human(4953000, false, text), "4.953MB");
	CHECK_STR(pm_size_human(999, false, text), "999B");
	CHECK_STR(pm_size_human(1e15, false, text), "1PB");
	CHECK_STR(pm_size_bytes(4953000, text), "4.724MiB");
	CHECK_STR(pm_size_bytes(1536, text), "1.5KiB");
	CHECK_STR(pm_size_bytes(1023, text), "1023B");

	static const struct {
		const char *text;
		int64_t n;
	} good[] = {{"4096", 4096}, {"0", 0}, {"100b", 100}, {"32k", 32768}, {"32KB", 32768},
		    {"1.5GiB", 1610612736}, {"512m", 536870912}, {"1 MB", 1048576},
		    {"9007199254740993", 9007199254740993}, {"2p", INT64_C(2) << 50}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(good); i++) {
		struct pm_err err = PM_ERR_INIT;
		int64_t n;
		CHECK_OK(pm_size_parse(good[i].text, &n, &err), err);
		CHECK_INT(n, good[i].n);
	}
	static const char *const bad[] = {"", "k", "-1", "1x", "1kk", "1 ", "0x10", "1.2.3", "1e3",
					  " 1", "9223372036854775808", "9000p"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		int64_t n;
		if (pm_size_parse(bad[i], &n, NULL) != -PM_E_USAGE)
			test_fail(__FILE__, __LINE__, "accepted '%s'", bad[i]);
	}
}
