#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/untar.h"
#include "tests/unit/tarball.h"
#include "tests/unit/tree.h"

static char layer[100], outside[100];
static struct pm_untar_totals totals;
static struct pm_untar_opts opts;

/* A layer directory, and one beside it that must never change. */
static void set_up(void)
{
	snprintf(layer, sizeof(layer), "%s/layer", test_dir());
	snprintf(outside, sizeof(outside), "%s/outside", test_dir());
	_cleanup_free_ char *secret = pm_asprintf("%s/secret", outside);
	CHECK(mkdir(layer, 0755) == 0 && mkdir(outside, 0700) == 0);
	int fd = open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "secret", 6) == 6);
	close(fd);
	umask(0);
	opts = (struct pm_untar_opts){.rootfd = -1};
}

static int extract_steps(const struct pm_buf *tar, size_t step, struct pm_err *err)
{
	struct pm_untar *u;
	_cleanup_close_ int root = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opts.rootfd = root;
	CHECK_OK(pm_untar_new(&opts, &u, err), *err);
	int r = 0;
	for (size_t at = 0; at < tar->len && r >= 0; at += step)
		r = pm_untar_push(u, tar->data + at, tar->len - at < step ? tar->len - at : step,
				  err);
	if (r >= 0)
		r = pm_untar_finish(u, &totals, err);
	pm_untar_free(u);
	return r;
}

static int extract(const struct pm_buf *tar, struct pm_err *err)
{
	return extract_steps(tar, 65536, err);
}

/* Extract; whatever happens, what is outside stays as it was. */
static int confined(struct pm_buf *tar, struct pm_err *err)
{
	_cleanup_free_ char *before = tree_describe(outside, 1);
	tarball_end(tar);
	int r = extract(tar, err);
	_cleanup_free_ char *after = tree_describe(outside, 1);
	CHECK_STR(after, before);
	pm_buf_free(tar);
	return r;
}

static struct stat stat_of(const char *path)
{
	struct stat st = {0};
	_cleanup_free_ char *whole = pm_asprintf("%s/%s", layer, path);
	if (lstat(whole, &st) < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", whole, strerror(errno));
	return st;
}

static bool there(const char *path)
{
	struct stat st;
	_cleanup_free_ char *whole = pm_asprintf("%s/%s", layer, path);
	return lstat(whole, &st) == 0;
}

static bool is_whiteout(const char *path)
{
	struct stat st = stat_of(path);
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static bool is_opaque(const char *path)
{
	char value[8] = "";
	_cleanup_free_ char *whole = pm_asprintf("%s/%s", layer, path);
	return getxattr(whole, "user.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

TEST(an_ordinary_layer)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	set_up();
	struct pm_tar_entry root = {.type = PM_TAR_DIR, .path = "./", .mode = 0711, .mtime = 33};
	tarball_entry(&b, &root, "");
	tarball_dir(&b, "./etc/");
	tarball_file(&b, "./etc/motd", "hello");
	tarball_symlink(&b, "./etc/issue", "motd");
	tarball_hardlink(&b, "./copy", "./etc/motd");
	struct pm_tar_entry e = {.type = PM_TAR_FILE,
				 .path = "./bin/su",
				 .mode = 04755,
				 .size = 2,
				 .mtime = 7,
				 .mtime_ns = 9};
	tarball_entry(&b, &e, "su");
	e = (struct pm_tar_entry){.type = PM_TAR_FIFO, .path = "./pipe", .mode = 0620, .mtime = 8};
	tarball_entry(&b, &e, "");
	e = (struct pm_tar_entry){.type = PM_TAR_DIR, .path = "tmp", .mode = 01777, .mtime = 9};
	tarball_entry(&b, &e, "");
	tarball_file(&b, "tmp/x", "x");
	tarball_end(&b);
	for (size_t step = 1; step < 2000; step += 511) {
		CHECK_OK(extract_steps(&b, step, &err), err);
		CHECK_STR(tree_content(layer, "etc/motd"), "hello");
		CHECK_INT(stat_of("etc/motd").st_mtime, 1000000000);
		CHECK_INT(stat_of("etc").st_mtime, 1000000000);
		CHECK_INT(stat_of("copy").st_ino, stat_of("etc/motd").st_ino);
		CHECK(S_ISLNK(stat_of("etc/issue").st_mode));
		CHECK_INT(stat_of("bin/su").st_mode, S_IFREG | 04755);
		CHECK_INT(stat_of("bin/su").st_mtim.tv_nsec, 9);
		CHECK_INT(stat_of("bin").st_mode, S_IFDIR | 0755);
		CHECK_INT(stat_of("pipe").st_mode, S_IFIFO | 0620);
		CHECK_INT(stat_of("tmp").st_mode, S_IFDIR | 01777);
		CHECK_INT(stat_of("tmp").st_mtime, 9);
		CHECK_INT(stat_of(".").st_mode, S_IFDIR | 0711);
		CHECK_INT(stat_of(".").st_mtime, 33);
		CHECK_INT(totals.entries, 9);
		CHECK_INT(totals.bytes, 8);
		CHECK(totals.has_root);
	}
}

TEST(names_cannot_leave_the_layer)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	static const char *const climbing[] = {"../outside/new", "..", "a/../../outside/new",
					       "./../outside/secret"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(climbing); i++) {
		tarball_file(&b, climbing[i], "x");
		CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
		CHECK(strstr(err.text, "outside of the layer"));
	}
	tarball_file(&b, "/etc/absolute", "1");
	tarball_file(&b, "/../../climbed", "2");
	tarball_file(&b, "a/./b//../c", "3");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, "etc/absolute"), "1");
	CHECK_STR(tree_content(layer, "climbed"), "2");
	CHECK_STR(tree_content(layer, "a/c"), "3");
	tarball_file(&b, "/", "x");
	CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
}

