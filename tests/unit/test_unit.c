#include "cli/create_command.h"
#include "engine/systemd/autoupdate.h"
#include "engine/systemd/unit.h"
#include "test.h"

TEST(unit_escape)
{
	static const struct {
		const char *word, *exec, *env;
	} cases[] = {
		{"plain", "plain", "plain"},
		{"", "\"\"", "\"\""},
		{"a b", "\"a b\"", "\"a b\""},
		{"$x %h", "\"$$x %%h\"", "\"$x %%h\""},
		{"a\"b\\", "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""},
		{"a\nb\tc", "\"a\\nb\\tc\"", "\"a\\nb\\tc\""},
		{"it's", "\"it's\"", "\"it's\""},
		{";", "\";\"", "\";\""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *exec = pm_unit_escape(cases[i].word);
		_cleanup_free_ char *env = pm_unit_escape_env(cases[i].word);
		CHECK_STR(exec, cases[i].exec);
		CHECK_STR(env, cases[i].env);
	}
}

TEST(unit_restart_words)
{
	CHECK(pm_unit_check_restart("on-abort", NULL) == 0);
	CHECK(pm_unit_check_restart("unless-stopped", NULL) < 0);
}

TEST(create_command_is_taken_apart)
{
	static const char *const drop[] = {"detach", "rm", "restart", "cidfile", NULL};
	static const struct {
		const char *argv, *global, *options, *args;
		bool named;
	} cases[] = {
		{"pm run -d --rm img", "", "", "img", false},
		{"pm --root /r container run -dit --name=a img -d x", "--root /r", "-it --name=a-%i",
		 "img -d x", true},
		{"pm create --name a --restart always --cidfile=/x -e A=b img", "",
		 "--name a-%i -e A=b", "img", true},
		{"pm run -deA=b --restart=no -p 80:80 -- img sh", "", "-eA=b -p 80:80", "img sh", false},
		{"pm run -d=false -ti=true img", "", "-ti=true", "img", false},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
		_cleanup_create_command_ struct pm_create_command c = {0};
		struct pm_err err = PM_ERR_INIT;
		pm_strv_split(&argv, cases[i].argv, ' ');
		CHECK_OK(pm_create_command_parse(&argv, drop, "-%i", &c, &err), err);
		_cleanup_free_ char *global = pm_strv_join(&c.global, " ");
		_cleanup_free_ char *options = pm_strv_join(&c.options, " ");
		_cleanup_free_ char *args = pm_strv_join(&c.args, " ");
		CHECK_STR(global, cases[i].global);
		CHECK_STR(options, cases[i].options);
		CHECK_STR(args, cases[i].args);
		CHECK(c.named == cases[i].named);
	}
	_cleanup_strv_ struct pm_strv bad = PM_STRV_INIT;
	_cleanup_create_command_ struct pm_create_command c = {0};
	pm_strv_split(&bad, "pm images -a", ' ');
	CHECK(pm_create_command_parse(&bad, drop, "", &c, NULL) < 0);
}

TEST(pod_create_command_is_taken_apart)
{
	static const char *const drop[] = {"pod-id-file", NULL};
	static const struct {
		const char *argv, *global, *options, *args;
		bool named, replaced;
	} cases[] = {
		{"pm pod create", "", "", "", false, false},
		{"pm --root /r pod create --pod-id-file=/x -n a --replace", "--root /r", "-n a --replace", "",
		 true, true},
		{"pm pod create --pod-id-file /x -p 80:80 a", "", "-p 80:80", "a", true, false},
		{"pm pod create --share net -- a", "", "--share net", "a", true, false},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
		_cleanup_create_command_ struct pm_create_command c = {0};
		struct pm_err err = PM_ERR_INIT;
		pm_strv_split(&argv, cases[i].argv, ' ');
		CHECK_OK(pm_pod_create_command_parse(&argv, drop, &c, &err), err);
		_cleanup_free_ char *global = pm_strv_join(&c.global, " ");
		_cleanup_free_ char *options = pm_strv_join(&c.options, " ");
		_cleanup_free_ char *args = pm_strv_join(&c.args, " ");
		CHECK_STR(global, cases[i].global);
		CHECK_STR(options, cases[i].options);
		CHECK_STR(args, cases[i].args);
		CHECK(c.named == cases[i].named);
		CHECK(c.replaced == cases[i].replaced);
	}
	static const char *const bad[] = {"pm pod", "pm create pod", "pm pod ps", "pm pod create --nosuch"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
		_cleanup_create_command_ struct pm_create_command c = {0};
		pm_strv_split(&argv, bad[i], ' ');
		CHECK(pm_pod_create_command_parse(&argv, drop, &c, NULL) < 0);
	}
}

TEST(autoupdate_policies)
{
	enum pm_autoupdate_policy p;
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(pm_autoupdate_policy_parse("", &p, &err), 0);
	CHECK_INT(pm_autoupdate_policy_parse("disabled", &p, &err), 0);
	CHECK_INT(pm_autoupdate_policy_parse("image", &p, &err), 1);
	CHECK_STR(pm_autoupdate_policy_name(p), "registry");
	CHECK_INT(pm_autoupdate_policy_parse("local", &p, &err), 1);
	CHECK_STR(pm_autoupdate_policy_name(p), "local");
	CHECK_INT(pm_autoupdate_policy_parse("Registry", &p, &err), -PM_E_USAGE);
}

TEST(unit_quote_leaves_specifiers)
{
	static const char *const cases[][2] = {
		{"%n $x", "\"%n $x\""}, {"%i", "%i"}, {"", "\"\""}, {"a\x01", "\"a\\x01\""}, {"\xff", "\"\\xff\""},
		{"\xc3\xa4", "\xc3\xa4"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *quoted = pm_unit_quote(cases[i][0]);
		CHECK_STR(quoted, cases[i][1]);
	}
	_cleanup_free_ char *both = pm_unit_literal("50% $x", true), *percent = pm_unit_literal("50% $x", false);
	CHECK_STR(both, "50%% $$x");
	CHECK_STR(percent, "50%% $x");
}
