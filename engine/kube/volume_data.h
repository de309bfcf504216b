/*
 * volume_data - the files of volumes that are made of data: configMap, secret, downwardAPI, and projected, which has several
 * of these in one directory. The directory is new and nobody else's yet. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_VOLUME_DATA_H
#define PM_ENGINE_KUBE_VOLUME_DATA_H

#include "engine/kube/pod.h"

/* Relative, and without "." and ".."? */
bool pm_kube_path_is_good(const char *path);

/* Write the files of v, a volume's source of that kind, into dir. */
int pm_kube_volume_fill(const struct pm_kube_pod *p, const char *kind, const struct pm_json *v, int dir,
			struct pm_err *err);

#endif
