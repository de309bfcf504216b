#include "engine/spec/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "tests/unit/test.h"

static const char *root;

static void put(const char *path, const char *text)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *full = pm_asprintf("%s/%s", root, path);
	_cleanup_free_ char *dir = pm_strndup(full, (size_t)(strrchr(full, '/') - full));
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, dir, 0755, &err), err);
	CHECK_OK(pm_fs_write_file(AT_FDCWD, full, text, strlen(text), 0644, false, &err), err);
}

static void mklink(const char *target, const char *path)
{
	_cleanup_free_ char *full = pm_asprintf("%s/%s", root, path);
	CHECK(symlink(target, full) == 0);
}

/* layer names from the top, NULL-terminated */
static struct pm_rootfs_view view_of(const char *const *layers)
{
	static int fds[8];
	struct pm_rootfs_view v = {.dirs = fds};
	struct pm_err err = PM_ERR_INIT;
	for (; *layers; layers++) {
		_cleanup_free_ char *full = pm_asprintf("%s/%s", root, *layers);
		CHECK_OK(pm_fs_mkdirs(AT_FDCWD, full, 0755, &err), err);
		fds[v.n_dirs] = open(full, O_PATH | O_DIRECTORY | O_CLOEXEC);
		CHECK(fds[v.n_dirs++] >= 0);
	}
	return v;
}

#define VIEW(...) view_of((const char *const[]){__VA_ARGS__, NULL})

static const char *read_view(const struct pm_rootfs_view *v, const char *path)
{
	static char text[256];
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_rootfs_read(v, path, 200, &b, &err);
	if (r < 0)
		snprintf(text, sizeof(text), "%d", r);
	else
		snprintf(text, sizeof(text), "%s", pm_buf_str(&b));
	return text;
}

TEST(layers_are_merged_as_overlayfs_does)
{
	char enoent[16];
	root = test_dir();
	snprintf(enoent, sizeof(enoent), "%d", -ENOENT);
	put("top/etc/a", "top");
	put("low/etc/a", "low");
	put("low/etc/b", "low");
	put("low/d/f", "low");
	put("low/file", "x");
	put("top/file/below", "dir over file");
	put("low/opaque/f", "low");
	put("top/opaque/g", "top");
	put("low/wh", "low");
	put("top/wh", "");
	struct pm_rootfs_view v = VIEW("top", "low");
	_cleanup_free_ char *opaque = pm_asprintf("%s/top/opaque", root);
	_cleanup_free_ char *wh = pm_asprintf("%s/top/wh", root);
	CHECK_STR(read_view(&v, "/etc/a"), "top");
	CHECK_STR(read_view(&v, "etc/./../etc/b"), "low");
	CHECK_STR(read_view(&v, "/d/f"), "low");
	CHECK_STR(read_view(&v, "/file/below"), "dir over file");
	CHECK_STR(read_view(&v, "/none"), enoent);
	CHECK_STR(read_view(&v, "/../../etc/a"), "top");
	CHECK_STR(read_view(&v, "/opaque/f"), "low");
	if (setxattr(opaque, "user.overlay.opaque", "y", 1, 0) == 0) {
		CHECK_STR(read_view(&v, "/opaque/f"), enoent);
		CHECK_STR(read_view(&v, "/opaque/g"), "top");
		CHECK(setxattr(wh, "user.overlay.whiteout", "", 0, 0) == 0);
		CHECK_STR(read_view(&v, "/wh"), enoent);
	}
	_cleanup_free_ char *dev = pm_asprintf("%s/top/d", root);
	if (mknod(dev, S_IFCHR, 0) == 0)
		CHECK_STR(read_view(&v, "/d/f"), enoent);
}

TEST(symlinks_stay_inside_the_view)
{
	char eloop[16], format[16];
	root = test_dir();
	snprintf(eloop, sizeof(eloop), "%d", -ELOOP);
	snprintf(format, sizeof(format), "%d", -PM_E_FORMAT);
	put("low/real/passwd", "inside");
	put("top/x", "");
	put("outside", "secret");
	mklink("/real", "top/etc");           /* into a lower layer */
	mklink("../../../../outside", "top/escape");
	mklink("loop", "top/loop");
	struct pm_rootfs_view v = VIEW("top", "low");
	CHECK_STR(read_view(&v, "/etc/passwd"), "inside");
	_cleanup_free_ char *abs = pm_asprintf("%s/outside", root);
	mklink(abs, "top/abs");
	CHECK(strcmp(read_view(&v, "/escape"), "secret") != 0);
	CHECK(strcmp(read_view(&v, "/abs"), "secret") != 0);
	CHECK_STR(read_view(&v, "/loop"), eloop);
	_cleanup_free_ char *fifo = pm_asprintf("%s/top/fifo", root);
	CHECK(mkfifo(fifo, 0644) == 0);
	CHECK_STR(read_view(&v, "/fifo"), format);
	CHECK_STR(read_view(&v, "/real"), format);
	_cleanup_free_ char *where = NULL;
	struct pm_err err = PM_ERR_INIT;
	CHECK_OK(pm_rootfs_resolve(&v, "/etc/new/dir", &where, &err), err);
	CHECK_STR(where, "/real/new/dir");
}

