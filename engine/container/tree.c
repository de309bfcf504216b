#include "engine/container/tree.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/bundle.h"
#include "engine/container/create.h"
#include "netns/userns.h"
#include "storage/image.h"

void pm_tree_close(struct pm_tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		close(t->fds[i]);
	free(t->fds);
	pm_strv_free(&t->paths);
	*t = (struct pm_tree){0};
}

/* path is taken over. */
static int add(struct pm_tree *t, char *path, struct pm_err *err)
{
	pm_strv_take(&t->paths, path);
	int fd = pm_fs_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	t->fds = pm_reallocarray(t->fds, t->n + 1, sizeof(*t->fds));
	t->fds[t->n++] = fd;
	return 0;
}

int pm_tree_of_container(struct pm_engine *e, const struct pm_container *c, const char *verb,
			 struct pm_tree *t, struct pm_err *err)
{
	if (c->config.rootfs && verb)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "cannot %s container %s: it uses a root file system of its own (--rootfs)",
			       verb, c->row.name);
	if (c->config.rootfs)
		return add(t, pm_strdup(c->config.rootfs), err);
	_cleanup_strv_ struct pm_strv lowers = PM_STRV_INIT;
	_cleanup_free_ char *dir = pm_store_ctr_path(e->store, c->row.id);
	enum pm_store_driver driver = PM_STORE_AUTO;
	t->container = true;
	int r = pm_container_lowers(e, c, &lowers, err);
	if (r >= 0)
		r = pm_bundle_driver(e, &driver, err);
	if (r >= 0)
		r = add(t, pm_path_join(dir, "upper"), err);
	for (size_t i = lowers.n; r >= 0 && i-- > 0;)
		r = add(t, pm_strdup(lowers.v[i]), err);
	/* it is copied at the first start */
	t->copied = r >= 0 && driver == PM_STORE_VFS && c->row.started != 0;
	return r;
}

int pm_tree_of_image(struct pm_store *s, const char *id, struct pm_tree *t, struct pm_err *err)
{
	_cleanup_layer_list_ struct pm_layer_list layers = {0};
	int r = pm_image_layers(s, id, &layers, err);
	for (size_t i = layers.n; r >= 0 && i-- > 0;)
		r = add(t, pm_store_layer_path(s, layers.v[i].chain_id), err);
	return r;
}

struct job {
	int (*fn)(void *arg, struct pm_err *err);
	void *arg;
};

static int run(void *arg, struct pm_err *err)
{
	const struct job *j = arg;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return j->fn(j->arg, err);
}

int pm_tree_run(struct pm_store *s, int (*fn)(void *arg, struct pm_err *err), void *arg,
		struct pm_err *err)
{
	struct job j = {fn, arg};
	_cleanup_close_ int userns = -1;
	int r = pm_userns_get(s->runroot_fd, &userns, err);
	return r < 0 ? r : pm_userns_run(userns, run, &j, err);
}
