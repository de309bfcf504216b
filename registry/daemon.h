/*
 * daemon - a docker daemon's HTTP interface (Docker Engine API), as far as images go in and out of it: over its unix
 * socket, or tcp without TLS.
 *
 * The daemon is $DOCKER_HOST, or the host named, or unix:///var/run/docker.sock. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_DAEMON_H
#define PM_REGISTRY_DAEMON_H

#include <stdint.h>

#include "base/err.h"

/* Load the docker-archive in fd (from its start, size bytes). host NULL: the default. */
int pm_daemon_load(const char *host, int fd, int64_t size, struct pm_err *err);
/* Write an image, as a docker-archive, to fd. name: a reference or an id. PM_E_NOSUCH. */
int pm_daemon_get(const char *host, const char *name, int fd, struct pm_err *err);
/* Take a name away, and with the last one the image. PM_E_NOSUCH; PM_E_REMOTE: containers use it. */
int pm_daemon_delete(const char *host, const char *name, struct pm_err *err);

#endif
