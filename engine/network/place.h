/*
 * place - a container's places on bridge networks: what the user asked for, one text for each network as
 * --network takes it,
 *	NAME[:OPTION[,OPTION...]]	ip=ADDRESS mac=ADDRESS alias=NAME interface_name=NAME host_interface_name=NAME
 * and what that comes to at a start. Such texts are kept in the container's config (networks); who is on
 * which network is in the database as well. Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_PLACE_H
#define PM_ENGINE_NETWORK_PLACE_H

#include "base/err.h"
#include "engine/container/container.h"
#include "engine/network/network.h"
#include "netns/netd_client.h"

struct pm_place {
	char *network;
	struct pm_ip ip4, ip6; /* family 0: chosen at the start */
	uint8_t mac[6];
	bool has_mac;
	struct pm_strv aliases;
	char device[16], host_device[16]; /* "": chosen */
};

void pm_place_free(struct pm_place *p);
#define _cleanup_place_ _cleanup_(pm_place_free)

/* PM_E_USAGE names the text and what is wrong. */
int pm_place_parse(const char *text, struct pm_place *ret, struct pm_err *err);
char *pm_place_format(const struct pm_place *p); /* the caller frees */

/* The place on a network among a container's, and the device that it has there: false: it is not on it. *ret is the
 * caller's to free. */
bool pm_place_find(const struct pm_strv *texts, const char *network, struct pm_place *ret,
		   char device[16]);

/* What run and create were given about networks. */
struct pm_network_wish {
	const struct pm_strv *networks; /* --network */
	const char *ip, *ip6, *mac;     /* --ip ..., NULL: none */
	const struct pm_strv *aliases, *egress;
};

/* Into c: the mode (network) and the places (networks). PM_E_USAGE, PM_E_UNSUPPORTED. */
int pm_network_apply(struct pm_engine *e, const struct pm_network_wish *w, struct pm_ctr_config *c,
		     struct pm_err *err);

/* Is the mode that of bridge networks? */
bool pm_network_is_bridge(const char *mode);

/* At creation, config locked for sharing (pm_place_lock; *ret_fd -1: no need) until the rows are in: networks exist and have the
 * addresses asked for; ids in the texts become names. */
int pm_place_lock(struct pm_engine *e, const struct pm_ctr_config *c, int *ret_fd,
		  struct pm_err *err);
int pm_place_resolve(struct pm_engine *e, struct pm_ctr_config *c, struct pm_err *err);
/* Rows: the container, which has one, is on its networks. In the caller's transaction, if any. */
int pm_place_join(struct pm_engine *e, const struct pm_ctr_config *c, struct pm_err *err);

/* At a start, container locked: addresses are taken, and what pm-netd is to make is in *ret. */
int pm_place_plan(struct pm_engine *e, const struct pm_container *c, struct pm_netd_config *ret,
		  struct pm_err *err);
/* The same for one more network of a running container. */
int pm_place_plan_one(struct pm_engine *e, const struct pm_container *c, const char *text,
		      struct pm_netd_config *ret, struct pm_err *err);

/* All networks of a running container once more, with the addresses it has. */
int pm_place_plan_again(struct pm_engine *e, const struct pm_container *c,
			struct pm_netd_config *ret, struct pm_err *err);

/* The published ports of a container. */
int pm_place_ports(const struct pm_ctr_config *c, struct pm_ports *ret, struct pm_err *err);

/* The address of the device that container id gets on a network where none was asked for: always the
 * same. */
void pm_place_mac(const char *id, const char *network, uint8_t ret[6]);

/* What a container's networks say in resolv.conf and hosts. */
struct pm_place_files {
	struct pm_strv servers;   /* name servers */
	struct pm_strv addresses; /* its own */
	bool network_dns;         /* servers are the networks' own */
};
void pm_place_files_free(struct pm_place_files *f);
#define _cleanup_place_files_ _cleanup_(pm_place_files_free)

/* From a plan, but for the network without (NULL: all). *ret is zeroed by the caller. */
void pm_place_files(const struct pm_netd_config *n, const char *without, struct pm_place_files *ret);

#endif
