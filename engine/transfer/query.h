/*
 * query - requests of engine/transfer/protocol.h that bring back knowledge, not images: what a name means, the tags of
 * a repository, what a registry holds, whether it knows a user; and the deletion of an image there.
 */
#ifndef PM_ENGINE_TRANSFER_QUERY_H
#define PM_ENGINE_TRANSFER_QUERY_H

#include "base/err.h"
#include "engine/transfer/session.h"

/* Run the request if its op is one of these: 1 done, 0 it is not, negative failed. */
int pm_query_run(struct pm_session *s, struct pm_err *err);

#endif
