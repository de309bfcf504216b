#include "tests/unit/test.h"

#include <string.h>

#include "engine/container/criu.h"

TEST(criu_reason)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"Error (criu/vdso.c:381): vdso: bad\nError (x.c:1): second\n", "vdso: bad"},
		{"Warn  (criu/a.c:1): w\nError (criu/b.c:2): no\r\n", "no"},
		{"(00.065678) Error (criu/vdso.c:613): vdso: Failed", "vdso: Failed"},
		{"Error (criu/b.c:2)\nmore): x\n", ""},
		{"Error (a): ", ""},
		{"Looks good.\n", ""},
		{"", ""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = pm_strdup(cases[i].text);
		const char *got = pm_criu_reason(text);
		CHECK_STR(got ? got : "", cases[i].want);
	}
}

/* As CRIU writes them of a dump, and of a restore. */
static const unsigned char dump_file[] = {
	0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57, 0x15, 0x00, 0x00, 0x00, 0x0a, 0x13, 0x08, 0xac, 0x02,
	0x10, 0x80, 0x01, 0x18, 0x05, 0x20, 0x06, 0x28, 0xe8, 0x07, 0x30, 0x00, 0x38, 0x64, 0x40, 0x01,
};
static const unsigned char restore_file[] = {
	0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57, 0x0d, 0x00, 0x00, 0x00, 0x12, 0x0b,
	0x08, 0x00, 0x10, 0x00, 0x18, 0x07, 0x20, 0xf4, 0x03, 0x28, 0x2a,
};

TEST(criu_stats)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_criu_stats s;
	CHECK_OK(pm_criu_stats_parse(dump_file, sizeof(dump_file), &s, &err), err);
	CHECK_INT(s.v[PM_CRIU_FREEZING_TIME], 300);
	CHECK_INT(s.v[PM_CRIU_FROZEN_TIME], 128);
	CHECK_INT(s.v[PM_CRIU_MEMDUMP_TIME], 5);
	CHECK_INT(s.v[PM_CRIU_MEMWRITE_TIME], 6);
	CHECK_INT(s.v[PM_CRIU_PAGES_SCANNED], 1000);
	CHECK_INT(s.v[PM_CRIU_PAGES_WRITTEN], 100);
	CHECK_INT(s.v[PM_CRIU_RESTORE_TIME], 0);

	CHECK_OK(pm_criu_stats_parse(restore_file, sizeof(restore_file), &s, &err), err);
	CHECK_INT(s.v[PM_CRIU_FORKING_TIME], 7);
	CHECK_INT(s.v[PM_CRIU_RESTORE_TIME], 500);
	CHECK_INT(s.v[PM_CRIU_PAGES_RESTORED], 42);
	CHECK_STR(pm_criu_stat_name(PM_CRIU_PAGES_RESTORED), "pages_restored");
}

TEST(criu_stats_damaged)
{
	struct pm_criu_stats s;
	for (size_t n = 0; n < sizeof(restore_file); n++)
		CHECK(pm_criu_stats_parse(restore_file, n, &s, NULL) == -PM_E_FORMAT);
	unsigned char bad[sizeof(restore_file)];
	memcpy(bad, restore_file, sizeof(bad));
	bad[13] = 0x7f; /* longer than the file */
	CHECK(pm_criu_stats_parse(bad, sizeof(bad), &s, NULL) == -PM_E_FORMAT);
	memcpy(bad, restore_file, sizeof(bad));
	memset(bad + 14, 0xff, 11); /* a number without an end */
	CHECK(pm_criu_stats_parse(bad, sizeof(bad), &s, NULL) == -PM_E_FORMAT);
}
