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

/* Which containers a verb is for. Lists are borrowed from the options. */
struct pm_ctr_choice {
	bool all, latest;
	const struct pm_strv *cidfiles; /* NULL: the command has no --cidfile */
	const struct pm_strv *filters;  /* NULL: the command has no --filter */
	bool running_only;              /* --all and filters: only running ones */
};

/* Names or ids to act on, in order, appended to ret. PM_E_USAGE when the options contradict, or nothing
 * was named. */
int pm_ctr_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_choice *ch,
		  struct pm_strv *ret, struct pm_err *err);

/* Does the container pass all filters ("status=running", "name=REGEX", "id=PREFIX", "label=K[=V]",
 * "exited=N", "ancestor=IMAGE", "volume=", "network=", "before=", "since=", "until=")? Values of one
 * key are alternatives, keys all must hold. 1, 0, or PM_E_USAGE for an unknown filter. */
/* Do all filters have the form KEY=VALUE with a known key? PM_E_USAGE. */
int pm_ctr_filter_check(const struct pm_strv *filters, struct pm_err *err);
int pm_ctr_filter(struct pm_engine *e, const struct pm_strv *filters, const struct pm_ctr_row *row,
		  const struct pm_ctr_state *st, struct pm_err *err);

/* Serve as the foreground client of a started container or exec session until it ends or the user
 * detaches: returns its exit code (0 after a detach, *ret_detached set). c is for proxied signals; NULL:
 * none are. */
int pm_ctr_foreground(struct pm_engine *e, const struct pm_container *c, struct pm_monitor *m,
		      bool tty, bool with_stdin, const char *detach_keys, bool sig_proxy,
		      bool *ret_detached, struct pm_err *err);

/* Become another client of running container c: its exit code, or 0 after a detach. PM_E_STATE when it
 * does not run. */
int pm_ctr_attach(struct pm_engine *e, const struct pm_container *c, bool with_stdin,
		  const char *detach_keys, bool sig_proxy, struct pm_err *err);

/* Call verb for each name; its errors are printed and the rest goes on. The command's result. */
int pm_ctr_verb_each(struct pm_cli *cli, struct pm_engine *e, const struct pm_strv *names,
		     int (*verb)(struct pm_engine *e, const char *name, void *arg,
				 struct pm_err *err),
		     void *arg);

#endif
