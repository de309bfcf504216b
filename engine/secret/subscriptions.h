/*
 * subscriptions - files of the host that mounts.conf(5) wants in every container: lines "SOURCE[:DEST]" of
 * $XDG_CONFIG_HOME/containers/mounts.conf (for a user), else /etc/containers/mounts.conf over
 * /usr/share/containers/mounts.conf, or of --default-mounts-file alone. What SOURCE holds is read, symlinks
 * followed, and copied; a missing SOURCE is passed over with a warning. Runs in pm, as the user.
 */
#ifndef PM_ENGINE_SECRET_SUBSCRIPTIONS_H
#define PM_ENGINE_SECRET_SUBSCRIPTIONS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_subscription {
	char *dest;   /* absolute path in the container */
	size_t group; /* the line it comes from */
	char *path;   /* of the file below dest; "": dest is the file */
	struct pm_buf data;
	mode_t mode;
};

struct pm_subscriptions {
	struct pm_subscription *v; /* owned */
	size_t n;
};

#define _cleanup_subscriptions_ _cleanup_(pm_subscriptions_free)
void pm_subscriptions_free(struct pm_subscriptions *l);

/* file: --default-mounts-file, NULL: the usual ones. PM_E_USAGE for a malformed line; EFBIG beyond 4 MiB of
 * files. */
int pm_subscriptions_read(const char *file, struct pm_subscriptions *l, struct pm_err *err);

#endif
