#include "tests/unit/test.h"

#include <string.h>

#include "engine/container/checkpoint.h"

TEST(checkpoint_reason_of_criu)
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
		const char *got = pm_checkpoint_criu_reason(text);
		CHECK_STR(got ? got : "", cases[i].want);
	}
}
