/*
 * ctr_filter - the conditions of --filter on containers, as ps, stop, rm, prune and others take
 * them: ancestor, before, command, exited, health, id, label, label!, name, network, pod,
 * restart-policy, since, status, until, volume. Values of one key are alternatives (of labels
 * all must hold), different keys must all hold.
 */
#ifndef PM_CLI_CTR_FILTER_H
#define PM_CLI_CTR_FILTER_H

#include "base/buf.h"
#include "engine/container/container.h"

/* Do all filters have the form KEY=VALUE with a known key, and (e not NULL) a value that means
 * something? As pm_ctr_filter fails, also when there is no container to hold against them. */
int pm_ctr_filter_check(struct pm_engine *e, const struct pm_strv *filters, struct pm_err *err);

/* What the rows given to pm_ctr_filter must have been read with: 0 or PM_CTR_CONFIG. */
unsigned int pm_ctr_filter_needs(const struct pm_strv *filters);

/* Does the container pass? 1, 0, or an error (an unknown filter or value: PM_E_USAGE; before and
 * since: PM_E_NOSUCH). */
int pm_ctr_filter(struct pm_engine *e, const struct pm_strv *filters, const struct pm_ctr_row *row,
		  const struct pm_ctr_state *st, struct pm_err *err);

#endif
