#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/layer_compare.h"
#include "tests/unit/tarball.h"

static int diff = -1;

static void put(const char *path, const char *content)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_write_file(diff, path, content, strlen(content), 0644, false, &err), err);
}

static void set_up(void)
{
	_cleanup_free_ char *path = pm_asprintf("%s/layer", test_dir());
	CHECK(mkdir(path, 0755) == 0);
	diff = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(diff, "d", 0755) == 0);
	put("d/f", "123");
	put("g", "now");
	CHECK(symlinkat("/etc/x", diff, "s") == 0);
	CHECK(linkat(diff, "g", diff, "h", 0) == 0);
}

static void good(struct pm_buf *b)
{
	tarball_dir(b, "./");
	tarball_dir(b, "d/");
	tarball_file(b, "d/f", "123");
	tarball_file(b, "g", "earlier, replaced");
	tarball_file(b, "/g", "now");
	tarball_hardlink(b, "h", "g");
	tarball_symlink(b, "s", "/etc/x");
	tarball_file(b, ".wh.gone", "");
	tarball_file(b, "d/.wh..wh..opq", "");
}

/* In pieces, as a replay gives it. */
static int run(struct pm_buf *b, struct pm_err *err)
{
	struct pm_layer_compare *c = pm_layer_compare_new();
	int r = 0;
	tarball_end(b);
	for (size_t at = 0; r >= 0 && at < b->len; at += 700)
		r = pm_layer_compare_push(c, b->data + at, b->len - at < 700 ? b->len - at : 700, err);
	if (r >= 0)
		r = pm_layer_compare_finish(c, diff, err);
	pm_layer_compare_free(c);
	pm_buf_free(b);
	return r;
}

TEST(same)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	good(&b);
	CHECK_OK(run(&b, &err), err);
	/* what was below a directory that a file replaced */
	tarball_dir(&b, "g/");
	tarball_file(&b, "g/below", "x");
	good(&b);
	CHECK_OK(run(&b, &err), err);
	CHECK_OK(run(&b, &err), err); /* nothing at all */
}

TEST(differences)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_file(&b, "nope", "");
	CHECK_INT(run(&b, &err), -PM_E_DIGEST);
	CHECK_STR(err.text, "'nope' is missing");
	tarball_file(&b, "d/f", "1234");
	CHECK_INT(run(&b, &err), -PM_E_DIGEST);
	CHECK_STR(err.text, "'d/f' has 3 bytes, not 4");
	tarball_dir(&b, "g");
	CHECK_INT(run(&b, &err), -PM_E_DIGEST);
	CHECK_STR(err.text, "'g' is of another type");
	tarball_symlink(&b, "s", "/etc/y");
	CHECK_INT(run(&b, &err), -PM_E_DIGEST);
	CHECK_STR(err.text, "symlink 's' leads elsewhere");
	/* not followed: what it leads to is no file of the layer */
	tarball_file(&b, "s", "");
	CHECK_INT(run(&b, &err), -PM_E_DIGEST);
	tarball_file(&b, "../out", "");
	CHECK_INT(run(&b, &err), -PM_E_FORMAT);
}
