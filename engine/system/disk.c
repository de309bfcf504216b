#include "engine/system/disk.h"

#include <string.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "base/log.h"
#include "netns/userns.h"

struct walk {
	int root;
	const struct pm_strv *paths;
	int64_t *sizes; /* shared with the parent */
};

static int walk(void *arg, struct pm_err *err)
{
	struct walk *w = arg;
	(void)err;
	for (size_t i = 0; i < w->paths->n; i++) {
		uint64_t bytes = 0;
		if (pm_fs_tree_size(w->root, w->paths->v[i], PM_DISK_ENTRIES, &bytes, NULL) == 0)
			pm_warn("%s: more than %d files, the rest is not counted", w->paths->v[i],
				PM_DISK_ENTRIES);
		w->sizes[i] = (int64_t)bytes;
	}
	return 0;
}

int pm_disk_sizes(struct pm_engine *e, const struct pm_strv *paths, int64_t *ret,
		  struct pm_err *err)
{
	if (!paths->n)
		return 0;
	size_t len = paths->n * sizeof(*ret);
	int64_t *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return pm_fail_sys(err, "memory for sizes");
	struct walk w = {e->store->root_fd, paths, shared};
	_cleanup_close_ int userns = -1;
	int r = pm_userns_get(e->store->runroot_fd, &userns, err);
	if (r >= 0)
		r = pm_userns_run(userns, walk, &w, err);
	if (r >= 0)
		memcpy(ret, shared, len);
	munmap(shared, len);
	return r < 0 ? r : 0;
}
