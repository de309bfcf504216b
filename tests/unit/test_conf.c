#include "engine/conf/conf.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "tests/unit/test.h"

static int parse(struct pm_conf *c, const char *text)
{
	return pm_conf_parse(c, "test", text, strlen(text), NULL);
}

TEST(values_replace_defaults)
{
	_cleanup_conf_ struct pm_conf c;
	pm_conf_init(&c);
	CHECK_INT(c.pids_limit, 2048);
	CHECK_INT(c.default_capabilities.n, 11);
	CHECK_INT(parse(&c, "# c\n[containers]\npids_limit = 5\ninit = true\nshm_size = 4096\n"
			    "env = [\"A=b\"] # x\n\n[engine]\nruntime = \"runc\"\nfuture = 1\n"
			    "[engine.runtimes]\nmine = [\"/a\", \"/b\"]\n[later]\nx = 1\n"),
		  0);
	CHECK_INT(c.pids_limit, 5);
	CHECK(c.init);
	CHECK_STR(c.shm_size, "4096");
	CHECK_INT(c.env.n, 1);
	CHECK_STR(c.runtime, "runc");
	CHECK_INT(c.n_runtimes, 1);
	CHECK_STR(c.runtimes[0].paths.v[1], "/b");
	CHECK_INT(parse(&c, "[containers]\npids_limit = 6\n"), 0);
	CHECK_INT(c.pids_limit, 6);
	CHECK_STR(c.runtime, "runc");
}

TEST(wrong_kinds_are_named)
{
	static const char *const bad[] = {
		"[containers]\npids_limit = \"x\"\n", "[containers]\nenv = 3\n",
		"[containers]\nenv = [3]\n",	      "[containers]\ninit = 1\n",
		"containers = 3\n",		      "[engine]\nruntime = []\n",
		"[engine]\nruntimes = 3\n",	      "[engine.runtimes]\nx = \"/a\"\n",
		"[containers\n",		      "[containers]\nx\n",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_conf_ struct pm_conf c;
		pm_conf_init(&c);
		CHECK_INT(pm_conf_parse(&c, "FILE", bad[i], strlen(bad[i]), &err), -PM_E_FORMAT);
		CHECK(strstr(err.text, "FILE"));
	}
}

TEST(lines_of_errors_count_comments)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_conf_ struct pm_conf c;
	pm_conf_init(&c);
	const char *text = "# 1\n# 2\n[containers]\n  # 4\npids_limit = = 5\n";
	CHECK_INT(pm_conf_parse(&c, "F", text, strlen(text), &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "5"));
}

TEST(comments_inside_strings_stay)
{
	_cleanup_conf_ struct pm_conf c;
	pm_conf_init(&c);
	CHECK_INT(parse(&c, "[containers]\ntz = \"\"\"\n# no comment\"\"\"\n"), 0);
	CHECK_STR(c.tz, "# no comment");
}

TEST(files_named_by_variables)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *one = pm_asprintf("%s/one", test_dir());
	_cleanup_free_ char *two = pm_asprintf("%s/two", test_dir());
	const char *t1 = "[containers]\numask = \"0077\"\ntz = \"A\"\n", *t2 = "[containers]\ntz = \"B\"\n";
	CHECK_OK(pm_fs_write_file(AT_FDCWD, one, t1, strlen(t1), 0644, false, &err), err);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, two, t2, strlen(t2), 0644, false, &err), err);
	setenv("CONTAINERS_CONF", one, 1);
	setenv("CONTAINERS_CONF_OVERRIDE", two, 1);
	struct pm_conf c;
	CHECK_OK(pm_conf_load(&c, NULL, &err), err);
	CHECK_STR(c.umask, "0077");
	CHECK_STR(c.tz, "B");
	CHECK_INT(c.files.n, 2);
	pm_conf_free(&c);
	setenv("CONTAINERS_CONF", "/nonexistent/x", 1);
	CHECK(pm_conf_load(&c, NULL, &err) < 0);
}

TEST(runtimes_by_name_and_path)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_conf_ struct pm_conf c;
	_cleanup_free_ char *path = NULL, *other = NULL;
	pm_conf_init(&c);
	CHECK_INT(parse(&c, "[engine.runtimes]\nmine = [\"/nonexistent\", \"/bin/sh\"]\n"), 0);
	CHECK_OK(pm_conf_runtime(&c, "mine", &path, &err), err);
	CHECK_STR(path, "/bin/sh");
	CHECK_OK(pm_conf_runtime(&c, "/bin/sh", &other, &err), err);
	CHECK_STR(other, "/bin/sh");
	CHECK_INT(pm_conf_runtime(&c, "/nonexistent", &path, &err), -PM_E_NOSUCH);
	CHECK_INT(pm_conf_runtime(&c, "no-such-runtime", &path, &err), -PM_E_NOSUCH);
}

TEST(sizes)
{
	int64_t n;
	CHECK_INT(pm_conf_parse_size("64m", &n, NULL), 0);
	CHECK_INT(n, 64 << 20);
	CHECK_INT(pm_conf_parse_size("65536k", &n, NULL), 0);
	CHECK_INT(n, 64 << 20);
	CHECK_INT(pm_conf_parse_size("4096", &n, NULL), 0);
	CHECK_INT(n, 4096);
	static const char *const bad[] = {"", "m", "-1", "1x", "1mm", "inf", "nan", "0x10", "1e3", "99999999p"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++)
		if (pm_conf_parse_size(bad[i], &n, NULL) >= 0)
			test_fail(__FILE__, __LINE__, "size '%s' is taken", bad[i]);
}

TEST(lists_are_replaced_or_added_to)
{
	static const struct {
		const char *one, *two, *want;
	} t[] = {
		{"[containers]\nannotations=[\"a=1\"]\n", "[containers]\nannotations=[\"b=2\"]\n", "b=2"},
		{"[containers]\nannotations=[\"a=1\"]\n",
		 "[containers]\nannotations=[\"b=2\", {append=true}]\n", "a=1,b=2"},
		{"[containers]\nannotations=[\"a=1\", {append=true}]\n",
		 "[containers]\nannotations=[\"b=2\"]\n", "a=1,b=2"},
		{"[containers]\nannotations=[\"a=1\", {append=true}]\n",
		 "[containers]\nannotations=[\"b=2\", {append=false}]\n", "b=2"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_conf_ struct pm_conf c;
		pm_conf_init(&c);
		CHECK_OK(pm_conf_parse(&c, "one", t[i].one, strlen(t[i].one), &err), err);
		CHECK_OK(pm_conf_parse(&c, "two", t[i].two, strlen(t[i].two), &err), err);
		_cleanup_free_ char *got = pm_strv_join(&c.annotations, ",");
		CHECK_STR(got, t[i].want);
	}
	static const char *const bad[] = {
		"[containers]\nenv=[1]\n", "[containers]\nenv=[{append=1}]\n",
		"[containers]\nenv=[{foo=true}]\n", "[containers]\nenv=\"a\"\n"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_conf_ struct pm_conf c;
		pm_conf_init(&c);
		CHECK(pm_conf_parse(&c, "bad", bad[i], strlen(bad[i]), &err) == -PM_E_FORMAT);
	}
}
