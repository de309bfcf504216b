/*
 * network - rows about networks: which container is on which, and who holds which address.
 *
 * Definitions of networks are files (engine/network/network.h); a network is known here by its name. A
 * lease is one address of one container; whether its holder still lives is judged by the engine, which
 * therefore gets with it the process that took it and the boot. Rows of a container go with it.
 * Changes are one transaction of their own unless the caller has begun one on store->db.
 */
#ifndef PM_STORAGE_NETWORK_H
#define PM_STORAGE_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/store.h"

/* Ids of the containers on the network; names of the networks a container is on. Appended, sorted. */
int pm_net_users(struct pm_store *s, const char *network, struct pm_strv *ret, struct pm_err *err);
int pm_net_of(struct pm_store *s, const char *container, struct pm_strv *ret, struct pm_err *err);

/* A container joins (again: no error) or leaves a network. PM_E_INUSE: no such container. */
int pm_net_join(struct pm_store *s, const char *container, const char *network,
		struct pm_err *err);
int pm_net_leave(struct pm_store *s, const char *container, const char *network,
		 struct pm_err *err);

/* A network was removed: its leases and counters go. */
int pm_net_forget(struct pm_store *s, const char *network, struct pm_err *err);

struct pm_lease {
	uint8_t address[16];
	size_t len; /* 4 or 16 */
	char container[65];
	int64_t pid, pid_start; /* of the pm that took it */
	char boot[37];
};

/* Who holds the address: 1, or 0 when nobody does. */
int pm_lease_get(struct pm_store *s, const char *network, const void *address, size_t len,
		 struct pm_lease *ret, struct pm_err *err);
/* Take it, whoever held it. */
int pm_lease_put(struct pm_store *s, const char *network, const struct pm_lease *l,
		 struct pm_err *err);
/* Give back all of a container's addresses; network NULL: on all networks. */
int pm_lease_drop(struct pm_store *s, const char *container, const char *network,
		  struct pm_err *err);
/* The container's addresses on the network, IPv4 first: call each until it is non-zero. */
int pm_lease_each(struct pm_store *s, const char *container, const char *network,
		  int (*f)(const struct pm_lease *l, void *arg), void *arg, struct pm_err *err);

/* The address given last in a subnet: its length, 0 when there is none. */
int pm_lease_last(struct pm_store *s, const char *network, const char *subnet, uint8_t ret[16],
		  struct pm_err *err);
int pm_lease_set_last(struct pm_store *s, const char *network, const char *subnet,
		      const void *address, size_t len, struct pm_err *err);

#endif
