#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/recipe.h"
#include "storage/untar.h"
#include "tests/unit/tarball.h"
#include "tests/unit/tree.h"

static int add_to(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

/* Extract tar (in pieces) into a fresh directory and make it again. Returns replay's result. */
static int again(const struct pm_buf *tar, size_t piece, struct pm_buf *ret, struct pm_err *err)
{
	static int count;
	char dir[200];
	snprintf(dir, sizeof(dir), "%s/layer%d", test_dir(), count++);
	CHECK(mkdir(dir, 0755) == 0);
	umask(0);
	_cleanup_close_ int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	_cleanup_close_ int spool = memfd_create("spool", MFD_CLOEXEC);
	struct pm_untar_opts opts = {.rootfd = root, .recipe = recipe};
	struct pm_untar_totals totals;
	struct pm_untar *u;
	CHECK_OK(pm_untar_new(&opts, &u, err), *err);
	for (size_t at = 0; at < tar->len; at += piece)
		CHECK_OK(pm_untar_push(u, tar->data + at,
				       tar->len - at < piece ? tar->len - at : piece, err),
			 *err);
	CHECK_OK(pm_untar_finish(u, &totals, err), *err);
	pm_untar_free(u);
	struct pm_recipe_source src = {recipe, root, spool};
	uint64_t size = 0;
	int r = pm_recipe_replay(&src, add_to, ret, &size, err);
	if (r >= 0)
		CHECK_INT(size, ret->len);
	return r;
}

static void check_again(const struct pm_buf *tar)
{
	struct pm_err err = PM_ERR_INIT;
	static const size_t pieces[] = {1 << 20, 512, 777};
	for (size_t i = 0; i < PM_ARRAY_SIZE(pieces); i++) {
		_cleanup_buf_ struct pm_buf made = PM_BUF_INIT;
		CHECK_OK(again(tar, pieces[i], &made, &err), err);
		CHECK_INT(made.len, tar->len);
		CHECK(tar->len == 0 || memcmp(made.data, tar->data, tar->len) == 0);
	}
}

static void check_command(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, NULL};
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(tree_run(test_dir(), argv), 0);
	_cleanup_free_ char *path = pm_asprintf("%s/t.tar", test_dir());
	CHECK_OK(pm_fs_read_file(AT_FDCWD, path, 64 << 20, &tar, &err), err);
	check_again(&tar);
	CHECK(unlink(path) == 0);
}

#define MAKE_TREE                                                                                  \
	"rm -rf t; mkdir -p t/d/e t/empty; head -c 100000 /dev/urandom > t/d/r; echo x > t/d/e/x;"  \
	"ln t/d/r t/hard; ln -s d/e/x t/soft; : > t/zero; mkfifo t/fifo; chmod 4755 t/d/e/x;"       \
	"truncate -s 1M t/sparse; echo end >> t/sparse; head -c 5000 /dev/urandom |"                \
	"dd of=t/sparse bs=1 seek=300000 conv=notrunc status=none;"                                 \
	"n=$(printf 'n%.0s' $(seq 200)); mkdir -p t/$n; echo long > t/$n/$n; ln -s $n/$n t/tolong;"

TEST(recipe_of_every_format_of_gnu_tar)
{
	check_command(MAKE_TREE "tar -C t -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -S -H gnu -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -S -H pax -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -S -H pax --sparse-version=0.0 -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -S -H pax --sparse-version=0.1 -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -H pax --pax-option=comment=hello,delete=atime -cf t.tar .");
	check_command(MAKE_TREE "tar -C t -H gnu -g snap -cf t.tar .");
	check_command(MAKE_TREE "rm -rf t/nnn* t/tolong; tar -C t -H ustar -b 1 -cf t.tar .");
	check_command(MAKE_TREE "rm -rf t/nnn* t/tolong t/fifo; tar -C t -H v7 -cf t.tar .");
}

TEST(recipe_of_odd_ends)
{
	check_command(MAKE_TREE "tar -C t -cf t.tar .; head -c 12345 /dev/urandom >> t.tar");
	check_command(MAKE_TREE "tar -C t -cf t.tar .; truncate -s +100000 t.tar");
	check_command(MAKE_TREE "tar -C t -b 1 -cf t.tar .; truncate -s -1024 t.tar");
	check_command("truncate -s 1024 t.tar");
	check_command(": > t.tar");
}

TEST(recipe_of_files_that_later_entries_replace)
{
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT;
	tarball_file(&tar, "a", "first a");
	tarball_dir(&tar, "d");
	tarball_file(&tar, "d/x", "x in a directory");
	tarball_file(&tar, "b", "b");
	tarball_file(&tar, "a", "second");
	tarball_file(&tar, "d", "not a directory");
	tarball_file(&tar, "a", "third a");
	tarball_hardlink(&tar, "h", "a");
	tarball_file(&tar, "a", "fourth");
	tarball_file(&tar, "h", "was a link");
	tarball_symlink(&tar, "b", "a");
	tarball_file(&tar, "z", "");
	tarball_file(&tar, "z", "no longer empty");
	tarball_end(&tar);
	check_again(&tar);
}

TEST(recipe_of_whiteouts_with_content_and_links_on_the_way)
{
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT;
	tarball_file(&tar, ".wh.gone", "content of a whiteout");
	tarball_dir(&tar, "usr/lib");
	tarball_file(&tar, "usr/lib/.wh..wh..opq", "");
	tarball_symlink(&tar, "lib", "usr/lib");
	tarball_file(&tar, "lib/libc.so", "through a link");
	tarball_file(&tar, "./lib/../lib//libm.so", "an odd name");
	tarball_end(&tar);
	check_again(&tar);
}

TEST(recipe_that_no_longer_fits_is_an_error)
{
	/* the link that led to the file is another by the end */
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT, made = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	tarball_dir(&tar, "one");
	tarball_symlink(&tar, "l", "one");
	tarball_file(&tar, "l/f", "content");
	tarball_symlink(&tar, "l", "nowhere");
	tarball_end(&tar);
	CHECK(again(&tar, 4096, &made, &err) < 0);
	CHECK(err.text[0]);
}

TEST(recipe_without_its_end_is_refused)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_recipe_writer *w;
	_cleanup_buf_ struct pm_buf made = PM_BUF_INIT;
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	uint64_t size = 0;
	CHECK_OK(pm_recipe_writer_new(recipe, 1 << 20, &w, &err), err);
	pm_recipe_raw(w, "bytes", 5);
	pm_recipe_give_up(w);
	CHECK_OK(pm_recipe_finish(w, &err), err);
	pm_recipe_writer_free(w);
	struct pm_recipe_source src = {recipe, AT_FDCWD, -1};
	CHECK_INT(pm_recipe_replay(&src, add_to, &made, &size, &err), -PM_E_FORMAT);
	CHECK_INT(made.len, 0);
}

TEST(recipe_writer_stops_at_its_limit)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_recipe_writer *w;
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	CHECK_OK(pm_recipe_writer_new(recipe, 1000, &w, &err), err);
	uint32_t x = 1;
	for (int i = 0; i < 100000; i++) {
		x = x * 1664525 + 1013904223;
		pm_recipe_raw(w, &x, sizeof(x));
	}
	CHECK_INT(pm_recipe_finish(w, &err), -ENOSPC);
	pm_recipe_writer_free(w);
}
