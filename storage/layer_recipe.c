#include "storage/layer_recipe.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "storage/layer_tar.h"
#include "storage/recipe.h"

struct noting {
	struct pm_sha256 hash;
	struct pm_recipe_writer *recipe;
	int64_t size;
	/* what the next bytes are; left 0: no file's content */
	uint64_t left, offset;
	ino_t file; /* the last one told, 0: none */
};

static void content(void *arg, const char *path, ino_t ino, uint64_t offset, uint64_t len)
{
	struct noting *n = arg;
	if (n->file != ino)
		pm_recipe_file(n->recipe, path, ino);
	n->file = ino;
	n->left = len;
	n->offset = offset;
}

static int sink(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct noting *n = arg;
	pm_sha256_add(&n->hash, data, len);
	n->size += (int64_t)len;
	if (!n->left) {
		n->file = 0; /* a later file may be the same inode again, under another name */
		pm_recipe_raw(n->recipe, data, len);
	} else if (len <= n->left) {
		pm_recipe_data(n->recipe, n->offset, len);
		n->offset += len;
		n->left -= len;
	} else {
		return pm_fail(err, PM_E_INTERNAL, "more content than was told");
	}
	return pm_recipe_check(n->recipe, err);
}

int pm_layer_recipe(int dir, int recipe, char ret_hex[65], int64_t *ret_size, struct pm_err *err)
{
	struct noting n = {0};
	const struct pm_layer_tar t = {
		.layers = &dir, .n_layers = 1, .raw = true, .content = content, .content_arg = &n};
	int r = pm_recipe_writer_new(recipe, UINT64_MAX, &n.recipe, err);
	if (r < 0)
		return r;
	pm_sha256_init(&n.hash);
	r = pm_layer_tar(&t, sink, &n, err);
	if (r >= 0)
		r = pm_recipe_finish(n.recipe, err);
	pm_recipe_writer_free(n.recipe);
	if (r < 0)
		return r;
	pm_sha256_hex(&n.hash, ret_hex);
	*ret_size = n.size;
	return 0;
}
