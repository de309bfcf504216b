#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "storage/tree_diff.h"
#include "tests/unit/tree.h"

static int dir(const char *name)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void sh(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, NULL};
	CHECK_INT(tree_run(test_dir(), argv), 0);
}

static int add(void *arg, enum pm_tree_change what, const char *path, struct pm_err *err)
{
	(void)err;
	pm_buf_printf(arg, "%c %s\n", "CAD"[what], path);
	return 0;
}

static void check(const struct pm_tree_diff *d, const char *want)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	CHECK_OK(pm_tree_diff(d, add, &out, &err), err);
	CHECK_STR(pm_buf_str(&out), want);
}

TEST(tree_diff_of_an_upper)
{
	sh("mkdir -p low/d/sub low/gone low/hidden up/d up/hidden up/new/deep; echo x > low/d/f;"
	   "echo x > low/d/kept; echo x > low/hidden/x; echo x > low/type; touch up/d/f up/new/deep/f;"
	   "touch up/.wh.gone up/.wh.nosuch; mkdir up/type; touch up/type/in");
	_cleanup_free_ char *path = pm_asprintf("%s/up/hidden", test_dir());
	CHECK(setxattr(path, "user.overlay.opaque", "y", 1, 0) == 0);
	int low = dir("low"), up = dir("up");
	struct pm_tree_diff d = {.from = &low, .to = &up, .n_from = 1, .n_to = 1, .upper = true};
	check(&d, "C /d\nC /d/f\nD /gone\nC /hidden\nD /hidden/x\nA /new\nA /new/deep\nA /new/deep/f\n"
		  "C /type\nA /type/in\n");
	close(low);
	close(up);
}

TEST(tree_diff_of_whole_trees)
{
	sh("mkdir -p a/same/deep a/d b/same/deep b/d; echo x > a/same/deep/f; cp -a a/same/deep/f b/same/deep/f;"
	   "echo 1 > a/d/f; echo 22 > b/d/f; echo x > a/gone; echo x > b/new; ln -s x a/l; ln -s y b/l;"
	   "chmod 700 a/d; chmod 755 b/d; touch -h -d @1 a/l b/l; mkdir a/z b/z; touch a/z/only");
	int a = dir("a"), b = dir("b");
	struct pm_tree_diff d = {.from = &a, .to = &b, .n_from = 1, .n_to = 1};
	check(&d, "C /d\nC /d/f\nD /gone\nC /l\nA /new\nC /z\nD /z/only\n");
	struct pm_tree_diff none = {.from = &a, .to = &a, .n_from = 1, .n_to = 1};
	check(&none, "");
	struct pm_tree_diff empty = {.to = &b, .n_to = 1};
	check(&empty, "A /d\nA /d/f\nA /l\nA /new\nA /same\nA /same/deep\nA /same/deep/f\nA /z\n");
	close(a);
	close(b);
}
