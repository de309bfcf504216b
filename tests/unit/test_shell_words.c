#include <string.h>

#include "cli/shell_words.h"
#include "tests/unit/test.h"

TEST(shell_words)
{
	static const struct {
		const char *text, *words; /* joined by | */
	} cases[] = {
		{"", ""},
		{"  \n ", ""},
		{"podman run IMAGE", "podman|run|IMAGE"},
		{"a  b\tc\n", "a|b|c"},
		{"'a b' \"c d\"", "a b|c d"},
		{"a'b'\"c\"d", "abcd"},
		{"'' x \"\"", "|x|"},
		{"a\\ b \\'", "a b|'"},
		{"\"a\\\"b\\\\c\\n\"", "a\"b\\c\\n"},
		{"'\\'", "\\"},
		{"$(x) ; | `y`", "$(x)|;|||`y`"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_OK(pm_shell_words(cases[i].text, &l, &err), err);
		_cleanup_free_ char *got = l.n ? pm_strv_join(&l, "|") : pm_strdup("");
		CHECK_STR(got, cases[i].words);
	}
}

TEST(shell_words_malformed)
{
	static const char *const bad[] = {"'a", "\"a", "a\\", "x 'y\"", "\"a\\\""};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
		struct pm_err err = PM_ERR_INIT;
		CHECK_INT(pm_shell_words(bad[i], &l, &err), -PM_E_USAGE);
	}
}
