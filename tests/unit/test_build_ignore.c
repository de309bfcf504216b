#include "engine/build/glob.h"
#include "engine/build/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "tests/unit/test.h"

enum { S = PM_GLOB_SELF, P = PM_GLOB_PARENT, B = PM_GLOB_BELOW };

TEST(globs)
{
	static const struct {
		const char *pattern, *path;
		unsigned int want;
	} t[] = {
		{"a", "a", S}, {"a", "b", 0}, {"a", "a/b", P}, {"a/b", "a", B}, {"a/b", "ab", 0}, {"abc", "ab", 0},
		{"*.c", "x.c", S}, {"*.c", "d/x.c", 0}, {"*.c", "x.c/y", P}, {"*", "a", S}, {"*", "a/b", P}, {"*/b", "a/b", S}, {"*/b", "a", B},
		{"a?c", "abc", S}, {"a?c", "a/c", 0}, {"a?c", "a\xc3\xb6" "c", S}, {"\xc3\xb6*", "\xc3\xb6x", S}, {"*\xc3\xb6", "x\xc3\xb6", S}, {"*\xc3\xb6", "x\xc3\xa4", 0},
		{"[a-c]x", "bx", S}, {"[^a-c]x", "bx", 0}, {"[^a-c]x", "dx", S}, {"[]a]", "]", S}, {"[\\]a]", "]", S}, {"a[^b]c", "a/c", 0},
		{"\\*", "*", S}, {"\\*", "x", 0}, {"**/x", "x", S | B}, {"**/x", "a/b/x", S | B}, {"**/x", "a/xx", B}, {"**/x", "x/y", P | B},
		{"a/**", "a", B}, {"a/**", "a/b/c", S | P | B}, {"a/**/c", "a/c", S | B}, {"a/**/c", "a/b/b/c", S | B}, {"a/**/c", "a/bc", B},
		{"**", "a/b", S | P | B}, {"**/*.go", "x/y.go", S | B}, {"a/*/c", "a/b/c", S}, {"a/*/c", "a/b", B}, {"a/*/c", "b", 0},
		{"a*b*c", "axxbyyc", S}, {"a*b*c", "axxbyy", 0},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_glob_ struct pm_glob *g = NULL;
		CHECK_OK(pm_glob_new(t[i].pattern, &g, &err), err);
		unsigned int got = pm_glob_match(g, t[i].path);
		if (got != t[i].want)
			test_fail(__FILE__, __LINE__, "'%s' for '%s' is %u, not %u", t[i].pattern, t[i].path, got, t[i].want);
	}
}

TEST(bad_globs)
{
	static const char *const t[] = {"[", "[a", "a\\", "[a-\\", "[]"};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_glob *g;
		CHECK_INT(pm_glob_new(t[i], &g, NULL), -PM_E_USAGE);
	}
}

TEST(ignore_rules)
{
	static const enum pm_ignore_answer answers[] = {PM_IGNORE_KEEP, PM_IGNORE_DROP, PM_IGNORE_DROP_SELF};
	enum { K, D, DS };
	static const struct {
		const char *text, *path;
		int want;
	} t[] = {
		{"", "a", K}, {"a", "a", D}, {"a", "a/b", D}, {"a", "b", K}, {"/a/", "a", D}, {"# a\n  b  \r\n", "b", D}, {"#a", "a", K}, {"\xef\xbb\xbf" "a", "a", D},
		{"*\n!a", "a", K}, {"*\n!a", "a/b", K}, {"*\n!a", "b", D}, {"*\n!a/b", "a", DS}, {"*\n!a/b", "a/b", K}, {"*\n!a/b", "a/c", D},
		{"*\n!a\na/c", "a/c", D}, {"!a\n*", "a", D}, {"*.md\n!R*.md\nRs.md", "Rs.md", D}, {"*.md\n!R*.md\nRs.md", "R.md", K},
		{"a\n!**/x", "a", DS}, {"a\n!**/x", "a/b/x", K}, {"a\n!**/x", "a/b/y", DS}, {"a\n!**/x\na", "a", D},
		{"../x\n.", "x", K}, {"a/../b", "b", D}, {"! a\n", "a", K}, {"**", "", K}, {"a/\n!a/b\n", "a", DS},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_ignore_ struct pm_ignore *ig = pm_ignore_new();
		CHECK_OK(pm_ignore_add_file(ig, "x", t[i].text, strlen(t[i].text), &err), err);
		if (pm_ignore_match(ig, t[i].path) != answers[t[i].want])
			test_fail(__FILE__, __LINE__, "'%s' for '%s' is %d", t[i].text, t[i].path,
				  (int)pm_ignore_match(ig, t[i].path));
	}
}

TEST(bad_ignore_rules)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_ignore_ struct pm_ignore *ig = pm_ignore_new();
	CHECK_INT(pm_ignore_add_file(ig, ".dockerignore", "a\n!\n", 4, &err), -PM_E_USAGE);
	CHECK_STR(err.text, ".dockerignore:2: \"!\" without a pattern");
	CHECK_INT(pm_ignore_add_file(ig, ".dockerignore", "\n\n[", 3, &err), -PM_E_USAGE);
	CHECK_STR(err.text, ".dockerignore:3: pattern \"[\": a bracket has no end");
}

static void write_file(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = pm_path_join(dir, name);
	CHECK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, false, NULL) >= 0);
}

TEST(which_ignore_file)
{
	static const char *const order[] = {"Df.containerignore", "Df.dockerignore", ".containerignore", ".dockerignore"};
	const char *dir = test_dir();
	_cleanup_free_ char *file = pm_path_join(dir, "Df"), *given = pm_path_join(dir, "given");
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pm_err err = PM_ERR_INIT;
	struct pm_ignore *none;
	CHECK_OK(pm_ignore_find(NULL, file, fd, &none, &err), err);
	CHECK(!none);
	CHECK_INT(pm_ignore_find(given, file, fd, &none, &err), -ENOENT);
	write_file(dir, "given", "given");
	for (size_t i = 0; i < 4; i++)
		write_file(dir, order[i], order[i]);
	for (size_t i = 0; i < 5; i++) {
		_cleanup_ignore_ struct pm_ignore *ig = NULL;
		CHECK_OK(pm_ignore_find(i ? NULL : given, file, fd, &ig, &err), err);
		CHECK_INT(pm_ignore_match(ig, i ? order[i - 1] : "given"), PM_IGNORE_DROP);
		if (i)
			CHECK(unlinkat(fd, order[i - 1], 0) == 0);
	}
}
