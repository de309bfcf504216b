/*
 * control - words to a container's monitor, over ctr_dir/ctl.sock: no more restarts, restart now, run the
 * health check, wait for me. Frames: attach.h. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_CONTROL_H
#define PM_ENGINE_CONTAINER_CONTROL_H

#include "engine/container/attach.h"
#include "engine/container/container.h"

/* Can the container come to life again by itself (restart policy, health check)? */
bool pm_container_may_restart(const struct pm_ctr_config *c);

/* The user ends the container for good: its monitor starts it no more, and a boot does not start it when
 * its policy is unless-stopped. Before the signal is sent; no-op for containers that do not restart. A start
 * takes the mark away. */
int pm_container_mark_stopped(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* A container whose monitor waits for the time of a restart (state.restarting) is started now; returns
 * when it runs or has ended. */
int pm_container_restart_now(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* Run the health check: 1 passed, 0 failed. PM_E_STATE: none is defined, or it does not run. */
int pm_container_check_health(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* The container's monitor undoes nothing and decides about no restart after its end, until the descriptor returned,
 * the caller's, is closed. The caller must not wait for that end before. */
int pm_container_hold(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);

#endif
