/*
 * sandbox - what an extractor (engine/transfer/extract.h) or packer (engine/transfer/pack.h) process gives up
 * before it looks at the first byte of a layer. Each step is irrevocable; call them in this order, in a single-threaded
 * process: descriptors, namespace, root, capabilities; then start threads; then the filter, which
 * applies to all of them.
 */
#ifndef PM_ENGINE_TRANSFER_SANDBOX_H
#define PM_ENGINE_TRANSFER_SANDBOX_H

#include <stddef.h>

#include "base/err.h"

/* Close every descriptor but stderr and the n in keep; 0 and 1 become /dev/null. */
int pm_sandbox_close_others(const int *keep, size_t n, struct pm_err *err);

/* Become root in the user namespace userns (owned by this process's user). */
int pm_sandbox_enter_userns(int userns, struct pm_err *err);

/* Make the directory dirfd the root and the working directory. Without privilege this is not
 * possible and left out: 0 either way. */
int pm_sandbox_chroot(int dirfd, struct pm_err *err);

enum pm_sandbox_work {
	PM_SANDBOX_EXTRACT, /* makes files: owners, modes, device nodes, file capabilities */
	PM_SANDBOX_PACK,    /* reads files, whoever may */
};

/* Keep what the work needs. */
int pm_sandbox_drop_capabilities(enum pm_sandbox_work work, struct pm_err *err);

/* Default signal dispositions, but ignore SIGPIPE and the terminal's signals, which are for pm-transfer to act
 * on: it ends its children. */
void pm_sandbox_signals(void);

/* No new privileges, and a seccomp filter: files below descriptors held, memory, threads'
 * synchronisation; neither sockets, nor new processes, nor executable memory; all else is ENOSYS.
 * Builds with a sanitizer, whose runtime needs more, deny what could harm and allow the rest. */
int pm_sandbox_filter(enum pm_sandbox_work work, struct pm_err *err);

#endif
