#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "storage/storage_conf.h"

static int parse(const char *text, bool of_system, struct pm_storage_conf *ret, struct pm_err *err)
{
	pm_storage_conf_free(ret);
	return pm_storage_conf_parse(text, strlen(text), of_system, ret, err);
}

TEST(values)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_storage_conf_ struct pm_storage_conf c = {0};
	setenv("HOME", "/home/u", 1);
	CHECK_OK(parse("[storage]\ndriver=\"vfs\"\ngraphroot=\"$HOME/x/\"\nrunroot=\"/r\"\nunknown=1\n"
		       "rootless_storage_path=\"/nope\"\n"
		       "[storage.options]\nadditionalimagestores=[\"/a\",\"/b\"]\nsize=\"\"\n"
		       "[storage.options.overlay]\nmountopt=\"nodev\"\n[other]\nx=1\n",
		       false, &c, &err), err);
	CHECK_STR(c.driver, "vfs");
	CHECK_STR(c.root, "/home/u/x/pm");
	CHECK_STR(c.runroot, "/r/pm");
	CHECK_INT(c.extra.n, 2);
	CHECK_STR(c.extra.v[1], "/b");

	CHECK_OK(parse("[storage]\ndriver=\"overlay\"\n[storage.options.overlay]\n"
		       "mount_program=\"/usr/bin/fuse-overlayfs\"\n", false, &c, &err), err);
	CHECK_STR(c.driver, "fuse-overlayfs");
	CHECK_OK(parse("[storage]\ndriver=\"overlay\"\n", false, &c, &err), err);
	CHECK(!c.driver);
	CHECK_INT(c.quota.size, 0);
	CHECK_OK(parse("[storage.options]\nsize=\"5m\"\n[storage.options.overlay]\nsize=\"1G\"\ninodes=\"10k\"\n",
		       false, &c, &err), err);
	CHECK_INT(c.quota.size, 1 << 30);
	CHECK_INT(c.quota.inodes, 10240);
	CHECK_OK(parse("[storage.options.overlay]\nsize=\"1G\"\n", true, &c, &err), err);
	CHECK_INT(c.quota.size, 0); /* root's limit is not a user's */
	CHECK_OK(parse("", false, &c, &err), err);
	CHECK(!c.root && !c.runroot && !c.driver && !c.extra.n);

	/* Podman's own default is not chosen for us */
	CHECK_OK(parse("[storage]\ngraphroot=\"/var/lib/containers/storage\"\n"
		       "runroot=\"/run/containers/storage\"\n", false, &c, &err), err);
	CHECK(!c.root && !c.runroot);

	/* the system's file for a user */
	CHECK_OK(parse("[storage]\ngraphroot=\"/srv/g\"\nrunroot=\"/srv/r\"\n"
		       "rootless_storage_path=\"/srv/$UID\"\n", true, &c, &err), err);
	char want[64];
	snprintf(want, sizeof(want), "/srv/%u/pm", (unsigned int)getuid());
	CHECK_STR(c.root, want);
	CHECK(!c.runroot);
}

TEST(mistakes)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_storage_conf_ struct pm_storage_conf c = {0};
	CHECK_INT(parse("[storage", false, &c, &err), -PM_E_FORMAT);
	CHECK_INT(parse("[storage]\ngraphroot=1\n", false, &c, &err), -PM_E_FORMAT);
	CHECK_INT(parse("[storage]\ngraphroot=\"x\"\n", false, &c, &err), -PM_E_USAGE);
	CHECK_INT(parse("[storage.options]\nadditionalimagestores=[1]\n", false, &c, &err), -PM_E_FORMAT);
	CHECK_INT(parse("[storage.options]\nsize=\"much\"\n", false, &c, &err), -PM_E_USAGE);
	CHECK(!c.root);
}

TEST(files)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_storage_conf_ struct pm_storage_conf c = {0};
	static const char text[] = "[storage]\ngraphroot=\"/own\"\n";
	_cleanup_free_ char *dir = pm_asprintf("%s/containers", test_dir());
	_cleanup_free_ char *path = pm_asprintf("%s/storage.conf", dir);
	unsetenv("CONTAINERS_STORAGE_CONF");
	setenv("_PM_USERNS", "1", 1); /* as a user, also when root runs the tests */
	setenv("XDG_CONFIG_HOME", test_dir(), 1);
	CHECK_OK(pm_fs_mkdirs(-100, dir, 0700, &err), err);
	CHECK_OK(pm_fs_write_file(-100, path, text, strlen(text), 0600, false, &err), err);
	CHECK_OK(pm_storage_conf_load(&c, &err), err);
	CHECK_STR(c.root, "/own/pm");
	pm_storage_conf_free(&c);
	setenv("CONTAINERS_STORAGE_CONF", "/nowhere/storage.conf", 1);
	CHECK_INT(pm_storage_conf_load(&c, &err), -ENOENT);
	CHECK(strstr(err.text, "/nowhere/storage.conf"));
	setenv("CONTAINERS_STORAGE_CONF", path, 1);
	CHECK_OK(pm_storage_conf_load(&c, &err), err);
	CHECK_STR(c.root, "/own/pm");
}
