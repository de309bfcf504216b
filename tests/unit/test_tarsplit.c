#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/image/storage_ref.h"
#include "engine/transfer/tarsplit.h"

static int collect(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_buf_add(arg, data, len);
	return 0;
}

static int replay(const char *text, struct pm_buf *out, struct pm_err *err)
{
	_cleanup_free_ char *dir = pm_asprintf("%s/layer", test_dir());
	mkdir(dir, 0755);
	_cleanup_close_ int diff = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_OK(pm_fs_write_file(diff, "five", "12345", 5, 0600, false, err), *err);
	CHECK_OK(pm_fs_write_file(diff, "../secret", "secret", 6, 0600, false, err), *err);
	if (symlinkat("../secret", diff, "link") < 0 && faccessat(diff, "link", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		CHECK(false);
	/* plain text: the reader tells gzip by its first bytes, and takes what is not compressed too */
	_cleanup_close_ int packed = memfd_create("tar-split", MFD_CLOEXEC);
	CHECK(write(packed, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(lseek(packed, 0, SEEK_SET) == 0);
	return pm_tarsplit_replay(packed, diff, collect, out, err);
}

TEST(tarsplit)
{
	static const struct {
		const char *text, *want; /* NULL: PM_E_FORMAT or no such file */
	} t[] = {
		{"{\"type\":2,\"payload\":\"aGk=\",\"position\":0}\n", "hi"},
		{"{\"type\":2,\"payload\":\"aGk=\"}\n\n{\"type\":1,\"name\":\"five\",\"size\":5}", "hi12345"},
		{"{\"type\":1,\"name\":\"./five\",\"size\":5,\"payload\":\"x\"}\n", "12345"},
		{"{\"type\":1,\"name_raw\":\"Zml2ZQ==\",\"size\":5}\n", "12345"},
		{"{\"type\":1,\"name\":\"gone\",\"payload\":null}\n", ""},
		{"{\"type\":1,\"name\":\"five\",\"size\":4}\n", NULL},
		{"{\"type\":1,\"name\":\"five\",\"size\":6}\n", NULL},
		{"{\"type\":1,\"name\":\"five\",\"size\":-5}\n", NULL},
		{"{\"type\":1,\"name\":\"gone\",\"size\":1}\n", NULL},
		{"{\"type\":1,\"name\":\"link\",\"size\":6}\n", NULL},
		{"{\"type\":1,\"name\":\"../secret\",\"size\":6}\n", NULL},
		{"{\"type\":1,\"size\":6}\n", NULL},
		{"{\"type\":1,\"name_raw\":\"AA==\",\"size\":5}\n", NULL},
		{"{\"type\":3,\"payload\":\"aGk=\"}\n", NULL},
		{"{\"type\":2,\"payload\":\"!!\"}\n", NULL},
		{"{\"type\":2}\n", NULL},
		{"nonsense\n", NULL},
		{"[]\n", NULL},
		{"", ""},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
		int r = replay(t[i].text, &out, &err);
		if (t[i].want)
			CHECK_OK(r, err);
		else
			CHECK(r < 0);
		if (t[i].want)
			CHECK_STR(pm_buf_str(&out), t[i].want);
		CHECK(!strstr(pm_buf_str(&out), "secret"));
	}
}

TEST(storage_ref)
{
	static const struct {
		const char *text, *driver, *root, *runroot, *image; /* image NULL: PM_E_USAGE */
	} t[] = {
		{"busybox", NULL, NULL, NULL, "busybox"},
		{"[overlay@/a/b+/run/x]busybox:1", "overlay", "/a/b", "/run/x", "busybox:1"},
		{"[vfs@/a/]x", "vfs", "/a", "", "x"},
		{"[/a]x", "", "/a", "", "x"},
		{"[/a+/b]", "", "/a", "/b", ""},
		{"[overlay@/a+/b:overlay.mountopt=nodev,x=y]@0123", "overlay", "/a", "/b", "@0123"},
		{"[overlay@/a:x=y]z", "overlay", "/a", "", "z"},
		{"[overlay@]x", "overlay", "/home/u/.local/share/containers/storage", "", "x"},
		{"", NULL, NULL, NULL, NULL},
		{"[]x", NULL, NULL, NULL, NULL},
		{"[/a", NULL, NULL, NULL, NULL},
		{"[a/b]x", NULL, NULL, NULL, NULL},
		{"[overlay@/a+b]x", NULL, NULL, NULL, NULL},
	};
	setenv("HOME", "/home/u", 1);
	setenv("_PM_USERNS", "1", 1); /* as a user, also when root runs the tests */
	unsetenv("XDG_DATA_HOME");
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		struct pm_err err = PM_ERR_INIT;
		_cleanup_storage_ref_ struct pm_storage_ref ref = {0};
		int r = pm_storage_ref_parse(t[i].text, &ref, &err);
		if (!t[i].image) {
			CHECK_INT(r, -PM_E_USAGE);
			continue;
		}
		CHECK_OK(r, err);
		CHECK(pm_streq(ref.driver, t[i].driver));
		CHECK(pm_streq(ref.root, t[i].root));
		CHECK(pm_streq(ref.runroot, t[i].runroot));
		CHECK_STR(ref.image, t[i].image);
	}
}
