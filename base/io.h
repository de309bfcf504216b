/*
 * io - reading and nothing more: what even err and proc need. Libc-only, safe after fork.
 */
#ifndef PM_BASE_IO_H
#define PM_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/* Until size bytes are there or the stream ends, EINTR retried. Returns the bytes read, or -errno. */
ssize_t pm_read_full(int fd, void *buf, size_t size);

#endif
