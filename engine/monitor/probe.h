/*
 * probe - health checks that need nothing of the image: a TCP connection, or an HTTP request, from within the container's
 * network namespace. They are made by a child of the monitor, which ends with 0 when the check has passed and
 * prints why it has not. What answers is hostile: no more than the status line is looked at.
 *
 *	TCP ADDRESS:PORT
 *	HTTP-GET http://ADDRESS:PORT/PATH [HEADER...]
 *
 * Addresses are numbers, IPv6 in brackets. A status from 200 to 399 passes. Runs in pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_PROBE_H
#define PM_ENGINE_MONITOR_PROBE_H

#include "engine/monitor/monitor.h"

/* Start it; its output goes to out. The caller kills it when it takes too long. */
int probe_start(const struct monitor *m, const struct pm_strv *words, int out, pid_t *ret_pid,
		struct pm_err *err);

#endif
