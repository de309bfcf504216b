/*
 * gen - what the parts of the generator share while one config.json is made. Private to engine/spec.
 *
 * Each pm_gen_* function adds its part to the tree and to the plan. Order matters only where a
 * comment says so: pm_gen_identity (user and capabilities) comes first.
 */
#ifndef PM_ENGINE_SPEC_GEN_H
#define PM_ENGINE_SPEC_GEN_H

#include "engine/spec/caps.h"
#include "engine/spec/spec.h"
#include "engine/spec/user.h"

struct pm_gen {
	const struct pm_ctr_config *c;
	const struct pm_spec_env *env;
	struct pm_spec_plan *plan;
	struct pm_json_pool *pool;
	struct pm_json *root, *process, *linux_, *annotations;

	struct pm_spec_user user;
	uint64_t caps;      /* bounding set */
	uint64_t user_caps; /* permitted and effective; also ambient when the user is not root */
	bool root_user;
	bool systemd;       /* the container's command is systemd */
	bool unmask_all;
	bool sys_bound;     /* /sys is the host's, bound */
	char hostname[65];
};

/* --- gen_identity.c */
int pm_gen_identity(struct pm_gen *g, struct pm_err *err);
/* process: user, args, env, cwd, capabilities, rlimits, terminal, noNewPrivileges */
int pm_gen_process(struct pm_gen *g, struct pm_err *err);
bool pm_gen_id_mapped(const struct pm_spec_idmap *m, size_t n, uint32_t id);
/* The value of a --security-opt NAME=VALUE or NAME:VALUE, the last given; NULL: none. */
const char *pm_gen_security_opt(const struct pm_ctr_config *c, const char *name);

/* --- gen_mounts.c */
int pm_gen_mounts(struct pm_gen *g, struct pm_err *err);
bool pm_gen_is_crun(const struct pm_gen *g);
/* Does the runtime know the recursive mount option rro? */
bool pm_gen_knows_rro(const struct pm_gen *g);

/* --- gen_devices.c */
int pm_gen_devices(struct pm_gen *g, struct pm_json *mounts, struct pm_json *resources,
		   struct pm_err *err);

/* --- gen_linux.c: namespaces, sysctls, masks, resources */
int pm_gen_linux(struct pm_gen *g, struct pm_err *err);

/* --- etcfiles.c: the texts */
int pm_gen_etcfiles(struct pm_gen *g, struct pm_err *err);
/* Is there a file of this name in the plan (hosts, resolv.conf, ...)? Its path, or NULL. */
const char *pm_gen_file(const struct pm_gen *g, const char *name);

/* --- passwd.c: entries that /etc/passwd and /etc/group lack */
int pm_gen_passwd(struct pm_gen *g, struct pm_err *err);

/* --- hooks.c: those of hooks_dirs whose conditions hold; after the annotations are there */
int pm_gen_hooks(struct pm_gen *g, struct pm_err *err);

/* --- seccomp.c */
int pm_gen_seccomp(struct pm_gen *g, struct pm_err *err);

#endif
