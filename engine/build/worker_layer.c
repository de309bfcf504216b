#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/build/worker_parts.h"
#include "engine/container/bundle.h"
#include "engine/container/tree.h"
#include "storage/layer_recipe.h"

/*
 * What overlayfs made of the changes is what a layer's directory has, so it becomes one where it lies: only its diff id and
 * its recipe have to be found out.
 */
struct taking {
	int upper, recipe;
	int root, stage; /* of the graph root, of the stage */
	const char *from, *to;
	struct taken {
		char hex[65];
		int64_t size;
		bool odd; /* it holds what a layer cannot have */
	} *ret; /* shared with the process that looks */
};

static int take(void *arg, struct pm_err *err)
{
	const struct taking *t = arg;
	int r = pm_layer_recipe(t->upper, t->recipe, t->ret->hex, &t->ret->size, err);
	t->ret->odd = r == -PM_E_UNSUPPORTED;
	if (r < 0)
		return t->ret->odd ? 0 : r;
	/* here, since "/" may have an owner of its own */
	if (renameat(t->root, t->from, t->stage, t->to) < 0)
		return pm_fail_sys(err, "move '%s'", t->from);
	return 0;
}

static int stage_it(struct pm_worker *w, struct pm_stage *stage, struct taken *ret, struct pm_err *err)
{
	char from[96];
	snprintf(from, sizeof(from), "containers/%s/upper", w->c.row.id);
	_cleanup_close_ int made = pm_stage_layer(stage, "0", err);
	if (made < 0)
		return made;
	_cleanup_close_ int recipe = pm_stage_recipe(stage, "0", err);
	if (recipe < 0)
		return recipe;
	_cleanup_close_ int upper = pm_fs_open(w->e->store->root_fd, from, O_PATH | O_DIRECTORY, 0, err);
	if (upper < 0)
		return upper;
	struct taking t = {.upper = upper,
			   .recipe = recipe,
			   .root = w->e->store->root_fd,
			   .stage = stage->dir_fd,
			   .from = from,
			   .to = "0/diff",
			   .ret = ret};
	return pm_tree_run(w->e->store, take, &t, err);
}

int pm_worker_take_layer(struct pm_worker *w, struct pm_stage **ret_stage, struct pm_fetch_layer *ret,
			 struct pm_err *err)
{
	enum pm_store_driver driver;
	int r = pm_bundle_driver(w->e, &driver, err);
	if (r < 0)
		return r;
	/* other drivers keep changes in another form, other namespaces under other ids */
	if (driver != PM_STORE_OVERLAY || w->c.config.id_uids.n)
		return 0;
	struct taken *taken =
		mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (taken == MAP_FAILED)
		return pm_fail_sys(err, "allocate memory");
	r = pm_stage_new(w->e->store, ret_stage, err);
	if (r >= 0)
		r = stage_it(w, *ret_stage, taken, err);
	bool done = r >= 0 && !taken->odd;
	if (done) {
		ret->diff_id = pm_asprintf("sha256:%s", taken->hex);
		ret->stream_size = taken->size;
	} else if (r >= 0) {
		pm_fetch_drop_stage(w->e->store, ret_stage);
	}
	munmap(taken, sizeof(*taken));
	return r < 0 ? r : done;
}
