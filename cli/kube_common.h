/*
 * kube_common - taking a file's pods down, for `kube down` and `kube play --down`.
 */
#ifndef PM_CLI_KUBE_COMMON_H
#define PM_CLI_KUBE_COMMON_H

#include <stdbool.h>

#include "engine/engine.h"

/* Take down what file names and print it. volumes: those of claims, too. */
int pm_kube_cli_down(struct pm_engine *e, const char *file, bool volumes, struct pm_err *err);

#endif
