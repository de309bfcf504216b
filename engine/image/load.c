#include "engine/image/load.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "engine/image/fetch.h"
#include "registry/policy.h"

static void collect(void *arg, const char *id, const struct pm_strv *names)
{
	struct pm_strv *out = arg;
	for (size_t i = 0; i < names->n; i++) {
		if (!pm_strv_has(out, names->v[i]))
			pm_strv_add(out, names->v[i]);
	}
	if (!names->n)
		pm_strv_addf(out, "sha256:%s", id);
}

int pm_image_load(struct pm_store *store, const char *path, int fd,
		  const struct pm_pull_progress *progress, struct pm_strv *ret_names,
		  struct pm_err *err)
{
	_cleanup_close_ int own = -1;
	bool given = strcmp(path, "-") == 0;
	if (!given) {
		own = pm_fs_open(AT_FDCWD, path, O_RDONLY, 0, err);
		if (own < 0)
			return own;
	}
	int r = pm_policy_check(NULL, "docker-archive", given ? "" : path, err);
	if (r > 0)
		r = pm_fail(err, PM_E_REMOTE, "image docker-archive:%s is rejected by policy: a signature "
					      "was required, and archives have none",
			    path);
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "op", "load");
	pm_wire_add(&w, "path", given ? "stdin" : path);
	return pm_fetch_images(store, &w, given ? fd : own, true, progress, collect, ret_names, err);
}
