#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/merged.h"
#include "storage/layer_tar.h"
#include "storage/untar.h"
#include "tests/unit/tree.h"

static void sh(const char *script)
{
	const char *const argv[] = {"sh", "-ec", script, NULL};
	CHECK_INT(tree_run(test_dir(), argv), 0);
}

static int dir(const char *name)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int add_to(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

static struct pm_buf tar_of(const struct pm_layer_tar *t)
{
	struct pm_buf b = PM_BUF_INIT;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_layer_tar(t, add_to, &b, &err), err);
	return b;
}

static void untar(const struct pm_buf *b, const char *to)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_untar *u;
	struct pm_untar_totals totals;
	umask(0);
	struct pm_untar_opts opts = {.rootfd = dir(to), .keep_owner = geteuid() == 0};
	CHECK_OK(pm_untar_new(&opts, &u, &err), err);
	CHECK_OK(pm_untar_push(u, b->data, b->len, &err), err);
	CHECK_OK(pm_untar_finish(u, &totals, &err), err);
	pm_untar_free(u);
	close(opts.rootfd);
}

static char *describe(const char *name)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	return tree_describe(path, 1);
}

static void save(const struct pm_buf *b, const char *name)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, path, b->data, b->len, 0644, false, &err), err);
}

TEST(layer_tar_round_trip)
{
	sh("mkdir t b g; cd t; mkdir -p d/e empty; head -c 300000 /dev/urandom > d/r; ln d/r a;"
	   "ln d/r d/z; ln -s d/e soft; : > zero; mkfifo fifo; echo x > d/e/x; chmod 4751 d/e/x;"
	   "truncate -s 10M holes; echo end >> holes; truncate -s 3M hole-at-end;"
	   "dd if=/dev/urandom of=hole-at-end bs=4096 count=1 seek=20 conv=notrunc status=none;"
	   "n=$(printf 'n%.0s' $(seq 220)); mkdir -p $n/$n; echo long > $n/$n/$n; ln -s $n/$n tolong;"
	   "chmod 0500 d/e; find . -exec touch -h -d @1000000000 {} +");
	_cleanup_free_ char *file = pm_asprintf("%s/t/zero", test_dir());
	CHECK(setxattr(file, "user.test", "a\0b", 3, 0) == 0);
	CHECK(setxattr(file, "user.overlay.opaque", "y", 1, 0) == 0); /* not to be seen */
	int fd = dir("t");
	struct pm_layer_tar t = {.layers = &fd, .n_layers = 1, .raw = true};
	struct pm_buf one = tar_of(&t), two = tar_of(&t);
	CHECK_INT(one.len, two.len);
	CHECK(memcmp(one.data, two.data, one.len) == 0);
	CHECK(one.len < (2 << 20)); /* holes take no room */
	untar(&one, "b");
	CHECK(removexattr(file, "user.overlay.opaque") == 0);
	sh("touch -d @1000000000 b");
	char *was = describe("t"), *is = describe("b");
	CHECK_STR(is, was);
	/* GNU tar reads the same */
	save(&one, "t.tar");
	sh("tar -xpf t.tar -C g --xattrs; cd t; find . -type f -exec cmp {} ../g/{} \\;;"
	   "test $(stat -c %b ../g/holes) -lt 100; test $(stat -c %h ../g/a) = 3");
	free(was);
	free(is);
	pm_buf_free(&one);
	pm_buf_free(&two);
	close(fd);
}

TEST(layer_tar_of_a_layer_has_its_whiteouts)
{
	sh("mkdir -p t/opaque b; echo new > t/opaque/new; : > t/.wh.fuse");
	int fd = dir("t");
	CHECK(mknodat(fd, "gone", S_IFCHR, makedev(0, 0)) == 0);
	_cleanup_free_ char *path = pm_asprintf("%s/t/opaque", test_dir());
	CHECK(setxattr(path, "user.overlay.opaque", "y", 1, 0) == 0);
	struct pm_layer_tar t = {.layers = &fd, .n_layers = 1, .raw = true};
	struct pm_buf b = tar_of(&t);
	save(&b, "t.tar");
	sh("tar -tf t.tar > list; printf '%s\\n' .wh.fuse .wh.gone opaque/ opaque/.wh..wh..opq "
	   "opaque/new | diff - list");
	pm_buf_free(&b);
	close(fd);
}

TEST(layer_tar_of_merged_layers)
{
	sh("mkdir -p 0/d/sub 0/hidden 1/d 1/hidden 2/d b; echo 0 > 0/d/kept; echo 0 > 0/d/gone;"
	   "echo 0 > 0/hidden/x; echo 0 > 0/f; echo 0 > 0/d/sub/s; echo 1 > 1/hidden/y; echo 1 > 1/f;"
	   ": > 2/d/.wh.gone; : > 1/hidden/.wh..wh..opq; : > 2/d/sub; echo 2 > 2/z");
	int fds[3] = {dir("2"), dir("1"), dir("0")};
	struct pm_layer_tar t = {.layers = fds, .n_layers = 3};
	struct pm_buf b = tar_of(&t);
	save(&b, "t.tar");
	sh("tar -tf t.tar > list; printf '%s\\n' d/ d/kept d/sub f hidden/ hidden/y z | diff - list;"
	   "test $(tar -xOf t.tar f) = 1");
	pm_buf_free(&b);
}

TEST(layer_tar_of_changes_against_layers)
{
	sh("mkdir -p base/d base/gone now/d; echo same > base/d/same; echo 1 > base/d/changed;"
	   "echo x > base/gone/x; touch -d @1 base/d/same; cp -a base/d/same now/d/; echo 22 > now/d/changed;"
	   "echo new > now/new; touch -d @5 base/d now/d");
	int base = dir("base"), now = dir("now");
	struct pm_layer_tar t = {.layers = &now, .n_layers = 1, .base = &base, .n_base = 1};
	struct pm_buf b = tar_of(&t);
	save(&b, "t.tar");
	sh("tar -tf t.tar > list; printf '%s\\n' .wh.gone d/changed new | diff - list");
	pm_buf_free(&b);
}

TEST(merged_finds_names)
{
	sh("mkdir t; touch t/a t/b t/c");
	struct pm_err err = PM_ERR_INIT;
	int fd = dir("t");
	_cleanup_merged_ struct pm_merged_dir d = {0};
	CHECK_OK(pm_merged_open(&fd, 1, false, &d, &err), err);
	CHECK_INT(d.n_entries, 3);
	CHECK_STR(pm_merged_find(&d, "b")->name, "b");
	CHECK(!pm_merged_find(&d, "bb"));
	CHECK(!pm_merged_find(&d, ""));
}