TEST(symlinks_cannot_lead_out_of_the_layer)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_symlink(&b, "abs", outside);
	tarball_file(&b, "abs/secret", "overwritten");
	tarball_dir(&b, "abs/sub");
	tarball_symlink(&b, "rel", "../outside");
	tarball_file(&b, "rel/secret", "overwritten");
	tarball_symlink(&b, "top", "..");
	tarball_file(&b, "top/outside/secret", "overwritten");
	tarball_symlink(&b, "abs/down", "/");
	tarball_file(&b, "abs/down/new", "x");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, outside), "");
	_cleanup_free_ char *inside = pm_asprintf("%s/secret", outside);
	CHECK_STR(tree_content(layer, inside), "overwritten");
	CHECK_STR(tree_content(layer, "outside/secret"), "overwritten");
	CHECK_STR(tree_content(layer, "new"), "x");

	/* a symlink at the end of a name is replaced, never followed */
	_cleanup_free_ char *secret = pm_asprintf("%s/secret", outside);
	tarball_symlink(&b, "f", secret);
	tarball_file(&b, "f", "mine");
	tarball_symlink(&b, "d", outside);
	struct pm_tar_entry e = {.type = PM_TAR_DIR, .path = "d", .mode = 0777, .mtime = 1};
	tarball_entry(&b, &e, "");
	tarball_file(&b, "d/in", "d");
	tarball_symlink(&b, "n", secret);
	e = (struct pm_tar_entry){.type = PM_TAR_FIFO, .path = "n", .mode = 06777, .mtime = 1};
	tarball_entry(&b, &e, "");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, "f"), "mine");
	CHECK_STR(tree_content(layer, "d/in"), "d");
	CHECK(S_ISDIR(stat_of("d").st_mode));
	CHECK_INT(stat_of("n").st_mode, S_IFIFO | 06777);

	/* a directory whose mode is set at the end, a symlink by then */
	tarball_entry(&b, &(struct pm_tar_entry){.type = PM_TAR_DIR, .path = "late", .mode = 0777},
		      "");
	tarball_symlink(&b, "late", outside);
	tarball_entry(
		&b, &(struct pm_tar_entry){.type = PM_TAR_DIR, .path = "p/late", .mode = 0777}, "");
	tarball_symlink(&b, "p", "..");
	CHECK_OK(confined(&b, &err), err);
	CHECK(S_ISLNK(stat_of("late").st_mode));

	tarball_symlink(&b, "loop", "loop");
	tarball_file(&b, "loop/x", "x");
	CHECK_INT(confined(&b, &err), -ELOOP);
	tarball_symlink(&b, "empty", "");
	CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
}

