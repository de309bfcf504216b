#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static int top(void)
{
	int fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void put(int dir, const char *path, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_write_file(dir, path, text, strlen(text), 0644, false, &err), err);
}

static void expect_content(int root, const char *path, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_in(root, path, 1000, &b, &err), err);
	CHECK_STR(pm_buf_str(&b), text);
}

static void expect_fail(int root, const char *path, int code)
{
	struct pm_err err = PM_ERR_INIT;
	int fd = pm_fs_open_in(root, path, O_RDONLY, 0, &err);
	if (fd != -code)
		test_fail(__FILE__, __LINE__, "open '%s' is %d, not %d", path, fd, -code);
}

/* A secret outside, and a root whose links all try to reach it. */
static void links_stay_inside(void)
{
	_cleanup_close_ int dir = top();
	put(dir, "secret", "outside");
	CHECK(mkdirat(dir, "root", 0755) == 0 && mkdirat(dir, "root/etc", 0755) == 0);
	CHECK(mkdirat(dir, "root/a", 0755) == 0 && mkdirat(dir, "root/a/b", 0755) == 0);
	put(dir, "root/etc/f", "inside");
	put(dir, "root/secret", "mine");
	_cleanup_close_ int root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(symlinkat("/etc/f", root, "abs") == 0);
	CHECK(symlinkat("../../../../secret", root, "a/b/up") == 0);
	CHECK(symlinkat("../etc", root, "a/etc") == 0);
	CHECK(symlinkat("/a/b", root, "ab") == 0);
	CHECK(symlinkat("loop2", root, "loop1") == 0 && symlinkat("loop1", root, "loop2") == 0);
	CHECK(symlinkat("nowhere", root, "dangling") == 0);
	CHECK(symlinkat("etc/f/", root, "fslash") == 0);

	expect_content(root, "abs", "inside");
	expect_content(root, "/abs", "inside");
	expect_content(root, "a/b/up", "mine");
	expect_content(root, "ab/up", "mine");
	expect_content(root, "a/etc/f", "inside");
	expect_content(root, "ab/../etc/f", "inside"); /* .. of where the link leads */
	expect_content(root, "../../secret", "mine");
	expect_content(root, "./a/.././//etc/f", "inside");
	expect_fail(root, "loop1", ELOOP);
	expect_fail(root, "dangling", ENOENT);
	expect_fail(root, "etc/f/x", ENOTDIR);
	expect_fail(root, "etc/f/", ENOTDIR);
	expect_fail(root, "fslash", ENOTDIR);
	expect_fail(root, "", ENOENT);

	struct pm_err err = PM_ERR_INIT;
	CHECK_INT(pm_fs_open_in(root, "abs", O_RDONLY | O_NOFOLLOW, 0, &err), -ELOOP);
	CHECK_INT(pm_fs_open_in(root, "abs", O_WRONLY | O_CREAT | O_EXCL, 0644, &err), -EEXIST);
	_cleanup_close_ int link = pm_fs_open_in(root, "abs", O_PATH | O_NOFOLLOW, 0, &err);
	struct stat st;
	CHECK(link >= 0 && fstat(link, &st) == 0 && S_ISLNK(st.st_mode));

	/* creating through a dangling link creates inside */
	CHECK(symlinkat("/etc/made", root, "make") == 0);
	_cleanup_close_ int made = pm_fs_open_in(root, "make", O_WRONLY | O_CREAT, 0640, &err);
	CHECK_OK(made, err);
	CHECK(fstatat(root, "etc/made", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
	CHECK(fcntl(made, F_GETFD) & FD_CLOEXEC);
}

static void odd_files(void)
{
	_cleanup_close_ int root = top();
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK(mkfifoat(root, "fifo", 0644) == 0);
	CHECK(mkdirat(root, "d", 0755) == 0);
	CHECK(symlinkat("fifo", root, "passwd") == 0);
	CHECK_INT(pm_fs_read_in(root, "fifo", 10, &b, &err), -PM_E_FORMAT);
	CHECK_INT(pm_fs_read_in(root, "passwd", 10, &b, &err), -PM_E_FORMAT);
	CHECK_INT(pm_fs_read_in(root, "d", 10, &b, &err), -PM_E_FORMAT);
	_cleanup_close_ int fifo = pm_fs_open_in(root, "fifo", O_RDONLY, 0, &err); /* does not block */
	CHECK_OK(fifo, err);
	put(root, "f", "12345");
	CHECK_INT(pm_fs_read_in(root, "f", 4, &b, &err), -EFBIG);
	CHECK_INT(b.len, 0);
	CHECK_OK(pm_fs_read_in(root, "f", 5, &b, &err), err);
	CHECK_STR(pm_buf_str(&b), "12345");

	/* magic links lead nowhere; proc's ordinary ones do */
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect_fail(proc, "self/root/etc", ELOOP);
	expect_fail(proc, "self/exe", ELOOP);
	_cleanup_close_ int self = pm_fs_open_in(proc, "self/stat", O_RDONLY, 0, &err);
	CHECK_OK(self, err);
}

static void mkdir_in(void)
{
	_cleanup_close_ int dir = top();
	struct pm_err err = PM_ERR_INIT;
	CHECK(mkdirat(dir, "root", 0755) == 0);
	_cleanup_close_ int root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(symlinkat("/run", root, "var") == 0);
	CHECK(symlinkat("../../../out", root, "esc") == 0);
	CHECK(symlinkat("loop", root, "loop") == 0);
	put(root, "file", "");
	umask(077);
	_cleanup_close_ int a = pm_fs_mkdir_in(root, "/x/y/z/", 0755, &err);
	CHECK_OK(a, err);
	_cleanup_close_ int b = pm_fs_mkdir_in(root, "var/lib", 0711, &err);
	CHECK_OK(b, err);
	_cleanup_close_ int c = pm_fs_mkdir_in(root, "esc/in", 0755, &err);
	CHECK_OK(c, err);
	struct stat st;
	CHECK(fstatat(root, "x/y", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(fstatat(root, "run/lib", &st, 0) == 0 && (st.st_mode & 07777) == 0711);
	CHECK(fstatat(root, "out/in", &st, 0) == 0);
	CHECK(fstatat(dir, "out", &st, 0) < 0);
	CHECK_INT(pm_fs_mkdir_in(root, "file/x", 0755, &err), -ENOTDIR);
	CHECK_INT(pm_fs_mkdir_in(root, "file", 0755, &err), -ENOTDIR);
	CHECK_INT(pm_fs_mkdir_in(root, "loop/x", 0755, &err), -ELOOP);
}

TEST(open_in_links)
{
	links_stay_inside();
}

TEST(open_in_links_without_openat2)
{
	setenv("PM_TEST_NO_OPENAT2", "1", 1);
	links_stay_inside();
}

TEST(open_in_odd_files)
{
	odd_files();
}

TEST(open_in_odd_files_without_openat2)
{
	setenv("PM_TEST_NO_OPENAT2", "1", 1);
	odd_files();
}

TEST(mkdir_in)
{
	mkdir_in();
}

TEST(mkdir_in_without_openat2)
{
	setenv("PM_TEST_NO_OPENAT2", "1", 1);
	mkdir_in();
}

/* Another process exchanges a directory and a link to outside all the time. */
static void exchanged(void)
{
	_cleanup_close_ int dir = top();
	put(dir, "secret", "outside");
	CHECK(mkdirat(dir, "root", 0755) == 0 && mkdirat(dir, "root/d", 0755) == 0);
	_cleanup_close_ int root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(symlinkat(test_dir(), root, "l") == 0);
	put(root, "d/secret", "inside");
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			renameat2(root, "d", root, "l", RENAME_EXCHANGE);
	}
	for (int i = 0; i < 3000; i++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		if (pm_fs_read_in(root, "d/secret", 100, &b, NULL) == 0)
			CHECK_STR(pm_buf_str(&b), "inside");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(open_in_race)
{
	exchanged();
}

TEST(open_in_race_without_openat2)
{
	setenv("PM_TEST_NO_OPENAT2", "1", 1);
	exchanged();
}

TEST(mkdirs)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	umask(077);
	CHECK_OK(pm_fs_mkdirs(dir, "a//b/c/", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dir, "a/b/c", 0700, &err), err);
	_cleanup_free_ char *abs = pm_asprintf("%s/p/q", test_dir());
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, abs, 0700, &err), err);
	struct stat st;
	CHECK(fstatat(dir, "a/b/c", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(fstatat(dir, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(fstatat(dir, "p/q", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
	put(dir, "f", "");
	CHECK_INT(pm_fs_mkdirs(dir, "f", 0700, &err), -ENOTDIR);
	CHECK_INT(pm_fs_mkdirs(dir, "f/x", 0700, &err), -ENOTDIR);
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, "/", 0700, &err), err);
}

TEST(write_file_replaces)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	CHECK(mkdirat(dir, "d", 0755) == 0);
	umask(022);
	CHECK_OK(pm_fs_write_file(dir, "d/f", "one", 3, 0666, true, &err), err);
	struct stat st;
	CHECK(fstatat(dir, "d/f", &st, 0) == 0 && (st.st_mode & 07777) == 0666);
	CHECK_OK(pm_fs_write_file(dir, "d/f", "two", 3, 0600, false, &err), err);
	expect_content(dir, "d/f", "two");
	CHECK_INT(pm_fs_write_file(dir, "none/f", "x", 1, 0600, false, &err), -ENOENT);
	CHECK(mkdirat(dir, "taken", 0755) == 0);
	CHECK(pm_fs_write_file(dir, "taken", "x", 1, 0600, false, &err) < 0);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_OK(pm_fs_list(dir, ".", &names, &err), err);
	CHECK_INT(names.n, 2); /* d and taken: no temporary file stays */
}

TEST(remove_tree)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	CHECK_OK(pm_fs_mkdirs(dir, "keep/x", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dir, "t/a/b", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dir, "t/locked/b", 0755, &err), err);
	put(dir, "t/a/f", "");
	put(dir, "t/locked/f", "");
	CHECK(symlinkat("../../keep", dir, "t/a/link") == 0);
	CHECK(mkfifoat(dir, "t/fifo", 0644) == 0);
	CHECK(fchmodat(dir, "t/locked", 0, 0) == 0);
	CHECK(fchmodat(dir, "t/a", 0555, 0) == 0);
	CHECK_OK(pm_fs_remove_tree(dir, "t", &err), err);
	struct stat st;
	CHECK(fstatat(dir, "t", &st, 0) < 0 && errno == ENOENT);
	CHECK(fstatat(dir, "keep/x", &st, 0) == 0);
	CHECK_OK(pm_fs_remove_tree(dir, "t", &err), err);
	CHECK(symlinkat("keep", dir, "l") == 0);
	CHECK_OK(pm_fs_remove_tree(dir, "l", &err), err);
	CHECK(fstatat(dir, "keep/x", &st, 0) == 0);
	CHECK(pm_fs_remove_tree(dir, "keep/..", &err) < 0);
}

/* Deeper than descriptors, stack and PATH_MAX reach. */
TEST(remove_tree_deep)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	for (int i = 0; i < 5000; i++) {
		CHECK(mkdirat(fd, "deep", 0755) == 0);
		int next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	CHECK_OK(pm_fs_remove_tree(dir, "deep", &err), err);
	struct stat st;
	CHECK(fstatat(dir, "deep", &st, 0) < 0 && errno == ENOENT);
}

/* What is mounted below, even from the same file system, is left alone. */
TEST(remove_tree_mount)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	CHECK_OK(pm_fs_mkdirs(dir, "t/m", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dir, "keep/x", 0755, &err), err);
	_cleanup_free_ char *from = pm_asprintf("%s/keep", test_dir());
	_cleanup_free_ char *to = pm_asprintf("%s/t/m", test_dir());
	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
		test_fail(__FILE__, __LINE__, "no namespaces here");
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount(from, to, NULL, MS_BIND, NULL) == 0);
	_cleanup_close_ int again = top();
	CHECK_INT(pm_fs_remove_tree(again, "t", &err), -EBUSY);
	struct stat st;
	CHECK(fstatat(again, "keep/x", &st, 0) == 0);
	CHECK(umount2(to, MNT_DETACH) == 0);
}

TEST(readlink_long)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = top();
	char target[3000];
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	CHECK(symlinkat(target, dir, "l") == 0);
	_cleanup_free_ char *got = NULL;
	CHECK_OK(pm_fs_readlink(dir, "l", &got, &err), err);
	CHECK_STR(got, target);
}

TEST(path_clean)
{
	static const char *const cases[][2] = {
		{"", "."},	    {"/", "/"},		  {"//", "/"},	      {"a//b/../c", "a/c"},
		{"a/..", "."},	    {"/..", "/"},	  {"/../a", "/a"},    {"../a", "../a"},
		{"../../a/..", "../.."}, {"a/../..", ".."}, {"./a/./b/", "a/b"}, {"/a/b/../../..", "/"},
		{"abc/def/../../..", ".."}, {"...", "..."}, {"a/../../b", "../b"}, {"/.", "/"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = pm_path_clean(cases[i][0]);
		CHECK_STR(got, cases[i][1]);
	}
	_cleanup_free_ char *a = pm_path_join("/a/b", "../c");
	CHECK_STR(a, "/a/c");
	_cleanup_free_ char *b = pm_path_join("", "x");
	CHECK_STR(b, "x");
}

TEST(rewrite_file)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const texts[] = {"the first text", "2", "the third one is longer", ""};
	CHECK(mkdirat(dir, "d", 0700) == 0);
	for (size_t i = 0; i < PM_ARRAY_SIZE(texts); i++) {
		_cleanup_buf_ struct pm_buf got = PM_BUF_INIT;
		/* who has it open reads on what it was */
		_cleanup_close_ int old = openat(dir, "d/f", O_RDONLY | O_CLOEXEC);
		CHECK_OK(pm_fs_rewrite_file(dir, "d/f", texts[i], strlen(texts[i]), 0600, &err), err);
		CHECK_OK(pm_fs_read_file(dir, "d/f", 100, &got, &err), err);
		CHECK_STR(pm_buf_str(&got), texts[i]);
		if (i > 0) {
			_cleanup_buf_ struct pm_buf before = PM_BUF_INIT;
			CHECK_OK(pm_fs_read_fd(old, 100, &before, &err), err);
			CHECK_STR(pm_buf_str(&before), texts[i - 1]);
		}
	}
	/* what a kill left half written is written over */
	CHECK_OK(pm_fs_write_file(dir, "d/.f.next", "half, and longer than the next", 30, 0600, false, &err), err);
	CHECK_OK(pm_fs_rewrite_file(dir, "d/f", "whole", 5, 0600, &err), err);
	_cleanup_buf_ struct pm_buf got = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(dir, "d/f", 100, &got, &err), err);
	CHECK_STR(pm_buf_str(&got), "whole");
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	CHECK_OK(pm_fs_list(dir, "d", &names, &err), err);
	CHECK_INT(names.n, 2);
}
