/*
 * storage_conf - containers-storage.conf(5) as far as it applies to pm: driver, graphroot, runroot,
 * rootless_storage_path; in [storage.options] additionalimagestores; in [storage.options.overlay]
 * mount_program, size, inodes. All else is passed over with a debug message.
 *
 * One file counts: $CONTAINERS_STORAGE_CONF; for a user $XDG_CONFIG_HOME/containers/storage.conf (~/.config/...);
 * /etc/containers/storage.conf; /usr/share/containers/storage.conf. In the system's two, graphroot and runroot
 * are root's. Podman keeps its own files in graphroot: pm's store is the directory pm below it, and where
 * Podman's own default is written there, pm's own default counts.
 */
#ifndef PM_STORAGE_STORAGE_CONF_H
#define PM_STORAGE_STORAGE_CONF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

struct pm_storage_conf {
	char *root, *runroot; /* pm's; NULL: not said */
	char *driver;         /* "vfs" or "fuse-overlayfs"; NULL: pm's choice */
	struct pm_strv extra; /* additional image stores, as written */
	struct pm_quota quota; /* of each container; not from the system's files for a user */
};

void pm_storage_conf_free(struct pm_storage_conf *c);
#define _cleanup_storage_conf_ __attribute__((cleanup(pm_storage_conf_free)))

/* ret must be zeroed; stays so when there is no file. PM_E_FORMAT names file and line, PM_E_USAGE a value that
 * cannot be. */
int pm_storage_conf_load(struct pm_storage_conf *ret, struct pm_err *err);

/* The same from text; of_system: it is one of the system's files and the user is not root. */
int pm_storage_conf_parse(const char *text, size_t len, bool of_system, struct pm_storage_conf *ret,
			  struct pm_err *err);

#endif
