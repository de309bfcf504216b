#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "netns/userns.h"
#include "storage/overlay.h"

static const char *at(const char *rel)
{
	static char bufs[8][256];
	static int next;
	char *b = bufs[next++ % 8];
	snprintf(b, 256, "%s/%s", test_dir(), rel);
	return b;
}

static void put(const char *rel, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_fs_write_file(AT_FDCWD, at(rel), text, strlen(text), 0640, false, &err), err);
}

static void dir(const char *rel)
{
	CHECK(mkdir(at(rel), 0755) == 0);
}

static bool there(const char *rel)
{
	struct stat st;
	return lstat(at(rel), &st) == 0;
}

static void is(const char *rel, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	CHECK_OK(pm_fs_read_file(AT_FDCWD, at(rel), 4096, &b, &err), err);
	CHECK_STR(pm_buf_str(&b), text);
}

/* A fresh mount namespace in which this process is root; /dev/fuse works there too. */
static void become_root(void)
{
	struct pm_err err = PM_ERR_INIT;
	if (pm_userns_needed()) {
		_cleanup_close_ int ns = -1;
		CHECK_OK(pm_userns_get(-1, &ns, &err), err);
		CHECK_OK(pm_userns_enter(ns, &err), err);
	}
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

/* Two layers: the upper one hides a file and the lower content of a directory, and replaces a file by a
 * directory and a directory by a file. */
static void make_layers(void)
{
	dir("l1");
	dir("l2");
	dir("up");
	dir("work");
	dir("m");
	put("l1/kept", "one");
	put("l1/hidden", "x");
	put("l1/file-to-dir", "x");
	dir("l1/dir-to-file");
	put("l1/dir-to-file/in", "x");
	dir("l1/opaque");
	put("l1/opaque/old", "x");
	CHECK(link(at("l1/kept"), at("l1/kept-too")) == 0);
	CHECK(symlink("/nowhere", at("l1/sym")) == 0);
	CHECK(mknod(at("l2/hidden"), S_IFCHR, makedev(0, 0)) == 0);
	dir("l2/file-to-dir");
	put("l2/dir-to-file", "now a file");
	dir("l2/opaque");
	put("l2/opaque/new", "two");
	CHECK(setxattr(at("l2/opaque"), "user.overlay.opaque", "y", 1, 0) == 0);
}

static void check_merged(enum pm_overlay_method method)
{
	struct pm_err err = PM_ERR_INIT;
	become_root();
	make_layers();
	_cleanup_strv_ struct pm_strv p = PM_STRV_INIT;
	for (const char *const *n = (const char *const[]){"l1", "l2", "up", "work", "m", NULL}; *n; n++)
		pm_strv_add(&p, at(*n));
	struct pm_overlay o = {.method = method,
			       .lowers = (const char *const *)p.v,
			       .n_lowers = 2,
			       .upper = p.v[2],
			       .work = p.v[3],
			       .target = p.v[4]};
	pid_t pid = 0;
	CHECK_OK(pm_overlay_mount(&o, &pid, &err), err);

	struct stat a, b;
	is("m/kept", "one");
	CHECK(stat(at("m/kept"), &a) == 0 && stat(at("m/kept-too"), &b) == 0);
	CHECK(a.st_ino == b.st_ino);
	CHECK_INT(a.st_mode & 07777, 0640);
	CHECK(!there("m/hidden"));
	CHECK(stat(at("m/file-to-dir"), &a) == 0 && S_ISDIR(a.st_mode));
	is("m/dir-to-file", "now a file");
	CHECK(!there("m/opaque/old"));
	is("m/opaque/new", "two");
	CHECK(lstat(at("m/sym"), &a) == 0 && S_ISLNK(a.st_mode));

	put("m/written", "by the container");
	CHECK(unlink(at("m/kept")) == 0);
	is("up/written", "by the container");
	is("l1/kept", "one");
	CHECK(!there("m/kept"));

	CHECK_OK(pm_overlay_umount(o.target, &err), err);
	if (pid > 0)
		CHECK(waitpid(pid, NULL, 0) == pid); /* the server ends with the mount */
	CHECK(!there("m/written"));

	/* mounted again, it is as it was left */
	CHECK_OK(pm_overlay_mount(&o, &pid, &err), err);
	is("m/written", "by the container");
	CHECK(!there("m/kept"));
	CHECK_OK(pm_overlay_umount(o.target, &err), err);
	if (pid > 0)
		CHECK(waitpid(pid, NULL, 0) == pid);
}

TEST(overlay_native)
{
	check_merged(PM_OVERLAY_NATIVE);
}

TEST(overlay_fuse)
{
	check_merged(PM_OVERLAY_FUSE);
}

TEST(overlay_vfs)
{
	check_merged(PM_OVERLAY_VFS);
}

TEST(overlay_many_layers)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	_cleanup_free_ char *target = pm_strdup(at("m"));
	become_root();
	for (int i = 0; i < 127; i++) {
		char rel[32];
		snprintf(rel, sizeof(rel), "layer,%03d:x", i);
		dir(rel);
		pm_strv_add(&lowers, at(rel));
		snprintf(rel, sizeof(rel), "layer,%03d:x/%d", i, i);
		put(rel, "x");
	}
	dir("m");
	struct pm_overlay o = {.method = PM_OVERLAY_NATIVE,
			       .lowers = (const char *const *)lowers.v,
			       .n_lowers = 127,
			       .target = target};
	CHECK_OK(pm_overlay_mount(&o, NULL, &err), err);
	CHECK(there("m/0") && there("m/126"));
	CHECK(open(at("m/new"), O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS);
	CHECK_OK(pm_overlay_umount(o.target, &err), err);
}

TEST(overlay_probe)
{
	struct pm_err err = PM_ERR_INIT, why = PM_ERR_INIT;
	_cleanup_strv_ struct pm_strv left = PM_STRV_INIT;
	CHECK_OK(pm_overlay_probe(test_dir(), &why, &err), err);
	CHECK_OK(pm_fs_list(AT_FDCWD, test_dir(), &left, &err), err);
	CHECK_INT(left.n, 0);
}