TEST(hard_links_stay_inside)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	_cleanup_free_ char *secret = pm_asprintf("%s/secret", outside);
	tarball_hardlink(&b, "h", "../outside/secret");
	CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
	tarball_hardlink(&b, "h", secret);
	CHECK_INT(confined(&b, &err), -ENOENT);
	CHECK(strstr(err.text, "extract 'h': hard link to"));
	tarball_symlink(&b, "d", outside);
	tarball_hardlink(&b, "h", "d/secret");
	CHECK_INT(confined(&b, &err), -ENOENT);
	CHECK(!there("h"));

	/* a hard link to a symlink is that symlink; writing to it replaces it */
	tarball_symlink(&b, "s", secret);
	tarball_hardlink(&b, "h", "s");
	tarball_file(&b, "h", "mine");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, "h"), "mine");
	CHECK(S_ISLNK(stat_of("s").st_mode));

	/* to itself, over an earlier entry, to a directory, to nothing */
	tarball_file(&b, "a", "a");
	tarball_hardlink(&b, "a", "a");
	tarball_file(&b, "b", "b");
	tarball_hardlink(&b, "./b", "/x/../a");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, "b"), "a");
	tarball_hardlink(&b, "root", "/");
	CHECK(confined(&b, &err) < 0);
	tarball_dir(&b, "dir");
	tarball_file(&b, "dir/f", "f");
	tarball_hardlink(&b, "dir", "dir/f");
	CHECK(confined(&b, &err) < 0);
}

TEST(whiteouts)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_file(&b, "etc/.wh.passwd", "");
	tarball_dir(&b, "opaque");
	tarball_file(&b, "opaque/.wh..wh..opq", "");
	tarball_file(&b, "opaque/kept", "k");
	tarball_file(&b, ".wh..wh.plnk/12.34", "aufs");
	tarball_file(&b, "etc/.wh..wh.aufs", "");
	CHECK_OK(confined(&b, &err), err);
	CHECK(is_whiteout("etc/passwd"));
	CHECK(!there("etc/.wh.passwd"));
	CHECK(is_opaque("opaque"));
	CHECK_STR(tree_content(layer, "opaque/kept"), "k");
	CHECK(!there(".wh..wh.plnk") && !there("etc/.wh..wh.aufs"));

	/* removed and made again in one layer, in either order: lower content is hidden */
	tarball_file(&b, ".wh.before", "");
	tarball_dir(&b, "before");
	tarball_file(&b, "before/x", "1");
	tarball_dir(&b, "after");
	tarball_file(&b, "after/x", "2");
	tarball_file(&b, ".wh.after", "");
	tarball_file(&b, ".wh.implied", "");
	tarball_file(&b, "implied/deep/x", "3");
	tarball_file(&b, ".wh.file", "");
	tarball_file(&b, "file", "4");
	CHECK_OK(confined(&b, &err), err);
	CHECK(is_opaque("before") && is_opaque("after") && is_opaque("implied"));
	CHECK(!is_opaque("implied/deep"));
	CHECK_STR(tree_content(layer, "before/x"), "1");
	CHECK_STR(tree_content(layer, "after/x"), "2");
	CHECK_STR(tree_content(layer, "implied/deep/x"), "3");
	CHECK_STR(tree_content(layer, "file"), "4");

	static const char *const bad[] = {".wh.", ".wh..", ".wh...", "d/.wh..."};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		tarball_file(&b, bad[i], "");
		CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
	}

	opts.whiteouts = PM_WHITEOUT_FILE;
	tarball_file(&b, "fuse/.wh.gone", "ignored content");
	CHECK_OK(confined(&b, &err), err);
	CHECK(S_ISREG(stat_of("fuse/.wh.gone").st_mode));
	CHECK_INT(stat_of("fuse/.wh.gone").st_size, 0);
}

TEST(whiteouts_through_symlinks_stay_inside)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_symlink(&b, "abs", outside);
	tarball_symlink(&b, "rel", "../outside");
	tarball_file(&b, "abs/.wh.secret", "");
	tarball_file(&b, "rel/.wh.secret", "");
	tarball_file(&b, "rel/.wh..wh..opq", "");
	CHECK_OK(confined(&b, &err), err);
	CHECK(is_whiteout("outside/secret"));
	CHECK(is_opaque("outside"));
	char value[8];
	CHECK(getxattr(outside, "user.overlay.opaque", value, sizeof(value)) < 0);
}

