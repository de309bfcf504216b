/*
 * sandbox - what the helpers that see containers' packets give up before the first one: pm-slirp, and the
 * name server and the port forwarder of pm-netd.
 *
 * enter: a user namespace of its own with one id (unless in one already, or as root), a mount namespace
 * whose root is an empty read-only tmpfs that holds only what /etc/resolv.conf is read from. seal: no
 * capabilities but those kept, user nobody where there is one, no_new_privs, resource limits, a seccomp
 * allow list. Between the two sockets are made that need more.
 */
#ifndef PM_NETNS_SANDBOX_H
#define PM_NETNS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pm_sandbox {
	const char *name;     /* for errors: "pm-slirp" */
	const int *calls;     /* system calls beside those of sockets, files read, memory and time */
	size_t n_calls;
	uint64_t keep_caps;   /* bits */
	bool no_raw_sockets;  /* stream and datagram ones only */
	bool no_files;        /* not even resolv.conf */
	unsigned int max_files;
};

int pm_sandbox_enter(const struct pm_sandbox *s, struct pm_err *err);
int pm_sandbox_seal(const struct pm_sandbox *s, struct pm_err *err);

#endif
