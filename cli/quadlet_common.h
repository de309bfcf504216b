/*
 * quadlet_common - what the commands of `pm quadlet` share.
 */
#ifndef PM_CLI_QUADLET_COMMON_H
#define PM_CLI_QUADLET_COMMON_H

#include "engine/quadlet/quadlet.h"

/* All files of this user (the system's when pm is root's), converted. */
void pm_quadlet_all(struct pm_quadlet_set *set);
/* Where install puts files and rm looks for applications. The caller frees. */
int pm_quadlet_home(char **ret, struct pm_err *err);
/* "active/running", or "Not loaded"; states are those of pm_systemd_states. The caller frees. */
char *pm_quadlet_status(const struct pm_strv *states, const char *service);

#endif
