/*
 * secret use - secrets in containers: as files of a tmpfs that the monitor mounts, or as variables of the
 * environment. And the files that mounts.conf(5) wants in every container, which go the same way.
 *
 * A container's config names its secrets by id; their data is in no row. Driver file: a copy is kept with the
 * container (containers/<id>/userdata/secrets/<secret id>, 0600), so that the secret may be removed meanwhile,
 * as with Podman; pass and shell keep their data to themselves and are asked at each start.
 * At a start the data is written to runroot/ctr/<id>/secrets (0600, in memory where runroot is a tmpfs), from
 * where the monitor moves it into the tmpfs and removes it. Variables are only in the config.json of the
 * bundle, which is then made in runroot/ctr/<id>/bundle instead of the graph root, and removed by the monitor
 * when the container has ended for good (a restart needs it until then). Runs in pm.
 */
#ifndef PM_ENGINE_SECRET_USE_H
#define PM_ENGINE_SECRET_USE_H

#include "engine/container/container.h"
#include "engine/monitor/launch.h"
#include "engine/secret/secret.h"
#include "engine/spec/spec.h"

/* --secret's argument, NAME[,type=mount|env][,target=][,uid=][,gid=][,mode=], looked up and written out for the
 * container's config: "id=...,name=...,type=...,target=...,uid=0,gid=0,mode=444". The caller frees. PM_E_USAGE,
 * PM_E_NOSUCH. */
int pm_secret_use_parse(struct pm_engine *e, const char *arg, char **ret, struct pm_err *err);

struct pm_secret_use {
	char *id, *name, *target; /* target: a path in the container, or the variable's name */
	bool env;
	uint32_t uid, gid;
	mode_t mode;
};

void pm_secret_use_free(struct pm_secret_use *u);
#define _cleanup_secret_use_ _cleanup_(pm_secret_use_free)
/* A word of the container's config. PM_E_FORMAT. */
int pm_secret_use_decode(const char *word, struct pm_secret_use *ret, struct pm_err *err);

/* Keep what has to be kept with container c, whose directory is there. */
int pm_secret_keep(struct pm_engine *e, const struct pm_container *c, struct pm_err *err);

/* "NAME=value" of the secrets that are variables, appended to ret. Wipe it (pm_secret_env_wipe). */
int pm_secret_env(struct pm_engine *e, const struct pm_container *c, struct pm_strv *ret,
		  struct pm_err *err);
void pm_secret_env_wipe(struct pm_strv *env);

/* What a start of c needs: data written into its directory in runroot, the plan's secrets, and the bind mounts for
 * the OCI configuration. binds is to be freed by the caller also after a failure. */
struct pm_secret_binds {
	struct pm_spec_bind *v;
	size_t n;
};
void pm_secret_binds_free(struct pm_secret_binds *b);
#define _cleanup_secret_binds_ _cleanup_(pm_secret_binds_free)
int pm_secret_plan(struct pm_engine *e, const struct pm_container *c, struct pm_launch_plan *plan,
		   struct pm_secret_binds *binds, struct pm_err *err);

#endif
