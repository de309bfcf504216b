#include "engine/build/digest_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "tests/unit/test.h"

/* A record is made of a file that has been left alone, given up for one that was just changed, and for any change. */
TEST(digest_cache)
{
	char dir[] = "/tmp/pm-test-XXXXXX", want[65], got[65];
	struct pm_err err = PM_ERR_INIT;
	struct stat st;
	CHECK(mkdtemp(dir) != NULL);
	_cleanup_close_ int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = openat(root, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	_cleanup_close_ int cache = pm_digest_cache_open(root);
	CHECK(root >= 0 && fd >= 0 && cache >= 0);
	CHECK_INT(write(fd, "one", 3), 3);
	CHECK_INT(fstat(fd, &st), 0);
	pm_sha256_of("one", 3, want);
	CHECK_OK(pm_digest_cache_file(cache, fd, &st, got, &err), err);
	CHECK_STR(got, want);

	/* too new to be trusted: what it has now is read */
	CHECK_INT(pwrite(fd, "two", 3, 0), 3);
	pm_sha256_of("two", 3, want);
	CHECK_OK(pm_digest_cache_file(cache, fd, &st, got, &err), err);
	CHECK_STR(got, want);

	/* an old state that the file has no more is not recorded, so that asking for it again reads again */
	struct stat old = st;
	old.st_ctim.tv_sec -= 10;
	old.st_mtim.tv_sec -= 10;
	CHECK_OK(pm_digest_cache_file(cache, fd, &old, got, &err), err);
	CHECK_INT(pwrite(fd, "six", 3, 0), 3);
	CHECK_OK(pm_digest_cache_file(cache, fd, &old, got, &err), err);
	pm_sha256_of("six", 3, want);
	CHECK_STR(got, want);

	/* without a cache */
	CHECK_OK(pm_digest_cache_file(-1, fd, &st, got, &err), err);
	CHECK_STR(got, want);
	CHECK_OK(pm_fs_remove_tree(AT_FDCWD, dir, &err), err);
}
