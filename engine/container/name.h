/*
 * name - names of containers: the rule, and names made up for those that were given none.
 */
#ifndef PM_ENGINE_CONTAINER_NAME_H
#define PM_ENGINE_CONTAINER_NAME_H

#include "base/err.h"

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. PM_E_USAGE in Podman's words. */
int pm_name_check(const char *name, struct pm_err *err);

/* "adjective_noun", from random numbers; attempt > 0 appends digits, for when the name is taken. */
void pm_name_random(unsigned int attempt, char ret[64]);

#endif