TEST(devices_are_skipped_and_counted)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	struct pm_tar_entry e = {.type = PM_TAR_CHAR,
				 .path = "dev/null",
				 .mode = 0666,
				 .dev_major = 1,
				 .dev_minor = 3};
	tarball_entry(&b, &e, "");
	e.type = PM_TAR_BLOCKDEV;
	e.path = "dev/sda";
	tarball_entry(&b, &e, "");
	CHECK_OK(confined(&b, &err), err);
	CHECK_INT(totals.skipped_devices, 2);
	CHECK(!there("dev/null") && !there("dev/sda"));

	/* 0:0 would be a whiteout that the layer format does not know */
	opts.devices = true;
	e = (struct pm_tar_entry){.type = PM_TAR_CHAR, .path = "passwd"};
	tarball_entry(&b, &e, "");
	CHECK_OK(confined(&b, &err), err);
	CHECK_INT(totals.skipped_devices, 1);
	CHECK(!there("passwd"));
}

TEST(xattrs)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	struct pm_tar_xattr x[] = {
		{"user.mine", "1", 1},
		{"user.overlay.opaque", "y", 1},
		{"trusted.overlay.opaque", "y", 1},
		{"user.overlay.redirect", "/", 1},
		{"user.fuseoverlayfs.opaque", "y", 1},
		{"user.containers.override_stat", "0", 1},
		{"security.selinux", "x", 1},
	};
	struct pm_tar_entry e = {.type = PM_TAR_FILE,
				 .path = "f",
				 .mode = 0444,
				 .xattrs = x,
				 .n_xattrs = PM_ARRAY_SIZE(x)};
	tarball_entry(&b, &e, "");
	e.type = PM_TAR_DIR;
	e.path = "d";
	tarball_entry(&b, &e, "");
	CHECK_OK(confined(&b, &err), err);
	CHECK_INT(totals.skipped_xattrs, 12);
	CHECK_INT(stat_of("f").st_mode, S_IFREG | 0444);
	CHECK_INT(stat_of("d").st_mode, S_IFDIR | 0444);
	static const char *const names[] = {"f", "d"};
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *path = pm_asprintf("%s/%s", layer, names[i]);
		char list[256], value[8];
		ssize_t n = listxattr(path, list, sizeof(list));
		CHECK_INT(n, (ssize_t)sizeof("user.mine"));
		CHECK_STR(list, "user.mine");
		CHECK_INT(getxattr(path, "user.mine", value, sizeof(value)), 1);
	}
}

TEST(later_entries_replace_earlier_ones)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_file(&b, "a", "1");
	tarball_file(&b, "a", "22");
	tarball_dir(&b, "d");
	tarball_file(&b, "d/kept", "k");
	struct pm_tar_entry e = {.type = PM_TAR_DIR, .path = "d/", .mode = 0500, .mtime = 4};
	tarball_entry(&b, &e, "");
	tarball_file(&b, "d/also", "a");
	tarball_dir(&b, "x");
	tarball_file(&b, "x/deep/y", "y");
	tarball_file(&b, "x", "file");
	tarball_file(&b, "z", "file");
	tarball_dir(&b, "z");
	tarball_file(&b, "z/in", "z");
	tarball_symlink(&b, "l", "d");
	tarball_file(&b, "l/through", "t");
	tarball_dir(&b, "l");
	tarball_file(&b, "l/own", "o");
	CHECK_OK(confined(&b, &err), err);
	CHECK_STR(tree_content(layer, "a"), "22");
	CHECK_STR(tree_content(layer, "d/kept"), "k");
	CHECK_STR(tree_content(layer, "d/also"), "a");
	CHECK_STR(tree_content(layer, "d/through"), "t");
	CHECK_INT(stat_of("d").st_mode, S_IFDIR | 0500);
	CHECK_INT(stat_of("d").st_mtime, 4);
	CHECK_STR(tree_content(layer, "x"), "file");
	CHECK_STR(tree_content(layer, "z/in"), "z");
	CHECK_STR(tree_content(layer, "l/own"), "o");
	CHECK(!there("d/own"));
}

