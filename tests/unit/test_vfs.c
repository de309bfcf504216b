#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/vfs.h"

static int sub(const char *name)
{
	int top = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(top, name, 0755) == 0 || errno == EEXIST);
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	close(top);
	return fd;
}

static void put(int dir, const char *path, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_write_file(dir, path, text, strlen(text), 0644, false, &err), err);
}

static bool there(int dir, const char *path)
{
	struct stat st;
	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

TEST(keeps_everything)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int src = sub("src"), dst = sub("dst");
	put(src, "plain", "text");
	CHECK(fchmodat(src, "plain", 04751, 0) == 0);
	CHECK(linkat(src, "plain", src, "again", 0) == 0);
	CHECK(mkdirat(src, "d", 0755) == 0 && fchmodat(src, "d", 01777, 0) == 0);
	put(src, "d/f", "deep");
	CHECK(linkat(src, "plain", src, "d/link", 0) == 0);
	CHECK(symlinkat("/etc/shadow", src, "sym") == 0);
	CHECK(mkfifoat(src, "fifo", 0600) == 0);
	int fd = openat(src, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(ftruncate(fd, 64 << 20) == 0 && pwrite(fd, "end", 3, (64 << 20) - 3) == 3);
	CHECK(fsetxattr(fd, "user.mine", "v\0w", 3, 0) == 0);
	close(fd);
	const struct timespec t[2] = {{1000, 1}, {2000, 123456789}};
	CHECK(utimensat(src, "plain", t, 0) == 0 && utimensat(src, "d", t, 0) == 0);
	CHECK(utimensat(src, "sym", t, AT_SYMLINK_NOFOLLOW) == 0);

	CHECK_OK(pm_vfs_apply(src, dst, &err), err);
	struct stat a, b;
	CHECK(fstatat(dst, "plain", &a, 0) == 0 && (a.st_mode & 07777) == 04751);
	CHECK(a.st_mtim.tv_sec == 2000 && a.st_mtim.tv_nsec == 123456789 && a.st_nlink == 3);
	CHECK(fstatat(dst, "d/link", &b, 0) == 0 && a.st_ino == b.st_ino);
	CHECK(fstatat(dst, "d", &b, 0) == 0 && (b.st_mode & 07777) == 01777 && b.st_mtim.tv_sec == 2000);
	CHECK(fstatat(dst, "fifo", &b, 0) == 0 && S_ISFIFO(b.st_mode) && (b.st_mode & 07777) == 0600);
	CHECK(fstatat(dst, "sym", &b, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(b.st_mode));
	CHECK(b.st_mtim.tv_sec == 2000);
	_cleanup_free_ char *target = NULL;
	CHECK_OK(pm_fs_readlink(dst, "sym", &target, &err), err);
	CHECK_STR(target, "/etc/shadow");
	fd = openat(dst, "sparse", O_RDONLY | O_CLOEXEC);
	char v[8];
	CHECK(fstat(fd, &b) == 0 && b.st_size == 64 << 20 && b.st_blocks < 1000);
	CHECK(pread(fd, v, 3, (64 << 20) - 3) == 3 && memcmp(v, "end", 3) == 0);
	CHECK(fgetxattr(fd, "user.mine", v, sizeof(v)) == 3 && memcmp(v, "v\0w", 3) == 0);
	close(fd);
}

/* A layer over another whose symlink leads outside: nothing is written through it. */
TEST(no_way_out)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int out = sub("outside"), one = sub("one"), two = sub("two"), dst = sub("dst");
	put(out, "f", "safe");
	CHECK(symlinkat("../outside", one, "way") == 0);
	CHECK(symlinkat("../outside/f", one, "file") == 0);
	CHECK(mkdirat(two, "way", 0755) == 0);
	put(two, "way/f", "evil");
	put(two, "way/new", "evil");
	put(two, "file", "evil");
	CHECK_OK(pm_vfs_apply(one, dst, &err), err);
	CHECK_OK(pm_vfs_apply(two, dst, &err), err);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(out, "f", 100, &b, &err), err);
	CHECK_STR(pm_buf_str(&b), "safe");
	CHECK(!there(out, "new"));
	struct stat st;
	CHECK(fstatat(dst, "way", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
	CHECK(fstatat(dst, "file", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
}

TEST(whiteouts)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_close_ int up = sub("up"), dst = sub("dst");
	CHECK_OK(pm_fs_mkdirs(dst, "gone/deep", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dst, "opaque/old", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(dst, "x/old", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(up, "opaque", 0755, &err), err);
	CHECK_OK(pm_fs_mkdirs(up, "x", 0755, &err), err);
	put(up, "opaque/new", "");
	put(up, "x/old", "");
	put(dst, "keep", "");
	CHECK(mknodat(up, "gone", S_IFCHR, makedev(0, 0)) == 0);
	CHECK(mknodat(up, "never-was", S_IFCHR, makedev(0, 0)) == 0);
	_cleanup_free_ char *o = pm_asprintf("%s/up/opaque", test_dir());
	_cleanup_free_ char *x = pm_asprintf("%s/up/x", test_dir());
	_cleanup_free_ char *w = pm_asprintf("%s/up/x/old", test_dir());
	CHECK(setxattr(o, "user.overlay.opaque", "y", 1, 0) == 0);
	CHECK(setxattr(x, "user.overlay.opaque", "x", 1, 0) == 0);
	CHECK(setxattr(w, "user.overlay.whiteout", "", 0, 0) == 0);
	CHECK_OK(pm_vfs_apply(up, dst, &err), err);
	CHECK(!there(dst, "gone") && !there(dst, "never-was") && !there(dst, "opaque/old"));
	CHECK(!there(dst, "x/old") && there(dst, "opaque/new") && there(dst, "keep"));
	_cleanup_free_ char *d = pm_asprintf("%s/dst/opaque", test_dir());
	CHECK(getxattr(d, "user.overlay.opaque", NULL, 0) < 0);
}
