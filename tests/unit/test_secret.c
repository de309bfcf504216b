#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/secret/driver.h"
#include "engine/secret/subscriptions.h"
#include "engine/secret/use.h"
#include "tests/unit/test.h"

TEST(secret_use_words)
{
	struct pm_err err = PM_ERR_INIT;
	static const char *const bad[] = {
		"",
		"s",
		"id=xyz,name=n,type=env,uid=0,gid=0,mode=444,target=t",
		"id=12,name=n,type=env,uid=0,gid=0,mode=9,target=t",
		"id=12,name=n,type=env,uid=0,gid=0,mode=444",
		"name=n,id=12,type=env,uid=0,gid=0,mode=444,target=t",
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		struct pm_secret_use u = {0};
		CHECK_INT(pm_secret_use_decode(bad[i], &u, &err), -PM_E_FORMAT);
	}
	_cleanup_secret_use_ struct pm_secret_use u = {0};
	CHECK_OK(pm_secret_use_decode("id=0a1b,name=my.s,type=mount,uid=5,gid=6,mode=4755,target=/a=b/c d", &u,
				      &err), err);
	CHECK(!u.env && u.uid == 5 && u.gid == 6 && u.mode == 04755);
	CHECK_STR(u.id, "0a1b");
	CHECK_STR(u.name, "my.s");
	CHECK_STR(u.target, "/a=b/c d");
}

static char *write_conf(const char *text)
{
	char *path = pm_asprintf("%s/mounts.conf", test_dir());
	CHECK(pm_fs_write_file(AT_FDCWD, path, text, strlen(text), 0600, false, NULL) >= 0);
	return path;
}

TEST(subscriptions)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_free_ char *tree = pm_asprintf("%s/src", test_dir());
	_cleanup_free_ char *file = pm_asprintf("%s/src/f", test_dir());
	_cleanup_free_ char *link = pm_asprintf("%s/src/l", test_dir());
	_cleanup_free_ char *fifo = pm_asprintf("%s/src/p", test_dir());
	CHECK(mkdir(tree, 0755) == 0 && mkfifo(fifo, 0600) == 0 && symlink("f", link) == 0);
	CHECK(pm_fs_write_file(AT_FDCWD, file, "data", 4, 0640, false, NULL) >= 0);
	_cleanup_free_ char *text = pm_asprintf("# c\n\n  %s:/run//secrets/ \n%s\n", tree, file);
	_cleanup_free_ char *conf = write_conf(text);
	_cleanup_subscriptions_ struct pm_subscriptions l = {0};
	CHECK_OK(pm_subscriptions_read(conf, &l, &err), err);
	CHECK_INT(l.n, 3);
	for (size_t i = 0; i < 2; i++) {
		CHECK_STR(l.v[i].dest, "/run/secrets");
		CHECK(pm_streq(l.v[i].path, "f") || pm_streq(l.v[i].path, "l"));
		CHECK_STR(pm_buf_str(&l.v[i].data), "data");
		CHECK_INT(l.v[i].mode, 0640);
	}
	CHECK_STR(l.v[2].dest, file);
	CHECK_STR(l.v[2].path, "");

	static const char *const bad[] = {"relative:/x\n", "/x:relative\n", "/x:/\n", "/x:\n"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(bad); i++) {
		_cleanup_subscriptions_ struct pm_subscriptions none = {0};
		_cleanup_free_ char *again = write_conf(bad[i]);
		CHECK_INT(pm_subscriptions_read(again, &none, &err), -PM_E_USAGE);
	}
	_cleanup_subscriptions_ struct pm_subscriptions none = {0};
	CHECK_INT(pm_subscriptions_read("/nonexistent/mounts.conf", &none, &err), -ENOENT);
}

TEST(secret_wipe)
{
	struct pm_buf b = PM_BUF_INIT;
	pm_buf_add_str(&b, "secret");
	pm_secret_wipe(&b);
	CHECK(b.data == NULL && b.len == 0);
}
