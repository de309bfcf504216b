/*
 * sandbox - what pm-slirp gives up before it sees the container's first packet.
 *
 * enter: a user namespace of its own with one id (not as root), a mount namespace whose root is an
 * empty read-only tmpfs that holds only what /etc/resolv.conf is read from. seal: no capabilities
 * (as root: also user nobody), no_new_privs, resource limits, a seccomp allow list. Between the
 * two the ports are bound, which root may want its capabilities for.
 */
#ifndef PM_NETNS_SLIRP_SANDBOX_H
#define PM_NETNS_SLIRP_SANDBOX_H

#include "base/err.h"

int pm_slirp_sandbox_enter(struct pm_err *err);
int pm_slirp_sandbox_seal(struct pm_err *err);

#endif
