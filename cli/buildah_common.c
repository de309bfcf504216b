#include "cli/buildah_common.h"

#include <stdlib.h>

int pm_buildah_load(struct pm_cli *cli, const char *name, struct pm_engine *e, struct pm_worker *w,
		    struct pm_err *err)
{
	int r = pm_cli_engine(cli, e, err);
	return r < 0 ? r : pm_worker_load(e, name, w, err);
}

bool pm_buildah_history(const struct pm_cli *cli, bool given)
{
	const char *env = getenv("BUILDAH_HISTORY");
	return pm_cli_given(cli, "add-history")
		       ? given
		       : env && (pm_streq(env, "true") || pm_streq(env, "1"));
}
