/*
 * ctr_common - what the commands on containers share: the engine for a command line, the choice of
 * containers by names, --all, --latest, --cidfile and --filter, and the foreground client.
 */
#ifndef PM_CLI_CTR_COMMON_H
#define PM_CLI_CTR_COMMON_H

#include <stdbool.h>

#include "cli/command.h"
#include "engine/container/container.h"
#include "engine/monitor/launch.h"

/* The engine over cli's open store and global options. Free it with pm_engine_free. */
int pm_cli_engine(struct pm_cli *cli, struct pm_engine *ret, struct pm_err *err);

#define _cleanup_engine_ _cleanup_(pm_engine_free)

/* The command makes mounts for its caller: PM_E_STATE where that needs `pm unshare`. */
int pm_cli_need_unshare(const struct pm_cli *cli, struct pm_err *err);

#define PM_IN_STATE(s) (1u << (s))

/* Which containers a verb is for. Lists are borrowed from the options. */
struct pm_ctr_choice {
	bool all, latest;
	bool ignore;                    /* a --cidfile that is not there names nothing */
	const struct pm_strv *cidfiles; /* NULL: the command has no --cidfile */
	const struct pm_strv *filters;  /* NULL: the command has no --filter */
	unsigned int states;            /* --all and filters: only those in these states, PM_IN_STATE bits;
					 * 0: any */
	bool dependents;                /* those that depend on a chosen one come before it */
	bool newest_first;              /* --all and filters: against the order of creation */
};

/* Names or ids to act on, in order, appended to ret. PM_E_USAGE when the options contradict, or nothing
 * was named. */
int pm_ctr_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_choice *ch,
		  struct pm_strv *ret, struct pm_err *err);

/* What of the container's streams the client copies. */
struct pm_ctr_streams {
	bool in, out, err;
};
int pm_ctr_foreground_streams(struct pm_engine *e, const struct pm_container *c,
			      struct pm_monitor *m, bool tty, struct pm_ctr_streams streams,
			      const char *detach_keys, bool sig_proxy, bool *ret_detached,
			      struct pm_err *err);

/* Serve as the foreground client of a started container or exec session until it ends or the user
 * detaches: returns its exit code (0 after a detach, *ret_detached set). c is for proxied signals; NULL:
 * none are. */
int pm_ctr_foreground(struct pm_engine *e, const struct pm_container *c, struct pm_monitor *m,
		      bool tty, bool with_stdin, const char *detach_keys, bool sig_proxy,
		      bool *ret_detached, struct pm_err *err);

/* After the end of c: with rm its row and files go, and with --rmi its image; else the exit is written into the
 * row. Then its pod is looked after, for which c's lock *lock (NULL: not held) is let go. */
int pm_ctr_after_end(struct pm_engine *e, struct pm_container *c, bool rm, int *lock,
		     struct pm_err *err);

/* Become another client of running container c: its exit code, or 0 after a detach. PM_E_STATE when it
 * does not run. */
int pm_ctr_attach(struct pm_engine *e, const struct pm_container *c, bool with_stdin,
		  const char *detach_keys, bool sig_proxy, struct pm_err *err);

/* The whole of a verb's command: the engine, the choice, then verb for each container. Its errors are
 * printed and the rest goes on. The command's result. */
typedef int pm_ctr_verb_fn(struct pm_engine *e, const char *name, void *arg, struct pm_err *err);
int pm_ctr_verb(struct pm_cli *cli, const struct pm_ctr_choice *ch, pm_ctr_verb_fn *verb, void *arg,
		struct pm_err *err);

/* For verbs which work on all of them at once: chosen and loaded. Those which could not be loaded are noted and
 * left out; ignore: missing ones silently. */
struct pm_ctr_set {
	struct pm_engine e;
	struct pm_strv chosen;
	struct pm_container *v;
	const char **names; /* as the user named v[i]; from chosen */
	struct pm_err *errs; /* of v[i], for the verb to fill */
	size_t n;
};
#define _cleanup_ctr_set_ _cleanup_(pm_ctr_set_free)
int pm_ctr_set_choose(struct pm_cli *cli, const struct pm_ctr_choice *ch, bool ignore,
		      struct pm_ctr_set *ret, struct pm_err *err);
void pm_ctr_set_free(struct pm_ctr_set *s);
/* Prints the name of each container without an error, and the errors of the others. The command's result. */
int pm_ctr_set_result(struct pm_cli *cli, struct pm_ctr_set *s);

#endif
