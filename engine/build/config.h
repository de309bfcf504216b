/*
 * config - what instructions of a Containerfile make of an image's configuration (the "config" object of OCI's image
 * configuration), and what a RUN takes from it. Instructions come expanded (engine/build/expand.h). Pure trees; shared
 * by `build` and by buildah's `config`.
 */
#ifndef PM_ENGINE_BUILD_CONFIG_H
#define PM_ENGINE_BUILD_CONFIG_H

#include "base/json.h"
#include "engine/build/dockerfile.h"

/* Does the instruction change the configuration alone: neither files nor what the build sees? */
bool pm_build_config_only(const struct pm_instruction *i);

/* CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR; others do nothing.
 * document is the whole image configuration, of pool; cmd_set: the stage had a CMD of its own already, which an ENTRYPOINT
 * leaves (the image's it takes away). PM_E_USAGE with FILE:LINE for values that cannot be. */
int pm_build_config_apply(struct pm_json_pool *pool, struct pm_json *document, const struct pm_instruction *i,
			  bool *cmd_set, struct pm_err *err);

/* One variable or label. */
void pm_build_config_env(struct pm_json_pool *pool, struct pm_json *config, const char *name, const char *value);
void pm_build_config_unset_env(struct pm_json *config, const char *name);
void pm_build_config_label(struct pm_json_pool *pool, struct pm_json *config, const char *name, const char *value);

/* The shell that the shell form is given to: SHELL's or ["/bin/sh", "-c"], appended. */
void pm_build_config_shell(const struct pm_json *config, struct pm_strv *ret);
/* Env, appended to ret. */
void pm_build_config_env_list(const struct pm_json *config, struct pm_strv *ret);
/* WorkingDir, absolute; "/" when it has none. The caller frees. */
char *pm_build_config_workdir(const struct pm_json *config);

#endif