TEST(unusable_modes_do_not_stop_the_owner)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	struct pm_tar_entry e = {.type = PM_TAR_DIR, .path = "ro", .mtime = 4};
	tarball_entry(&b, &e, "");
	e.path = "ro/sub";
	tarball_entry(&b, &e, "");
	tarball_file(&b, "ro/sub/f", "f");
	CHECK_OK(confined(&b, &err), err);
	CHECK_INT(stat_of("ro").st_mode, S_IFDIR);
	CHECK_INT(stat_of("ro").st_mtime, 4);
	/* so that it can be removed */
	_cleanup_free_ char *path = pm_asprintf("%s/ro", layer);
	CHECK(chmod(path, 0700) == 0);
	CHECK_INT(stat_of("ro/sub").st_mode, S_IFDIR);
	CHECK_INT(stat_of("ro/sub").st_mtime, 4);
}

TEST(limits)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	opts.max_entries = 3;
	for (int i = 0; i < 4; i++)
		tarball_dir(&b, "d");
	CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
	CHECK(strstr(err.text, "more than 3 entries"));
	opts.max_entries = 0;

	opts.max_bytes = 10;
	tarball_file(&b, "a", "123456");
	tarball_file(&b, "b", "123456");
	CHECK_INT(confined(&b, &err), -ENOSPC);
	CHECK(!there("b"));
	opts.max_bytes = 0;

	/* a file that says it is 4 EiB is refused before a byte of it is written */
	tarball_pax(&b, 'x', "size=4611686018427387904", NULL);
	tarball_raw(&b, "huge", '0', "", "x", 1);
	CHECK_INT(confined(&b, &err), -ENOSPC);

	char name[5000];
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	tarball_file(&b, name, "");
	CHECK_INT(confined(&b, &err), -ENAMETOOLONG);
	name[255] = '\0';
	tarball_file(&b, name, "");
	CHECK_OK(confined(&b, &err), err);

	/* as deep as a path can be, and one deeper */
	size_t n = 0;
	for (; n + 2 < 4095; n += 2)
		memcpy(name + n, "d/", 2);
	name[n] = '\0';
	tarball_dir(&b, name);
	CHECK_OK(confined(&b, &err), err);
	memcpy(name + n, "d/x/", 5);
	tarball_dir(&b, name);
	CHECK_INT(confined(&b, &err), -ENAMETOOLONG);
	CHECK(strlen(err.text) < 1000);
}

TEST(errors_name_the_file_printably)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_file(&b, "evil\n\033[2Jname/../../x", "");
	tarball_file(&b, "../\033]0;x\a", "");
	CHECK_INT(confined(&b, &err), -PM_E_FORMAT);
	for (const char *p = err.text; *p; p++)
		CHECK((unsigned char)*p >= 0x20);
}

TEST(ids_outside_of_the_user_namespace)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	opts.keep_owner = true;
	struct pm_tar_entry e = {.type = PM_TAR_FILE, .path = "etc/f", .uid = UINT32_MAX, .gid = 5};
	e.mode = 0644;
	tarball_entry(&b, &e, "");
	CHECK_INT(confined(&b, &err), -EINVAL);
	CHECK(strstr(err.text, "requested 4294967295:5 for /etc/f"));
	CHECK(strstr(err.text, "/etc/subuid"));
}

TEST(sparse_files_keep_their_holes)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_buf b = PM_BUF_INIT;
	set_up();
	tarball_pax(&b, 'x', "GNU.sparse.size=104857600", "GNU.sparse.map=50000000,3", NULL);
	tarball_raw(&b, "sparse", '0', "", "abc", 3);
	CHECK_OK(confined(&b, &err), err);
	CHECK_INT(stat_of("sparse").st_size, 104857600);
	CHECK(stat_of("sparse").st_blocks < 1000);
	CHECK_INT(totals.bytes, 3);
	_cleanup_free_ char *path = pm_asprintf("%s/sparse", layer);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char got[5] = "....";
	CHECK_INT(pread(fd, got, 4, 49999999), 4);
	CHECK(memcmp(got, "\0abc", 4) == 0);
}

/* --- the same trees as others make ------------------------------------------------------------ */

