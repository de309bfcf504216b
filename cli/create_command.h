/*
 * create_command - the command line that a container or pod was made by (CreateCommand), taken apart by
 * the command's option table, so that a unit can make it again.
 */
#ifndef PM_CLI_CREATE_COMMAND_H
#define PM_CLI_CREATE_COMMAND_H

#include "base/buf.h"
#include "base/err.h"

struct pm_create_command {
	struct pm_strv global;  /* between the program and the command, without "container" */
	struct pm_strv options; /* of run or create, in order; without those in drop */
	struct pm_strv args;    /* the image and what follows; a pod's name */
	bool named, replaced;   /* --name, --replace are among the options */
};

/* argv as it was given to pm. drop: long names of options that are left out, ended by NULL. name_suffix is
 * added to the value of --name. ret must be zeroed; it is freed by pm_create_command_free, also after
 * a failure: PM_E_FORMAT when argv is no run or create command line. */
int pm_create_command_parse(const struct pm_strv *argv, const char *const *drop,
			    const char *name_suffix, struct pm_create_command *ret, struct pm_err *err);
/* The same for `pod create`. A pod that is named by an argument is named too. */
int pm_pod_create_command_parse(const struct pm_strv *argv, const char *const *drop,
				struct pm_create_command *ret, struct pm_err *err);
void pm_create_command_free(struct pm_create_command *c);
#define _cleanup_create_command_ _cleanup_(pm_create_command_free)

#endif
