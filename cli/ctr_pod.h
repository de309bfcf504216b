/*
 * ctr_pod - the options --pod, --pod-id-file and --init-ctr of run and create.
 */
#ifndef PM_CLI_CTR_POD_H
#define PM_CLI_CTR_POD_H

#include "cli/ctr_options.h"
#include "engine/pod/pod.h"

/* Make c one of the pod that o names; "new:NAME" makes the pod, with the ports and the network that were asked
 * for c. Nothing happens without --pod. ret_made: the id of the new pod, to be removed when c does not
 * come into being; "" when there is none. */
int pm_ctr_join_pod(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		    struct pm_ctr_config *c, char ret_made[65], struct pm_err *err);

#endif
