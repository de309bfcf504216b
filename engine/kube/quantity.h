/*
 * quantity - Kubernetes' numbers with units: "500m", "1.5", "64Mi", "2G", "1e3". Pure.
 */
#ifndef PM_ENGINE_KUBE_QUANTITY_H
#define PM_ENGINE_KUBE_QUANTITY_H

#include <stdint.h>

#include "base/err.h"

/* In thousandths, rounded up as Kubernetes does. PM_E_FORMAT: malformed or negative; also what does not fit. */
int pm_kube_quantity(const char *text, int64_t *ret_milli, struct pm_err *err);
/* The same in whole units, rounded up. */
int pm_kube_quantity_whole(const char *text, int64_t *ret, struct pm_err *err);

#endif
