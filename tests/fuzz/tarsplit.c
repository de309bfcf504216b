/* tar-split data of any content reads nothing but what is in its layer. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/transfer/tarsplit.h"

#define SECRET "what nobody in a layer may ever read"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[64];
static int layer = -1;

static void clean_up(void)
{
	pm_fs_remove_tree(AT_FDCWD, top, NULL);
}

static void make_layer(void)
{
	snprintf(top, sizeof(top), "/tmp/pm-fuzz-XXXXXX");
	if (!mkdtemp(top))
		abort();
	atexit(clean_up);
	_cleanup_close_ int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(dir, "layer", 0755) < 0)
		abort();
	layer = openat(dir, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pm_fs_write_file(dir, "secret", SECRET, sizeof(SECRET) - 1, 0600, false, NULL) < 0 ||
	    pm_fs_write_file(layer, "a", "hello world", 11, 0600, false, NULL) < 0 ||
	    symlinkat("../secret", layer, "s") < 0 || symlinkat("..", layer, "up") < 0 ||
	    mkfifoat(layer, "f", 0600) < 0)
		abort();
}

static int take(void *arg, const void *bytes, size_t len, struct pm_err *err)
{
	uint64_t *total = arg;
	*total += len;
	if (len == sizeof(SECRET) - 1 && memcmp(bytes, SECRET, len) == 0)
		abort();
	return *total > (1 << 20) ? pm_fail(err, PM_E_FORMAT, "enough") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_err err = PM_ERR_INIT;
	uint64_t total = 0;
	if (layer < 0)
		make_layer();
	_cleanup_close_ int packed = memfd_create("tar-split", MFD_CLOEXEC);
	if (packed < 0 || pm_fs_write_all(packed, data, size, NULL) < 0 || lseek(packed, 0, SEEK_SET) < 0)
		abort();
	pm_tarsplit_replay(packed, layer, take, &total, &err);
	return 0;
}
