/* A recipe of any content makes no more than it says, and reads nothing but what is in its layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "storage/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[64], secret[65]; /* random: no input holds it */
static int layer = -1;

static void clean_up(void)
{
	pm_fs_remove_tree(AT_FDCWD, top, NULL);
}

static void make_file(const char *name, const char *content)
{
	int fd = openat(layer, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pm_fs_write_all(fd, content, strlen(content), NULL) < 0)
		abort();
	close(fd);
}

static void make_layer(void)
{
	snprintf(top, sizeof(top), "/tmp/pm-fuzz-XXXXXX");
	if (!mkdtemp(top))
		abort();
	atexit(clean_up);
	int topfd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(topfd, "layer", 0755) < 0)
		abort();
	layer = openat(topfd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pm_random_hex(32, secret);
	make_file("../secret", secret);
	make_file("a", "hello world");
	if (symlinkat("../secret", layer, "s") < 0 || symlinkat("..", layer, "up") < 0 ||
	    mkfifoat(layer, "f", 0600) < 0)
		abort();
	close(topfd);
}

static int take(void *arg, const void *data, size_t len, struct pm_err *err)
{
	uint64_t *total = arg;
	(void)err;
	*total += len;
	/* byte by byte: the fuzzer learns the arguments of memcmp and its like */
	unsigned int differs = len < 64;
	for (size_t i = 0; i < 64 && i < len; i++)
		differs |= (unsigned int)(((const uint8_t *)data)[i] ^ (uint8_t)secret[i]);
	if (!differs)
		abort();
	return *total > (1 << 20) ? -E2BIG : 0;
}

/* The first 8 bytes are the size it says, the next 2 the counts; the rest are records, which are compressed here,
 * or with an odd count the compressed bytes themselves. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (layer < 0)
		make_layer();
	if (size < 10)
		return 0;
	uint8_t head[PM_RECIPE_HEAD_SIZE] = PM_RECIPE_MAGIC, tail[PM_RECIPE_TAIL_SIZE] = PM_RECIPE_END;
	head[8] = PM_RECIPE_VERSION;
	memcpy(tail + 8, data, 8);
	tail[16] = data[8];
	tail[24] = data[9] >> 1;
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	_cleanup_close_ int spool = memfd_create("spool", MFD_CLOEXEC);
	size_t room = ZSTD_compressBound(size);
	_cleanup_free_ uint8_t *packed = pm_malloc(room);
	size_t n = ZSTD_compress(packed, room, data + 10, size - 10, 1);
	bool raw = data[9] & 1;
	if (pm_fs_write_all(recipe, head, sizeof(head), NULL) < 0 ||
	    pm_fs_write_all(recipe, raw ? data + 10 : packed, raw ? size - 10 : n, NULL) < 0 ||
	    pm_fs_write_all(recipe, tail, sizeof(tail), NULL) < 0)
		abort();
	struct pm_recipe_source src = {recipe, layer, spool};
	uint64_t total = 0, says, made = 0;
	struct pm_err err = PM_ERR_INIT;
	says = (uint64_t)data[0] | (uint64_t)data[1] << 8 | (uint64_t)data[2] << 16;
	int r = pm_recipe_replay(&src, take, &total, &made, &err);
	if (r >= 0 && (made != total || (made & 0xffffff) != says))
		abort();
	return 0;
}
