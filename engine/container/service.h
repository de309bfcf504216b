/*
 * service - what the service manager gave to this pm and is meant for the container it starts: the
 * notification socket, the watchdog, and activated sockets. Who then talks with systemd: engine/monitor/notify.h.
 * Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_SERVICE_H
#define PM_ENGINE_CONTAINER_SERVICE_H

#include "engine/container/container.h"
#include "engine/monitor/launch.h"
#include "engine/spec/spec.h"

/* The label of a container that a unit makes, and the variable by which generated units tell their names. */
#define PM_UNIT_LABEL "PODMAN_SYSTEMD_UNIT"

/* A container that is made by a unit says so: `pm auto-update` restarts it by that. Otherwise the label is the user's
 * own; given: it was there before those of the image, whose word nobody takes for it. */
void pm_service_label(struct pm_ctr_config *c, bool given);

/* How many descriptors, from 3 on, systemd gave to this process (LISTEN_FDS for LISTEN_PID). */
int pm_service_listen_fds(void);

/* The word of --sdnotify. PM_E_USAGE in Podman's words. */
int pm_service_notify_mode(const char *word, enum pm_notify_mode *ret, struct pm_err *err);

/* Before the configuration is generated: env gets what the container is told; makes run_dir/notify. strings of
 * env live as long as the environment and *ret_dir, which the caller frees after use. */
int pm_service_env(const struct pm_ctr_config *c, struct pm_spec_env *env, char **ret_dir,
		   struct pm_err *err);
int pm_service_plan(const struct pm_ctr_config *c, struct pm_launch_plan *plan, struct pm_err *err);

/* The monitor is the service's main process from now on. */
void pm_service_main_pid(const struct pm_launch_plan *plan, pid_t monitor);

/* Something takes long before the container can start: the start's time is extended by seconds. */
void pm_service_extend(int seconds);

#endif
