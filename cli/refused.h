/*
 * refused - commands of Podman's family that pm does not have on purpose, with the reason a user is told.
 *
 * They are neither in help nor in completions. A command that pm has takes precedence.
 */
#ifndef PM_CLI_REFUSED_H
#define PM_CLI_REFUSED_H

#include <stddef.h>

struct pm_refused {
	const char *path;   /* "system service" refuses it and, with group, all below */
	const char *reason; /* one line, after "pm PATH: " */
};

/* Ended by {0}. */
extern const struct pm_refused pm_refused_commands[];

/* The entry that refuses the command typed as path ("system", "system service"), NULL: none. An entry
 * for a group refuses all its commands. */
const struct pm_refused *pm_refused_find(const char *path);

#endif
