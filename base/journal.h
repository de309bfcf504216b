/*
 * journal - entries for systemd's journal, sent by its native protocol: one datagram of fields to
 * /run/systemd/journal/socket, or a sealed memory file for what is too large for one
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL). Nothing is linked and nothing is allocated, so the monitor uses it too.
 *
 * A field is NAME=value\n, or, for a value with newlines, NAME\n{u64 length, little-endian}value\n.
 * Libc-only.
 */
#ifndef PM_BASE_JOURNAL_H
#define PM_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"

#define PM_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* A socket for pm_journal_send; unconnected, so that journald may be restarted meanwhile. */
int pm_journal_open(struct pm_err *err);

/* Send parts, whole fields together, as one entry. When journald is behind: -EAGAIN, with wait after a
 * second only. -ENOENT or -ECONNREFUSED when there is none. */
int pm_journal_send(int fd, const struct iovec *parts, size_t n, bool wait, struct pm_err *err);

/* Append a field to b; value may hold any bytes. */
void pm_journal_field(struct pm_buf *b, const char *name, const char *value, size_t len);

#endif
