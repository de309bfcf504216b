/*
 * buildah_common - what the commands of the group "buildah" share: the working container that an argument names
 * (engine/build/worker.h), and history on request.
 */
#ifndef PM_CLI_BUILDAH_COMMON_H
#define PM_CLI_BUILDAH_COMMON_H

#include "cli/command.h"
#include "cli/ctr_common.h"
#include "engine/build/worker.h"

/* The user's working container called name, and the engine for it. Both are to be freed whatever happens; e after w. */
int pm_buildah_load(struct pm_cli *cli, const char *name, struct pm_engine *e, struct pm_worker *w,
		    struct pm_err *err);

/* Is --add-history wanted: as given, else by BUILDAH_HISTORY? */
bool pm_buildah_history(const struct pm_cli *cli, bool given);

#endif
