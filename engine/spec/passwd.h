/*
 * passwd - the entries a container's /etc/passwd and /etc/group lack: of --user given as a number, of
 * --hostuser, and of the user itself with --userns=keep-id. They become appends of the plan (pm_gen_passwd,
 * declared in engine/spec/gen.h): the monitor writes them, inside the container's root, before the start.
 * A file that is missing, or no regular file, is left alone; so are mounts of the user.
 */
#ifndef PM_ENGINE_SPEC_PASSWD_H
#define PM_ENGINE_SPEC_PASSWD_H

#include "engine/spec/gen.h"

struct pm_passwd_var {
	const char *name, *value;
};

/* One line from a template (--passwd-entry, --group-entry): $NAME of vars replaced, others kept. PM_E_USAGE
 * when it would be more than one line. */
int pm_passwd_entry(const char *text, const struct pm_passwd_var *vars, size_t n,
		    struct pm_buf *out, struct pm_err *err);

#endif
