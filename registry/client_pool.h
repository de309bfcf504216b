/*
 * client_pool - clients of one repository (registry/client.h) for several threads, each with a connection of its
 * own; made when they are needed from what the main one knows by then.
 */
#ifndef PM_REGISTRY_CLIENT_POOL_H
#define PM_REGISTRY_CLIENT_POOL_H

#include <stdatomic.h>

#include "base/err.h"
#include "registry/client.h"

struct pm_client_pool;

/* Arguments as for pm_client_new and pm_http_new; cancel as for pm_http_cancel_on, or NULL. */
int pm_client_pool_new(const struct pm_registries *conf, const struct pm_reference *ref,
		       const struct pm_client_options *options, unsigned int stall_seconds,
		       const atomic_bool *cancel, struct pm_client_pool **ret, struct pm_err *err);
/* All clients must have been given back. NULL is fine. */
void pm_client_pool_free(struct pm_client_pool *p);

/* The main client, for the one thread that also owns the pool. */
struct pm_client *pm_client_pool_main(struct pm_client_pool *p);
/* From any thread: a client for it alone, until it is given back. */
int pm_client_pool_take(struct pm_client_pool *p, struct pm_client **ret, struct pm_err *err);
void pm_client_pool_give(struct pm_client_pool *p, struct pm_client *c);

#endif
