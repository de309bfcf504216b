/*
 * life - how long the container goes on: restarts by its policy, stops that the monitor itself makes, and
 * the timers of both.
 *
 * The user's will is a file: ctr_dir/stop is made by whoever stops or kills the container for good, before
 * he sends a signal; while it is there nothing is started again. A start removes it.
 * Back-off: 100 ms, doubled with each restart up to a minute, and 100 ms again after a run of 10 s. No lock is
 * held meanwhile, but for the liveness lock. Runs in pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_LIFE_H
#define PM_ENGINE_MONITOR_LIFE_H

#include "engine/monitor/monitor.h"

/* The container has ended with code: is it to be started again? */
bool life_restarts(struct monitor *m, int code);

/* Let the back-off pass, serving clients. False: it was stopped meanwhile. */
bool life_await_restart(struct monitor *m);

/* The user wants no more of it, or the machine goes down (SIGTERM; it ends nothing by itself). */
bool life_stopped(const struct monitor *m);

/* End the container: its stop signal (at_once: SIGKILL), SIGKILL after its stop timeout. */
void life_end(struct monitor *m, bool at_once, enum monitor_then then);

/* ms until the next timer; -1: none. */
int life_next_timer(const struct monitor *m);
void life_run_timers(struct monitor *m);

#endif
