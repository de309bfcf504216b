/* Whatever a layer says, only its own directory changes: a marker beside it stays as it was. What was extracted
 * is made again by its recipe, unless a symlink led to where a file was. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "storage/recipe.h"
#include "storage/untar.h"
#include "tests/fuzz/tar_checksums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[64];
static int topfd = -1;

static void clean_up(void)
{
	pm_fs_remove_tree(AT_FDCWD, top, NULL);
}

static void make_marker(void)
{
	int fd = openat(topfd, "marker", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "same", 4) != 4)
		abort();
	close(fd);
}

static void check_marker(void)
{
	struct stat st;
	char text[5] = "";
	_cleanup_close_ int fd = openat(topfd, "marker", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (fd < 0 || read(fd, text, 4) != 4 || strcmp(text, "same") != 0 || fstat(fd, &st) < 0 ||
	    st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1 || st.st_size != 4)
		abort();
	/* these and nothing else: "layer", "marker" */
	if (pm_fs_list(topfd, ".", &names, NULL) < 0 || names.n != 2)
		abort();
}

struct stream {
	const uint8_t *data;
	size_t len, at;
};

static int compare(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct stream *s = arg;
	(void)err;
	if (len > s->len - s->at || memcmp(s->data + s->at, data, len) != 0)
		return -PM_E_DIGEST;
	s->at += len;
	return 0;
}

static void check_recipe(int root, int recipe, const uint8_t *data, size_t size)
{
	struct pm_err err = PM_ERR_INIT;
	struct stream stream = {data, size, 0};
	uint64_t made = 0;
	_cleanup_close_ int spool = memfd_create("spool", MFD_CLOEXEC);
	struct pm_recipe_source src = {recipe, root, spool};
	/* a path may lead elsewhere by the end: then it fails, or another file is there */
	int r = pm_recipe_replay(&src, compare, &stream, &made, &err);
	if (r >= 0 && (made != size || stream.at != size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pm_err err = PM_ERR_INIT;
	struct pm_untar_totals totals;
	struct pm_untar *u;
	if (topfd < 0) {
		snprintf(top, sizeof(top), "/tmp/pm-fuzz-XXXXXX");
		if (!mkdtemp(top))
			abort();
		atexit(clean_up);
		topfd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		umask(0);
		make_marker();
	}
	if (mkdirat(topfd, "layer", 0755) < 0)
		abort();
	int root = openat(topfd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	const struct pm_untar_opts opts = {
		.rootfd = root, .recipe = recipe, .max_entries = 1000, .max_bytes = 1 << 20};
	if (root < 0 || pm_untar_new(&opts, &u, &err) < 0)
		abort();
	_cleanup_free_ uint8_t *fixed = tar_checksums(data, size);
	if (pm_untar_push(u, fixed, size, &err) >= 0 && pm_untar_finish(u, &totals, &err) >= 0)
		check_recipe(root, recipe, fixed, size);
	pm_untar_free(u);
	close(root);
	check_marker();
	if (pm_fs_remove_tree(topfd, "layer", &err) < 0)
		abort();
	return 0;
}
