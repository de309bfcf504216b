/*
 * prepare - the world a container is started in: namespaces, root file system, volumes, network.
 *
 * All of it belongs to the monitor's own namespaces and goes with them, so nothing is taken back
 * when a later step fails. Runs in pm-monitor, before the runtime.
 */
#ifndef PM_ENGINE_MONITOR_PREPARE_H
#define PM_ENGINE_MONITOR_PREPARE_H

#include "engine/monitor/monitor.h"

/* A mount namespace of the monitor's own, from which nothing propagates to the host's and into which
 * the host's mounts still come. */
int prepare_mount_namespace(struct pm_err *err);

/* The network namespace with the tap device handed to pm-slirp (which answers later, see
 * prepare_network_ready), cgroup mount, overlay, directories and volumes. */
int prepare_network(struct monitor *m, struct pm_err *err);
int prepare_files(struct monitor *m, struct pm_err *err);

/* The limits of the pod's control group: to be called before the runtime's start, and after it (m->init is set). Either
 * does what is to be done then, which depends on who makes the group. */
int prepare_pod_group(struct monitor *m, struct pm_err *err);

/* For a restart: mounts and namespaces are still there, volumes have their content. */
int prepare_again(struct monitor *m, struct pm_err *err);

/* Wait for the network's helper, if there is one. */
int prepare_network_ready(struct monitor *m, struct pm_err *err);

#endif
