#include "engine/container/env_expand.h"

#include <stdlib.h>

#include "tests/unit/test.h"

TEST(words)
{
	static const char *const t[][2] = {
		{"", ""},
		{"plain", "plain"},
		{"$A", "one"},
		{"$A/$B", "one/two"},
		{"${A}x", "onex"},
		{"$AB", ""},
		{"/x:${A}:${NONE}", "/x:one:"},
		{"${NONE:-d}", "d"},
		{"${A:-d}", "one"},
		{"${EMPTY:-d}", "d"},
		{"${A:+d}", "d"},
		{"${NONE:+d}", ""},
		{"${NONE:-${A}-$B}", "one-two"},
		{"\\$A", "$A"},
		{"$", "$"},
		{"a$ b", "a$ b"},
		{"$$A", "$one"},
		{"a\\", "a\\"},
	};
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	pm_env_set(&env, "A", "one");
	pm_env_set(&env, "B", "two");
	pm_env_set(&env, "EMPTY", "");
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_free_ char *text = NULL;
		CHECK_OK(pm_env_expand(t[i][0], &env, &text, &err), err);
		CHECK_STR(text, t[i][1]);
	}
}

TEST(malformed)
{
	static const char *const t[] = {"${", "${A", "${}", "${A?x}", "${A:x}", "${A:-${B}"};
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		char *text = NULL;
		CHECK(pm_env_expand(t[i], &env, &text, &err) == -PM_E_USAGE);
	}
}
