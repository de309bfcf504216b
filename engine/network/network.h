/*
 * network - definitions of networks: one JSON file each, with the fields of Podman's netavark files, so
 * that a user can read them, keep them in git and copy them between engines.
 *
 * They lie in graphroot/networks/NAME.json; root's, with the default graph root, in
 * /etc/containers/networks (containers.conf: network_config_dir). The network named by containers.conf's
 * default_network ("podman") exists without a file. A file whose content is malformed, or whose name is
 * not its network's, is warned of and passed over. Changes are made under the store's lock
 * ("network", "config"), files are replaced whole; readers take no lock.
 *
 * What is in use is told by the database (storage/network.h). Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_NETWORK_H
#define PM_ENGINE_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/engine.h"
#include "netns/addr.h"

struct pm_subnet {
	struct pm_ipnet net;
	struct pm_ip gateway;                /* family 0: none */
	struct pm_ip lease_start, lease_end; /* family 0: the whole subnet */
};

struct pm_net_route {
	struct pm_ipnet dest;
	struct pm_ip gateway;
	int64_t metric; /* 0: the kernel's choice */
};

struct pm_network {
	char *name;
	char id[65];
	char *driver;    /* "bridge", "macvlan", "ipvlan" */
	char *interface; /* of the bridge; macvlan, ipvlan: the parent */
	int64_t created; /* ns since the epoch */
	struct pm_subnet *subnets;
	size_t n_subnets;
	struct pm_net_route *routes;
	size_t n_routes;
	bool ipv6, internal, dns;
	struct pm_strv dns_servers; /* where the network's name server forwards to; empty: the host's */
	struct pm_strv labels;      /* NAME=VALUE */
	struct pm_strv options;     /* NAME=VALUE: mtu, vlan, isolate, metric, no_default_route, mode */
	struct pm_strv egress;      /* rules as --egress takes them; empty: all is allowed */
	char *ipam_driver;          /* "host-local", "none", "dhcp" */
};

struct pm_network_list {
	struct pm_network *v;
	size_t n;
};

void pm_network_free(struct pm_network *n); /* leaves it zeroed */
void pm_network_list_free(struct pm_network_list *l);
#define _cleanup_network_ _cleanup_(pm_network_free)
#define _cleanup_network_list_ _cleanup_(pm_network_list_free)

/* One definition's text. PM_E_FORMAT. *ret is zeroed by the caller. */
int pm_network_parse(const char *text, size_t len, struct pm_network *ret, struct pm_err *err);
/* The tree of the file and of --format json. */
struct pm_json *pm_network_to_json(const struct pm_network *n, struct pm_json_pool *pool);

/* All, the default one included, by name. */
int pm_network_list(struct pm_engine *e, struct pm_network_list *ret, struct pm_err *err);
/* By name, id, or a prefix of an id that fits one. PM_E_NOSUCH, PM_E_AMBIGUOUS. *ret zeroed. */
int pm_network_find(struct pm_engine *e, const char *name_or_id, struct pm_network *ret,
		    struct pm_err *err);
bool pm_network_is_default(const struct pm_engine *e, const char *name); /* conf loaded */
/* The value of an option, or NULL. */
const char *pm_network_option(const struct pm_network *n, const char *name);

/* Write the definition, replacing an older one. Config locked. */
int pm_network_save(struct pm_engine *e, const struct pm_network *n, struct pm_err *err);
int pm_network_config_lock(struct pm_engine *e, struct pm_err *err);

/* Remove it. PM_E_INUSE when containers are on it, unless force, which removes them (timeout: seconds
 * they get to stop, -1 theirs). PM_E_NOSUCH; the default one cannot be removed. */
int pm_network_remove(struct pm_engine *e, const char *name_or_id, bool force, int timeout,
		      struct pm_err *err);

#endif
