/*
 * hooks - programs of the host that the runtime executes around a container's life: OCI hooks as
 * oci-hooks(5) describes them, JSON files of version 1.0.0 in directories that the administrator or the user
 * named (--hooks-dir, containers.conf's hooks_dir; root: the usual two directories).
 *
 * A later directory's file replaces an earlier one's of the same name; files apply in the order of their names
 * in lower case. Conditions are looked at with the container's own annotations: nothing an image says adds a hook
 * or sets an annotation. Patterns are extended regular expressions of POSIX, which Go's are but for extras.
 */
#ifndef PM_ENGINE_SPEC_HOOKS_H
#define PM_ENGINE_SPEC_HOOKS_H

#include "engine/spec/gen.h"

/* What a hook's "when" is compared with. */
struct pm_hook_facts {
	const struct pm_json *annotations; /* object of strings */
	const char *command;               /* process.args[0] */
	bool has_bind_mounts;
};

/* One file's text: 1 when it applies, and *ret_hook (for config.json) and *ret_stages point into root, which
 * belongs to pool; 0 when it does not. PM_E_FORMAT. */
int pm_hook_match(struct pm_json_pool *pool, const char *text, size_t len,
		  const struct pm_hook_facts *facts, struct pm_json **ret_hook,
		  const struct pm_json **ret_stages, struct pm_err *err);

/* Append a hook to stage's list of the configuration. PM_E_FORMAT for an unknown stage. */
int pm_gen_add_hook(struct pm_gen *g, const char *stage, struct pm_json *hook, struct pm_err *err);

#endif
