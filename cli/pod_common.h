/*
 * pod_common - what the commands on pods share: the choice of pods by names, --all, --latest and
 * --pod-id-file, and a verb for each of them.
 */
#ifndef PM_CLI_POD_COMMON_H
#define PM_CLI_POD_COMMON_H

#include <stdbool.h>

#include "cli/command.h"
#include "engine/pod/verbs.h"

/* Which pods a verb is for. */
struct pm_pod_choice {
	bool all, latest;
	int missing_exit; /* exit status when a pod is not there; 0: as other failures */
	const struct pm_strv *id_files; /* NULL: the command has no --pod-id-file */
};

/* Names or ids to act on, in order, appended to ret. PM_E_USAGE when the options contradict, or nothing
 * was named. */
int pm_pod_choose(struct pm_cli *cli, struct pm_engine *e, const struct pm_pod_choice *ch,
		  struct pm_strv *ret, struct pm_err *err);

/* Where single containers' failures go: to standard error, and into the command's result. */
struct pm_pod_notes pm_pod_cli_notes(struct pm_cli *cli);

/* The whole of a verb's command: the engine, the choice, verb for each pod, whose whole id is printed when it
 * succeeds. ignore: pods that are not there are no error. The command's result. */
typedef int pm_pod_verb_fn(struct pm_engine *e, const char *id, const struct pm_pod_notes *notes,
			   void *arg, struct pm_err *err);
int pm_pod_verb(struct pm_cli *cli, const struct pm_pod_choice *ch, bool ignore, pm_pod_verb_fn *verb,
		void *arg, struct pm_err *err);

/* --pod-id-file: its first line, appended to ret. */
int pm_pod_read_id_file(const char *path, struct pm_strv *ret, struct pm_err *err);

#endif
