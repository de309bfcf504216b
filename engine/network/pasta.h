/*
 * pasta - the network that pasta (of passt) serves, as a command line: what --network pasta[:OPTION[,OPTION...]],
 * containers.conf's pasta_options and the published ports come to. The program is executed by pm-monitor
 * (engine/monitor/pasta.h), which adds what ties it to the container. Runs in pm.
 */
#ifndef PM_ENGINE_NETWORK_PASTA_H
#define PM_ENGINE_NETWORK_PASTA_H

#include "base/buf.h"
#include "base/err.h"
#include "engine/conf/conf.h"
#include "netns/publish.h"

struct pm_pasta {
	struct pm_strv args;         /* options and their values */
	struct pm_strv name_servers; /* addresses that pasta forwards to the host's resolver */
	const char *guest_addr;      /* to be asked for as address of the host; NULL: not to be */
	char *host_addr;             /* the user's --map-guest-addr; NULL: none */
};

void pm_pasta_free(struct pm_pasta *p);
#define _cleanup_pasta_ _cleanup_(pm_pasta_free)

bool pm_network_is_pasta(const char *mode);

/* *ret is zeroed by the caller. conf: options that come before the container's own. PM_E_USAGE: an option that
 * is pm's to give, or no option; PM_E_UNSUPPORTED: sctp. */
int pm_pasta_plan(const struct pm_strv *conf, const struct pm_strv *options,
		  const struct pm_ports *ports, struct pm_pasta *ret, struct pm_err *err);

/* The program: containers.conf's helper_binaries_dir, then PATH. PM_E_UNSUPPORTED with what to do when there is
 * none, or for root, whose containers pasta cannot serve. The caller frees *ret. */
int pm_pasta_find(const struct pm_conf *conf, char **ret, struct pm_err *err);

#endif
