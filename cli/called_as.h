/*
 * called_as - pm under another program's name: when argv[0] ends in podman or docker the command line is pm's own, in
 * skopeo or buildah it is that program's and is turned into pm's.
 */
#ifndef PM_CLI_CALLED_AS_H
#define PM_CLI_CALLED_AS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The last part of argv[0] where it is one of those names, else "pm". Static. */
const char *pm_called_as(const char *argv0);

/* The command line (NULL-terminated, with the program's name) as pm's, appended to ret. A copy for pm, podman and
 * docker. PM_E_UNSUPPORTED for what that program does and pm does not, by name; unknown words are passed on. */
int pm_called_translate(char *const *argv, struct pm_strv *ret, int64_t *ret_timeout,
			struct pm_err *err);

/* The options which that program ("skopeo") takes before its command, one after the other from *i = 0 on; false: no
 * more. *ret_why: NULL, or why it is refused. Static strings. */
bool pm_called_global(const char *program, size_t *i, const char **ret_name, const char **ret_why);

#endif
