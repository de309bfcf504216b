/*
 * pasta - runs pasta for a container of --network pasta. The monitor forks a guard, which stays in the host's
 * network namespace, starts pasta there as its child, and takes it away when the container has ended: neither a
 * killed monitor nor a killed guard leaves a pasta, and no pid file is believed. The monitor talks with the guard
 * on m->slirp_fd as netns/netd_client.h has it: netns, ready or error, container; the end of stream says that pasta
 * has gone.
 *
 * While pasta starts it finds in ctr_dir pasta.netns, on which the namespace is bound, and pasta.ready, a FIFO as
 * its pid file. The guard ends the container's hosts file, since only pasta knows the address.
 */
#ifndef PM_ENGINE_MONITOR_PASTA_H
#define PM_ENGINE_MONITOR_PASTA_H

#include "engine/monitor/monitor.h"

/* Before the monitor leaves the host's network namespace, after ctr_fd is there. */
int pasta_guard(struct monitor *m, struct pm_err *err);

#endif
