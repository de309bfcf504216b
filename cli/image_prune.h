/*
 * image_prune - the unused images removed: for `image prune` and `system prune`.
 */
#ifndef PM_CLI_IMAGE_PRUNE_H
#define PM_CLI_IMAGE_PRUNE_H

#include <stdint.h>

#include "cli/command.h"
#include "engine/engine.h"

#define PM_IMAGE_PRUNE_FILTERS "label=|label!=|until=|reference=|id=|before=|since=|intermediate="

/* Remove the images that pass all filters (cli/image_filter.h) and no container uses; without all only
 * dangling ones, and the parents that become so. A failure of one is noted and the rest goes on.
 * ret_ids is appended to; *ret_bytes (may be NULL) is raised by the sizes of layers that went. The caller
 * sweeps. */
int pm_images_prune(struct pm_cli *cli, struct pm_engine *e, const struct pm_strv *filters, bool all,
		    struct pm_strv *ret_ids, int64_t *ret_bytes, struct pm_err *err);

#endif
