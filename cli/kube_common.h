/*
 * kube_common - taking a file's pods down, for `kube down` and `kube play --down`.
 */
#ifndef PM_CLI_KUBE_COMMON_H
#define PM_CLI_KUBE_COMMON_H

#include <stdbool.h>

#include "engine/kube/play.h"

/* Take down what the files (NULL-terminated) name and print it. volumes: those of claims, too. */
int pm_kube_cli_down(struct pm_engine *e, char *const *files, bool volumes, struct pm_err *err);

/* The same for a set. */
int pm_kube_cli_down_set(struct pm_engine *e, const struct pm_kube_set *set, bool volumes,
			 struct pm_err *err);

#endif
