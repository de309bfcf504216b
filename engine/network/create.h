/*
 * create - a new network from a user's options: everything is checked, what was left open is chosen (name,
 * interface, free subnets), then the definition is written. Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_CREATE_H
#define PM_ENGINE_NETWORK_CREATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/network/network.h"

struct pm_network_options {
	const char *name;           /* NULL: chosen */
	const char *driver;         /* NULL: bridge */
	const char *interface_name; /* NULL: chosen; macvlan: the parent */
	const char *ipam_driver;    /* NULL: by driver */
	/* gateways and ranges belong to the subnets in order */
	struct pm_strv subnets, gateways, ranges;
	struct pm_strv routes;  /* DESTINATION,GATEWAY[,METRIC] */
	struct pm_strv labels, options, dns, egress;
	bool ipv6, internal, disable_dns;
	bool ignore; /* an existing network of that name is fine */
	bool rootless;
};

/* The name of the network, made or found, in *ret; the caller frees. PM_E_EXISTS, PM_E_USAGE,
 * PM_E_UNSUPPORTED. */
int pm_network_create(struct pm_engine *e, const struct pm_network_options *o, char **ret,
		      struct pm_err *err);

/* What the options come to beside the definitions in all, without writing it: for tests. */
int pm_network_make(struct pm_engine *e, const struct pm_network_options *o,
		    const struct pm_network_list *all, struct pm_network *ret, struct pm_err *err);

/* Add and drop name servers that the network's own forwards to. */
int pm_network_update_dns(struct pm_engine *e, const char *name_or_id, const struct pm_strv *add,
			  const struct pm_strv *drop, struct pm_err *err);

#endif