static const char passwd[] = "# comment\nroot:x:0:0:root:/root:/bin/sh\nweb:x:33:34:w:/var/www:/bin/sh\n"
			     "1000:x:5:5::/five:/bin/sh\nbroken\nbig:x:4294967295:0::/:/b\n"
			     "nohome:x:7:7\n:x:8:8::/:/b\n";
static const char group[] = "root:x:0:\nstaff:x:50:web,other\nwebs:x:51:other,web\nfive:x:5:\n"
			    "dup:x:34:web\n7777:x:9:\n";

static const struct {
	const char *user;
	int code; /* 0 or the negative result */
	unsigned int uid, gid;
	const char *home, *groups;
} users[] = {
	{NULL, 0, 0, 0, "/root", ""},
	{"", 0, 0, 0, "/root", ""},
	{"root", 0, 0, 0, "/root", ""},
	{"web", 0, 33, 34, "/var/www", "50 51 "},
	{"33", 0, 33, 34, "/var/www", "50 51 "},
	{"web:0", 0, 33, 0, "/var/www", ""},
	{"web:staff", 0, 33, 50, "/var/www", ""},
	{"web:", 0, 33, 34, "/var/www", "50 51 "},
	{":five", 0, 0, 5, "/root", ""},
	{"1000", 0, 1000, 0, NULL, ""}, /* a number is an id: a name of digits is none */
	{"web:7777", 0, 33, 7777, "/var/www", ""}, /* nor is such a group's name */
	{"2000", 0, 2000, 0, NULL, ""},
	{"2000:3000", 0, 2000, 3000, NULL, ""},
	{"2147483647", 0, 2147483647, 0, NULL, ""},
	{"nohome", 0, 7, 7, NULL, ""},
	{"2147483648", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"4294967295", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"4294967296", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"99999999999999999999999", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"big", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"-1", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"+1", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"1.5", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"0x1", -PM_E_USAGE, 0, 0, NULL, NULL},
	{" 1", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"nobody", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"web:nogroup", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"web:-1", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"web:1.5", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"a:b:c", -PM_E_USAGE, 0, 0, NULL, NULL},
	{"broken", -PM_E_USAGE, 0, 0, NULL, NULL},
};

TEST(all_forms_of_user)
{
	root = test_dir();
	put("r/etc/passwd", passwd);
	put("r/etc/group", group);
	struct pm_rootfs_view v = VIEW("r");
	for (size_t i = 0; i < PM_ARRAY_SIZE(users); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_spec_user_ struct pm_spec_user u = {0};
		_cleanup_buf_ struct pm_buf g = PM_BUF_INIT;
		int r = pm_spec_user_lookup(&v, users[i].user, NULL, &u, &err);
		if (r != users[i].code)
			test_fail(__FILE__, __LINE__, "user '%s' gives %d (%s)", users[i].user, r,
				  err.text);
		if (r < 0)
			continue;
		for (size_t k = 0; k < u.n_groups; k++)
			pm_buf_printf(&g, "%u ", u.groups[k]);
		CHECK_INT(u.uid, users[i].uid);
		CHECK_INT(u.gid, users[i].gid);
		CHECK_STR(pm_buf_str(&g), users[i].groups);
		CHECK(pm_streq(u.home, users[i].home));
	}
}

TEST(hostile_passwd_files_do_not_block_or_lie)
{
	struct pm_err err = PM_ERR_INIT;
	root = test_dir();
	put("r/etc/x", "");
	_cleanup_free_ char *fifo = pm_asprintf("%s/r/etc/passwd", root);
	CHECK(mkfifo(fifo, 0644) == 0);
	struct pm_rootfs_view v = VIEW("r");
	_cleanup_spec_user_ struct pm_spec_user u = {0}, w = {0};
	CHECK_OK(pm_spec_user_lookup(&v, "5", NULL, &u, &err), err);
	CHECK_INT(u.uid, 5);
	CHECK_INT(pm_spec_user_lookup(&v, "web", NULL, &w, &err), -PM_E_FORMAT);

	_cleanup_strv_ struct pm_strv groups = PM_STRV_INIT;
	pm_strv_add(&groups, "77");
	pm_strv_add(&groups, "77");
	CHECK_OK(pm_spec_user_lookup(&v, "5:77", &groups, &w, &err), err);
	CHECK_INT(w.n_groups, 0); /* the primary one is not repeated */
}
