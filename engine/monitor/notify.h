/*
 * notify - the container as a service of systemd (--sdnotify), told by its monitor, which is the service's
 * main process: pm says so (MAINPID=) before it sends the plan.
 *
 *	container	what the container writes to /run/notify/notify.sock is passed on, but for what
 *			speaks of processes and descriptors (MAINPID, FDSTORE, BARRIER, ...)
 *	conmon		READY=1 when it runs
 *	healthy		READY=1 when its health check passes for the first time
 * For the last two the monitor also feeds the service's watchdog, in the last one unless it is unhealthy. Runs in
 * pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_NOTIFY_H
#define PM_ENGINE_MONITOR_NOTIFY_H

#include "engine/monitor/monitor.h"

/* Before the network namespace is made: connects, and makes the container's socket in ctr_dir/notify. */
int notify_open(struct monitor *m, struct pm_err *err);

void notify_started(struct monitor *m);
void notify_healthy(struct monitor *m);
/* The container has written. */
void notify_read(struct monitor *m);
/* Of a container's message, in place, the lines that it may say; returns the new length. */
size_t notify_filter(char *text, size_t len);
/* TIMER_WATCHDOG has come. */
void notify_watchdog(struct monitor *m);

#endif
