#include "engine/container/export.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/tree.h"
#include "netns/idmap.h"
#include "storage/layer_tar.h"

enum { BUFFER_SIZE = 256 << 10 };

struct export {
	const struct pm_tree *tree;
	struct pm_idmaps maps; /* of a container with a user namespace of its own */
	int fd;
	uint8_t *buf; /* headers are small */
	size_t len;
};

static int flush(struct export *x, struct pm_err *err)
{
	int r = pm_fs_write_all(x->fd, x->buf, x->len, err);
	x->len = 0;
	return r;
}

static int put(void *arg, const void *data, size_t len, struct pm_err *err)
{
	struct export *x = arg;
	if (len > BUFFER_SIZE - x->len) {
		int r = flush(x, err);
		if (r < 0 || len >= BUFFER_SIZE)
			return r < 0 ? r : pm_fs_write_all(x->fd, data, len, err);
	}
	memcpy(x->buf + x->len, data, len);
	x->len += len;
	return 0;
}

static int write_tar(void *arg, struct pm_err *err)
{
	struct export *x = arg;
	const struct pm_vfs_owners owners = {.map = pm_idmaps_owner_to_container, .arg = &x->maps};
	struct pm_layer_tar t = {.layers = x->tree->fds,
				 .owners = x->maps.uids.n ? &owners : NULL,
				 .n_layers = x->tree->copied ? 1 : x->tree->n};
	x->buf = pm_malloc(BUFFER_SIZE);
	int r = pm_layer_tar(&t, put, x, err);
	if (r >= 0)
		r = flush(x, err);
	free(x->buf);
	return r;
}

int pm_container_export(struct pm_engine *e, struct pm_container *c, int fd, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	_cleanup_close_ int lock = pm_container_lock(e, c->row.id, true, err);
	if (lock < 0)
		return lock;
	pm_container_state(e, &c->row, &c->state);
	if (c->state.pid)
		close(pm_steal_fd(&lock));
	struct export x = {.tree = &tree, .fd = fd};
	int r = pm_tree_of_container(e, c, NULL, &tree, err);
	if (r >= 0 && tree.container)
		r = pm_idmaps_decode(&c->config.id_uids, &c->config.id_gids, &x.maps, err);
	if (r >= 0)
		r = pm_tree_run(e->store, write_tar, &x, err);
	pm_idmaps_free(&x.maps);
	return r < 0 ? pm_wrap(err, "export container %s", c->row.name) : 0;
}

int pm_image_export(struct pm_store *s, const char *id, int fd, struct pm_err *err)
{
	_cleanup_tree_ struct pm_tree tree = {0};
	struct export x = {.tree = &tree, .fd = fd};
	int r = pm_tree_of_image(s, id, &tree, err);
	if (r >= 0)
		r = pm_tree_run(s, write_tar, &x, err);
	return r < 0 ? pm_wrap(err, "export image %.12s", id) : 0;
}