static void make_sample(const char *dir)
{
	static const char script[] =
		"set -e; umask 022; mkdir -p src/a/b src/empty src/$(printf 'l%.0s' $(seq 120))\n"
		"cd src; echo hello >a/b/file; : >a/zero; head -c 1300000 /dev/urandom >a/big\n"
		"ln -s b/file a/sym; ln -s $(printf 's%.0s' $(seq 150)) a/longsym; ln a/big big2\n"
		"mkfifo fifo; echo x >\"sp ace\"; echo u >uml\xc3\xa4ut; chmod 4711 a/zero\n"
		"truncate -s 3M sparse; printf data | dd of=sparse bs=1 seek=1048576 conv=notrunc\n"
		"for i in $(seq 30); do printf $i | dd of=many bs=1 seek=$((i*20000)) "
		"conv=notrunc; "
		"done\n"
		"(cd l*; echo n >$(printf 'n%.0s' $(seq 200))); chmod 1777 empty; chmod 0555 a/b\n"
		"touch -d '2001-02-03 04:05:06.789' a/b/file a/b a; touch -d '1971-12-31' a/zero\n";
	const char *const argv[] = {"sh", "-c", script, NULL};
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), old = dup(2);
	dup2(quiet, 2);
	int r = tree_run(dir, argv);
	dup2(old, 2);
	close(quiet);
	close(old);
	CHECK_INT(r, 0);
	_cleanup_free_ char *file = pm_asprintf("%s/src/sp ace", dir);
	_cleanup_free_ char *sub = pm_asprintf("%s/src/empty", dir);
	CHECK(setxattr(file, "user.note", "value", 5, 0) == 0);
	CHECK(setxattr(sub, "user.d", "dir", 3, 0) == 0);
}

static void same_tree_as(const char *program, const char *const *create, const char *const *list)
{
	struct pm_err err = PM_ERR_INIT;
	static char theirs[100];
	snprintf(theirs, sizeof(theirs), "%s/theirs", test_dir());
	CHECK(mkdir(theirs, 0755) == 0 && mkdir(layer, 0755) == 0);
	CHECK_INT(tree_run(test_dir(), create), 0);
	CHECK_INT(tree_run(theirs, list), 0);

	struct pm_buf b = PM_BUF_INIT;
	_cleanup_free_ char *path = pm_asprintf("%s/a.tar", test_dir());
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	do {
		n = read(fd, pm_buf_reserve(&b, 65536), 65536);
		CHECK(n >= 0);
		b.len += (size_t)n;
	} while (n > 0);
	opts.keep_owner = geteuid() == 0;
	if (extract(&b, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s: %s", program, err.text);
	pm_buf_free(&b);
	_cleanup_free_ char *want = tree_describe(theirs, 1), *got = tree_describe(layer, 1);
	if (strcmp(got, want) != 0)
		test_fail(__FILE__, __LINE__, "%s\n%s\n--- not\n%s", program, got, want);
	CHECK_OK(pm_fs_remove_tree(AT_FDCWD, theirs, &err), err);
	CHECK_OK(pm_fs_remove_tree(AT_FDCWD, layer, &err), err);
}

TEST(trees_equal_those_that_gnu_tar_makes)
{
	static const char *const formats[] = {"gnu", "pax", "oldgnu", "posix", "v7", "ustar"};
	static const char *const sparse[] = {"0.0", "0.1", "1.0"};
	set_up();
	rmdir(layer);
	make_sample(test_dir());
	for (size_t i = 0; i < PM_ARRAY_SIZE(formats); i++) {
		_cleanup_free_ char *format = pm_asprintf("--format=%s", formats[i]);
		bool small = i >= 4; /* these two cannot hold the sample's long names */
		bool pax = i == 1 || i == 3;
		for (size_t k = 0; k < (pax ? 3 : 1); k++) {
			_cleanup_free_ char *version =
				pm_asprintf("--sparse-version=%s", sparse[k]);
			const char *create[20] = {"tar", "-c", "-f", "a.tar", format, "-C", "src"};
			size_t n = 7;
			if (pax) {
				create[n++] = "--xattrs";
				create[n++] = version;
			}
			if (!small)
				create[n++] = "-S";
			else
				create[n++] = "--no-recursion";
			create[n++] = ".";
			create[n++] = "a";
			create[n++] = "a/big";
			create[n] = "big2";
			const char *const list[] = {"tar", "-x",       "-p", "--xattrs",
						    "-f",  "../a.tar", NULL};
			same_tree_as(formats[i], create, list);
		}
	}
}
