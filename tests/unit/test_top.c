#include <stdio.h>
#include <string.h>

#include "engine/cgroup/group.h"
#include "engine/container/top.h"
#include "engine/container/wait.h"
#include "engine/spec/user.h"
#include "tests/unit/test.h"

/* words: arguments separated by spaces. */
static char *parsed(const char *words, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv args = PM_STRV_INIT, names = PM_STRV_INIT;
	if (*words)
		pm_strv_split(&args, words, ' ');
	return pm_top_parse(&args, &names, err) < 0 ? NULL : pm_strv_join(&names, " ");
}

TEST(top_arguments)
{
	static const struct {
		const char *args, *names;
	} cases[] = {
		{"", "user pid ppid pcpu etime tty time args"},
		{"pid", "pid"},
		{"pid,comm hpid", "pid comm hpid"},
		{"%C %u %U %G %g", "pcpu ruser user group rgroup"},
		{"-ef", "user pid ppid pcpu stime tty time args"},
		{"aux", "user pid pcpu vsz rss tty state stime time args"},
		{"-e", "user pid ppid pcpu etime tty time args"},
		{"-eo user,pid,cmd", "user pid args"},
		{"-o pid -o stat", "pid state"},
		{"-opid,comm", "pid comm"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_free_ char *got = parsed(cases[i].args, &err);
		CHECK(got);
		CHECK_STR(got ? got : err.text, cases[i].names);
	}
}

TEST(top_arguments_refused)
{
	static const char *const bad[] = {"nosuch", "pid,", "%Q", "cmd", "-eZ", "-eo", "-eo nosuch", "--sort=pid"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_free_ char *got = parsed(bad[i], &err);
		CHECK_STR(got ? got : "refused", "refused");
		CHECK(err.code == PM_E_USAGE || err.code == PM_E_UNSUPPORTED);
	}
}

TEST(top_names_are_sorted)
{
	for (size_t i = 1; pm_top_name(i); i++)
		CHECK(strcmp(pm_top_name(i - 1), pm_top_name(i)) < 0);
}

TEST(group_own_path)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *path, *own; /* %s is the id */
	} cases[] = {
		{"/user/libpod-%s", "/user/libpod-%s"},
		{"/user.slice/libpod-%s.scope/container", "/user.slice/libpod-%s.scope"},
		{"/%s", "/%s"},
		{"/user.slice/session-1.scope", NULL},
		{"/", NULL},
		{"%s", NULL},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		char path[256], own[256] = "";
		const char *f[] = {cases[i].path, cases[i].own ? cases[i].own : ""};
		char *const to[] = {path, own};
		for (size_t k = 0; k < 2; k++) {
			const char *at = strstr(f[k], "%s");
			snprintf(to[k], sizeof(path), "%.*s%s%s", at ? (int)(at - f[k]) : (int)strlen(f[k]), f[k],
				 at ? id : "", at ? at + 2 : "");
		}
		_cleanup_free_ char *got = pm_group_own_path(path, id);
		CHECK_STR(got ? got : "", own);
	}
	CHECK(!pm_group_own_path("/any", ""));
}

TEST(name_of_id)
{
	static const char text[] = "# a comment\nroot:x:0:0:root:/root:/bin/sh\n:x:5:5::\nbad\nuser:x:1000:1000::/:\n"
				   "neg:x:-1:0::/:\nagain:x:1000:1::/:\n";
	_cleanup_free_ char *root = pm_spec_name_of(text, 0), *user = pm_spec_name_of(text, 1000);
	CHECK_STR(root, "root");
	CHECK_STR(user, "user");
	CHECK(!pm_spec_name_of(text, 5));
	CHECK(!pm_spec_name_of("", 0));
}

TEST(wait_conditions)
{
	struct pm_err err = PM_ERR_INIT;
	unsigned int bits = 0;
	CHECK(pm_wait_condition("exited", &bits, &err) == 0);
	CHECK(pm_wait_condition("stopped", &bits, &err) == 0);
	CHECK(bits == 1u << PM_STATUS_EXITED);
	CHECK(pm_wait_condition("removed", &bits, &err) == 0);
	CHECK(bits & PM_WAIT_REMOVED);
	CHECK(pm_wait_condition("Running", &bits, &err) == -PM_E_USAGE);
}
