#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "storage/layer_recipe.h"
#include "storage/layer_tar.h"
#include "storage/recipe.h"
#include "tests/unit/tree.h"

static int digest(void *arg, const void *data, size_t len, struct pm_err *err)
{
	(void)err;
	pm_sha256_add(arg, data, len);
	return 0;
}

TEST(layer_recipe_makes_the_canonical_stream_again)
{
	static const char *const argv[] = {
		"sh", "-ec",
		"mkdir -p t/d/e t/empty; head -c 300000 /dev/urandom >t/d/r; echo x >t/d/e/x; ln t/d/r t/hard;"
		"ln -s d/e/x t/soft; : >t/zero; mkfifo t/fifo; chmod 4755 t/d/e/x; truncate -s 1M t/sparse;"
		"echo end >>t/sparse; n=$(printf 'n%.0s' $(seq 200)); mkdir t/$n; echo long >t/$n/$n",
		NULL};
	struct pm_err err = PM_ERR_INIT;
	struct pm_sha256 hash;
	char hex[65], plain[65], replayed[65];
	int64_t size = 0;
	uint64_t again = 0;
	CHECK_INT(tree_run(test_dir(), argv), 0);
	_cleanup_free_ char *path = pm_asprintf("%s/t", test_dir());
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC), spool = memfd_create("spool", MFD_CLOEXEC);
	CHECK_OK(pm_layer_recipe(dir, recipe, hex, &size, &err), err);

	const struct pm_layer_tar t = {.layers = &dir, .n_layers = 1, .raw = true};
	pm_sha256_init(&hash);
	CHECK_OK(pm_layer_tar(&t, digest, &hash, &err), err);
	pm_sha256_hex(&hash, plain);
	CHECK_STR(hex, plain);

	const struct pm_recipe_source src = {recipe, dir, spool};
	pm_sha256_init(&hash);
	CHECK_OK(pm_recipe_replay(&src, digest, &hash, &again, &err), err);
	pm_sha256_hex(&hash, replayed);
	CHECK_STR(hex, replayed);
	CHECK_INT(again, size);
	/* the contents are not in it */
	CHECK(lseek(recipe, 0, SEEK_END) < 20000);
}

TEST(layer_recipe_of_a_socket)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char hex[65];
	int64_t size;
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", test_dir());
	CHECK(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0);
	_cleanup_close_ int dir = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int recipe = memfd_create("recipe", MFD_CLOEXEC);
	struct pm_err err = PM_ERR_INIT;
	int r = pm_layer_recipe(dir, recipe, hex, &size, &err);
	if (r != -PM_E_UNSUPPORTED)
		test_fail(__FILE__, __LINE__, "%s", err.text);
}
