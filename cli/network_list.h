/*
 * network_list - networks as `network ls`, inspect and prune show and choose them: filters, and the trees
 * for templates.
 */
#ifndef PM_CLI_NETWORK_LIST_H
#define PM_CLI_NETWORK_LIST_H

#include "base/json.h"
#include "engine/network/network.h"

/* Does it pass all filters (name=REGEX, id=PREFIX, driver=, label=K[=V], label!=, dangling=BOOL,
 * until=)? Values of one key are alternatives, labels must all hold. prune: only label, label! and
 * until. 1, 0, or PM_E_USAGE. */
int pm_network_filter(struct pm_engine *e, const struct pm_network *n,
		      const struct pm_strv *filters, bool prune, struct pm_err *err);

/* With the names of Podman's Go fields. no_trunc: the whole id. */
struct pm_json *pm_network_tree(const struct pm_network *n, bool no_trunc,
				struct pm_json_pool *pool);

#endif
