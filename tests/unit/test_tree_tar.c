#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/tree_tar.h"
#include "storage/untar.h"
#include "tests/unit/tarball.h"
#include "tests/unit/tree.h"

static int sink(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

static int archive(int dirfd, const char *base, const char *name, struct pm_buf *out,
		   struct pm_err *err)
{
	struct pm_tar_writer *w = pm_tar_writer_new(sink, out);
	int r = pm_tree_tar_add(w, dirfd, base, name, err);
	if (r >= 0)
		r = pm_tar_writer_finish(w, err);
	pm_tar_writer_free(w);
	return r;
}

static int extract(const struct pm_buf *tar, struct pm_untar_opts *o, struct pm_err *err)
{
	struct pm_untar_totals totals;
	struct pm_untar *u;
	o->whiteouts = PM_WHITEOUT_NONE;
	int r = pm_untar_new(o, &u, err);
	if (r < 0)
		return r;
	r = pm_untar_push(u, tar->data, tar->len, err);
	if (r >= 0)
		r = pm_untar_finish(u, &totals, err);
	pm_untar_free(u);
	return r;
}

static void put(int dir, const char *name, const char *text)
{
	CHECK(pm_fs_write_file(dir, name, text, strlen(text), 0640, false, NULL) >= 0);
}

static int open_dir(const char *name)
{
	_cleanup_free_ char *path = pm_asprintf("%s/%s", test_dir(), name);
	mkdir(path, 0755);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

TEST(tree_tar_round_trip)
{
	struct pm_err err = PM_ERR_INIT;
	umask(0);
	_cleanup_close_ int a = open_dir("a"), b = open_dir("b");
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT;
	char deep[300];

	memset(deep, 'x', 200);
	deep[200] = '\0';
	CHECK(mkdirat(a, "d", 0750) == 0 && mkdirat(a, deep, 0700) == 0);
	put(a, "d/f", "text");
	put(a, ".wh.plain", "no whiteout");
	CHECK(linkat(a, "d/f", a, "hard", 0) == 0 && symlinkat("/etc/passwd", a, "soft") == 0);
	CHECK(mkfifoat(a, "fifo", 0600) == 0 && fchmodat(a, "d", 02750, 0) == 0);
	_cleanup_close_ int f = openat(a, "d/f", O_RDONLY | O_CLOEXEC);
	if (fsetxattr(f, "user.test", "v", 1, 0) < 0)
		CHECK(errno == ENOTSUP);
	/* a socket is left out */
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/sock", a);
	CHECK(bind(s, (struct sockaddr *)&addr, sizeof(addr)) == 0);

	CHECK_OK(archive(a, ".", ".", &tar, &err), err);
	struct pm_untar_opts o = {.rootfd = b};
	CHECK_OK(extract(&tar, &o, &err), err);
	CHECK(unlinkat(a, "sock", 0) == 0);
	/* the directory that held the socket has another time now */
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	CHECK(futimens(a, times) == 0 && futimens(b, times) == 0);
	_cleanup_free_ char *pa = pm_asprintf("%s/a", test_dir()), *pb = pm_asprintf("%s/b", test_dir());
	_cleanup_free_ char *left = tree_describe(pa, 0), *right = tree_describe(pb, 0);
	CHECK_STR(right, left);

	/* twice the same bytes */
	_cleanup_buf_ struct pm_buf again = PM_BUF_INIT;
	CHECK_OK(archive(a, ".", ".", &again, &err), err);
	_cleanup_buf_ struct pm_buf third = PM_BUF_INIT;
	CHECK_OK(archive(a, ".", ".", &third, &err), err);
	CHECK(again.len == third.len && memcmp(again.data, third.data, third.len) == 0);
}

TEST(tree_tar_renames_the_top)
{
	struct pm_err err = PM_ERR_INIT;
	umask(0);
	_cleanup_close_ int a = open_dir("a"), b = open_dir("b");
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT, link = PM_BUF_INIT;
	CHECK(mkdirat(a, "d", 0755) == 0 && symlinkat("d", a, "l") == 0);
	put(a, "d/f", "1");
	CHECK_OK(archive(a, "d", "other", &tar, &err), err);
	struct pm_untar_opts o = {.rootfd = b};
	CHECK_OK(extract(&tar, &o, &err), err);
	CHECK_STR(tree_content(test_dir(), "b/other/f"), "1");
	/* a symlink is what is archived, not what it means */
	CHECK_OK(archive(a, "l", "l", &link, &err), err);
	CHECK_OK(extract(&link, &o, &err), err);
	struct stat st;
	CHECK(fstatat(b, "l", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	CHECK_INT(archive(a, "none", "x", &tar, &err), -ENOENT);
}

/* below, keep_kinds and set_owner of struct pm_untar_opts */
TEST(untar_below)
{
	struct pm_err err = PM_ERR_INIT;
	umask(0);
	_cleanup_close_ int a = open_dir("a"), b = open_dir("b");
	_cleanup_buf_ struct pm_buf tar = PM_BUF_INIT, dir = PM_BUF_INIT;
	CHECK(mkdirat(a, "x", 0700) == 0 && mkdirat(b, "real", 0755) == 0 &&
	      symlinkat("/real", b, "to") == 0);
	put(a, "x/f", "1");
	CHECK(linkat(a, "x/f", a, "x/g", 0) == 0);
	CHECK_OK(archive(a, "x", ".", &tar, &err), err);
	/* through a symlink that means the root's own */
	struct pm_untar_opts o = {.rootfd = b, .below = "to"};
	CHECK_OK(extract(&tar, &o, &err), err);
	CHECK_STR(tree_content(test_dir(), "b/real/g"), "1");
	struct stat st;
	CHECK(fstatat(b, "real", &st, 0) == 0 && (st.st_mode & 0777) == 0755);
	CHECK(fstatat(b, "to", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));

	/* kinds */
	CHECK(mkdirat(b, "real/x", 0755) == 0);
	_cleanup_buf_ struct pm_buf file = PM_BUF_INIT;
	CHECK_OK(archive(a, "x/f", "x", &file, &err), err);
	o.keep_kinds = true;
	CHECK_INT(extract(&file, &o, &err), -EISDIR);
	CHECK_OK(archive(a, "x", "f", &dir, &err), err);
	CHECK_INT(extract(&dir, &o, &err), -ENOTDIR);
	o.keep_kinds = false;
	CHECK_OK(extract(&file, &o, &err), err);
	CHECK_STR(tree_content(test_dir(), "b/real/x"), "1");

	/* an archive cannot climb out of below */
	_cleanup_buf_ struct pm_buf evil = PM_BUF_INIT;
	CHECK_OK(archive(a, "x/f", "../escaped", &evil, &err), err);
	CHECK_INT(extract(&evil, &o, &err), -PM_E_FORMAT);
	CHECK(faccessat(b, "escaped", F_OK, 0) < 0);

	/* owners */
	o.keep_owner = o.set_owner = true;
	o.uid = geteuid();
	o.gid = getegid();
	CHECK_OK(extract(&file, &o, &err), err);
}
