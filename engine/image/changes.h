/*
 * changes - instructions that change an image's config: the --change option of import and commit
 * ("CMD [\"a\"]", "ENV A=b"; KEY VALUE or KEY=VALUE), as Podman reads them.
 *
 * The config is the "config" object of an OCI image config (image spec, config.md). Pure text to JSON.
 */
#ifndef PM_ENGINE_IMAGE_CHANGES_H
#define PM_ENGINE_IMAGE_CHANGES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* Apply the changes in order to config, an object of pool. CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD,
 * STOPSIGNAL, USER, VOLUME, WORKDIR; others and bad values are PM_E_USAGE naming the change. */
int pm_changes_apply(struct pm_json_pool *pool, struct pm_json *config,
		     const struct pm_strv *changes, struct pm_err *err);

/* config with its members in the order of the specification and those of maps sorted, so that equal
 * configs give equal text. Members it does not know follow as they are. */
struct pm_json *pm_changes_canonical(struct pm_json_pool *pool, const struct pm_json *config);

/* When an image that is made now says it was created: now, or SOURCE_DATE_EPOCH, so that it can be made again. ns
 * since the epoch. */
int64_t pm_image_now(void);

#endif
