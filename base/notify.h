/*
 * notify - systemd's notification protocol (sd_notify(3)): datagrams of NAME=value lines to the unix
 * socket that $NOTIFY_SOCKET names, which may be abstract ("@..."). Libc-only, allocates nothing.
 */
#ifndef PM_BASE_NOTIFY_H
#define PM_BASE_NOTIFY_H

#include "base/err.h"

/* A socket connected to it; the caller's. Abstract ones belong to the network namespace of this moment. */
int pm_notify_open(const char *socket, struct pm_err *err);
/* Errors are not the caller's business: nobody may listen any more. */
void pm_notify_send(int fd, const char *text);
/* Wait until all that was sent has been handled (BARRIER=1), at most timeout_ms. */
void pm_notify_barrier(int fd, int timeout_ms);

#endif
