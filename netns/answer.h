/*
 * answer - the end of a talk with a helper of the network (pm-slirp, pm-netd): it says "ready", or
 * "error" with code and text. name is the helper's, for messages. Libc-only.
 */
#ifndef PM_NETNS_ANSWER_H
#define PM_NETNS_ANSWER_H

#include <stddef.h>

#include "base/err.h"
#include "base/wire.h"

/* A message to the helper. One that cannot be sent, because the helper has ended, gives the helper's own
 * reason. */
int pm_answer_send(int sock, const char *name, const struct pm_wire *w, const int *fds,
		   size_t n_fds, struct pm_err *err);
/* Wait for the answer, at most 30 s. */
int pm_answer_wait(int sock, const char *name, struct pm_err *err);
/* Wait until something can be read: ETIMEDOUT after 30 s. */
int pm_answer_poll(int sock, const char *name, struct pm_err *err);
/* The talk has ended, and what it was about: wait (5 s at most) until the helper has given up what it held for it,
 * as addresses and ports. Closes sock. */
void pm_answer_release(int sock);

/* The helper's side. */
int pm_answer_ready(int sock, struct pm_err *err);
void pm_answer_error(int sock, const struct pm_err *why);

#endif
