/*
 * pod_filter - the --filter option of `pod ps` and `pod prune`.
 */
#ifndef PM_CLI_POD_FILTER_H
#define PM_CLI_POD_FILTER_H

#include "engine/pod/pod.h"

/* Have all filters the form KEY=VALUE with a known key? PM_E_USAGE. */
int pm_pod_filter_check(const struct pm_strv *filters, struct pm_err *err);

/* Does the pod pass all filters (ctr-ids, ctr-names, ctr-number, ctr-status, id, label, label!, name, network,
 * status, until)? Values of one key are alternatives (all labels must hold), keys all must hold. 1, 0,
 * or PM_E_USAGE. */
int pm_pod_filter(const struct pm_strv *filters, const struct pm_pod *p, struct pm_err *err);

#endif
