#include "registry/gpg.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "tests/unit/test.h"

TEST(keyrings)
{
	struct pm_err err = PM_ERR_INIT;
	_cleanup_buf_ struct pm_buf message = PM_BUF_INIT, payload = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	_cleanup_free_ char *root = pm_asprintf("%s/run", test_dir());
	_cleanup_free_ char *dead = pm_asprintf("%s/gpg/home-dead", root), *live = pm_asprintf("%s/gpg/home-live", root);
	pm_buf_add_str(&message, "no signature");
	setenv(PM_GPG_RUNROOT, root, 1);
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, dead, 0700, &err), err);
	CHECK_OK(pm_fs_mkdirs(AT_FDCWD, live, 0700, &err), err);
	_cleanup_free_ char *lock = pm_asprintf("%s/lock", live);
	/* an open file description's lock is another's also within one process */
	_cleanup_close_ int held = pm_lock_take(AT_FDCWD, lock, PM_LOCK_EXCLUSIVE, &err);
	CHECK(held >= 0);
	CHECK_INT(pm_gpg_verify(NULL, 0, &message, &payload, &err), -PM_E_REMOTE);
	_cleanup_free_ char *base = pm_asprintf("%s/gpg", root);
	CHECK_OK(pm_fs_list(AT_FDCWD, base, &names, &err), err);
	CHECK_INT(names.n, 2);
	CHECK(pm_strv_has(&names, "lock") && pm_strv_has(&names, "home-live"));

	/* a directory that others can write to is no place for keys */
	CHECK_INT(chmod(root, 0777), 0);
	CHECK_INT(pm_gpg_verify(NULL, 0, &message, &payload, &err), -1 /* EPERM */);
	CHECK(strstr(err.text, "is not ours alone"));
	unsetenv(PM_GPG_RUNROOT);
	CHECK_INT(pm_gpg_verify(NULL, 0, &message, &payload, &err), -PM_E_INTERNAL);
}
