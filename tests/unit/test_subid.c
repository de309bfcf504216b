#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "netns/subid.h"

static void read_text(const char *text, size_t len, struct pm_subid *ret)
{
	struct pm_err err = PM_ERR_INIT;
	char path[128];
	snprintf(path, sizeof(path), "%s/subuid", test_dir());
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, text, len, 0600, false, &err), err);
	pm_subid_free(ret);
	CHECK_OK(pm_subid_read(path, 1000, "alice", ret, &err), err);
}

TEST(several_ranges_by_name_and_number)
{
	_cleanup_subid_ struct pm_subid s = PM_SUBID_INIT;
	static const char text[] = "bob:100000:65536\nalice:165536:65536\n# alice:1:1\n"
				   "1000:300000:10\nalicea:5:5\n10000:6:6\nalice:400000:1";
	read_text(text, sizeof(text) - 1, &s);
	CHECK_INT(s.n, 3);
	CHECK_INT(s.v[0].start, 165536);
	CHECK_INT(s.v[0].count, 65536);
	CHECK_INT(s.v[1].start, 300000);
	CHECK_INT(s.v[1].count, 10);
	CHECK_INT(s.v[2].start, 400000); /* the last line needs no newline */
}

TEST(malformed_lines_are_skipped)
{
	_cleanup_subid_ struct pm_subid s = PM_SUBID_INIT;
	static const char text[] = "alice\nalice:\nalice:1\nalice:1:\nalice:1:0\nalice:-1:5\n"
				   "alice:1:5:6\nalice: 1:5\nalice:4294967295:1\nalice:4294967290:6\n"
				   "alice:99999999999999999999:1\nalice:1:4294967296\n:1:1\n\n"
				   "alice:0\0x:1\n"
				   "alice:4294967290:5\n";
	read_text(text, sizeof(text) - 1, &s);
	CHECK_INT(s.n, 1);
	CHECK_INT(s.v[0].start, 4294967290u);
}

TEST(long_lines_and_files)
{
	_cleanup_subid_ struct pm_subid s = PM_SUBID_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	for (int i = 0; i < 20000; i++)
		pm_buf_printf(&b, "user%d:%d:1\n", i, i);
	for (int i = 0; i < 10000; i++)
		pm_buf_add_str(&b, "alice:1:1");
	pm_buf_add_str(&b, "\nalice:7:8\n");
	for (int i = 0; i < 10000; i++)
		pm_buf_add_str(&b, "alice:1:1");
	read_text(b.data, b.len, &s);
	CHECK_INT(s.n, 1);
	CHECK_INT(s.v[0].start, 7);
}

TEST(missing_file_is_no_range)
{
	_cleanup_subid_ struct pm_subid s = PM_SUBID_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_subid_read("/nonexistent/subuid", 1000, "alice", &s, &err), err);
	CHECK_INT(s.n, 0);
}

TEST(user_name)
{
	_cleanup_free_ char *root = pm_subid_user_name(0);
	CHECK_STR(root, "root");
	setenv("USER", "somebody", 1);
	_cleanup_free_ char *env = pm_subid_user_name(4000000000u);
	CHECK_STR(env, "somebody");
	unsetenv("USER");
	_cleanup_free_ char *digits = pm_subid_user_name(4000000000u);
	CHECK_STR(digits, "4000000000");
}
