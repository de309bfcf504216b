/*
 * exec - another process in a running container: `crun exec` under a monitor of its own, which copies
 * its streams or its terminal and learns its exit code. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_EXEC_H
#define PM_ENGINE_CONTAINER_EXEC_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"
#include "engine/monitor/launch.h"

struct pm_exec_options {
	struct pm_strv argv;       /* borrowed, not empty */
	struct pm_strv env;        /* borrowed; NAME=VALUE over the container's */
	const char *user;          /* NULL: the container's */
	const char *workdir;       /* NULL: the container's */
	bool tty, interactive, detach, privileged;
	const char *detach_keys;   /* NULL: the default */
	int64_t preserve_fds;      /* as in struct pm_ctr_config */
	struct pm_strv preserve_fd; /* borrowed */
};

/* Start it; *m is PM_MONITOR_INIT, and the caller's to attach to, to wait for and to close.
 * PM_E_STATE when the container does not run. PM_E_NOTFOUND, PM_E_NOTEXEC for the command. ret_id: the
 * session's. The store's database is closed then: what is left to do is to wait, and closing it takes time. */
int pm_exec_start(struct pm_engine *e, const struct pm_container *c,
		  const struct pm_exec_options *o, struct pm_monitor *m, char ret_id[65],
		  struct pm_err *err);

/* The ids of the processes that were started in c so and run, appended to ret. */
int pm_exec_sessions(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
		     struct pm_err *err);

/* What a session of c left whose monitor was killed; others clean up after themselves. PM_E_NOSUCH: c has no such
 * session; PM_E_STATE: it runs. */
int pm_exec_cleanup(struct pm_engine *e, const struct pm_container *c, const char *session, struct pm_err *err);

#endif
