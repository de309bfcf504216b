/*
 * runtime - the one execution of the OCI runtime (crun, runc or another), its errors, and the removal
 * of what it leaves. Runs in pm-monitor.
 */
#ifndef PM_ENGINE_MONITOR_RUNTIME_H
#define PM_ENGINE_MONITOR_RUNTIME_H

#include "engine/monitor/monitor.h"

/* First of all: the descriptors that pm handed over for the container become close-on-exec. */
void runtime_take_preserved(void);

/* Execute the runtime's run (or exec) with m->give_* as the container's standard streams, and wait
 * until it has returned; m->init is set then. A failure carries the runtime's own last line, as
 * PM_E_NOTFOUND or PM_E_NOTEXEC when the container's command is to blame. console is the console
 * socket's path or NULL. */
int runtime_start(struct monitor *m, const char *console, struct pm_err *err);

/* Begin to execute the process in file within the container, its output into out; *ret_pid is the
 * runtime, a child that ends with the process's exit code. The process's pid will be in ctr_dir/health.pid. */
int runtime_check(struct monitor *m, const char *file, int out, pid_t *ret_pid, struct pm_err *err);

/* Start what runtime_start has only created (m->created). */
int runtime_go(struct monitor *m, struct pm_err *err);

/* After the exit, or a failed start: the runtime's state of the container is removed, directly for those
 * whose layout is known, else by its delete command. Errors are not the user's concern any more. */
void runtime_forget(struct monitor *m);

/* What name's stderr text (len bytes, changed) tells, made into err as Podman words it. */
int runtime_error(const char *name, char *text, size_t len, struct pm_err *err);

/* Find the files that count OOM kills and tell of the freezer in the container's cgroup, while the container
 * lives. */
void runtime_open_oom(struct monitor *m);
/* Is it paused? */
bool runtime_frozen(const struct monitor *m);
/* Was a process of it killed for want of memory? */
bool runtime_oom_killed(const struct monitor *m);

#endif
