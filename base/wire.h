/*
 * wire - lists of named strings, passed between pm and its helpers over sockets and kept in small
 * state files (exit files).
 *
 * Format, version 1: a message is a header {u32 magic 'pmw1', u32 length of the rest} followed by
 * entries "NAME\0VALUE\0"; little-endian; at most 8 MiB and 262,144 entries. A name may repeat:
 * that is a list. Both sides check everything: an unterminated entry or an over-long message is
 * PM_E_FORMAT.
 * Libc-only.
 */
#ifndef PM_BASE_WIRE_H
#define PM_BASE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Entries in order: v[2*i] is a name, v[2*i+1] its value. */
struct pm_wire {
	struct pm_strv kv;
};

#define PM_WIRE_INIT {PM_STRV_INIT}
#define _cleanup_wire_ _cleanup_(pm_wire_free)

void pm_wire_free(struct pm_wire *w);
/* Values must not be NULL and hold no NUL. */
void pm_wire_add(struct pm_wire *w, const char *name, const char *value);
void pm_wire_add_int(struct pm_wire *w, const char *name, int64_t value);
void pm_wire_add_list(struct pm_wire *w, const char *name, const struct pm_strv *values);

/* The first value of name, or NULL; w keeps it. */
const char *pm_wire_get(const struct pm_wire *w, const char *name);
/* Decimal value of name; missing when it is not there; PM_E_FORMAT when it is no number. */
int pm_wire_get_int(const struct pm_wire *w, const char *name, int64_t missing, int64_t *ret,
		    struct pm_err *err);
void pm_wire_get_list(const struct pm_wire *w, const char *name, struct pm_strv *out);

/* The bytes of the message, header included, appended to out. */
void pm_wire_encode(const struct pm_wire *w, struct pm_buf *out);
/* A whole message of len bytes. */
int pm_wire_decode(const void *data, size_t len, struct pm_wire *ret, struct pm_err *err);

/* Over a stream socket or pipe. recv: 1 when a message came, 0 at the end of the stream. fds (up to
 * 16) ride along on a unix socket; received ones are O_CLOEXEC, unused ones closed, *n_fds holds
 * the room on entry and the count on return. fds may be NULL. */
int pm_wire_send(int fd, const struct pm_wire *w, const int *fds, size_t n_fds,
		 struct pm_err *err);
int pm_wire_recv(int fd, struct pm_wire *ret, int *fds, size_t *n_fds, struct pm_err *err);

#endif
