/*
 * env - a container's variables and the words of its command: env, envFrom, and $(NAME) in them. Runs in pm.
 */
#ifndef PM_ENGINE_KUBE_ENV_H
#define PM_ENGINE_KUBE_ENV_H

#include "engine/kube/pod.h"

/* $(NAME) becomes NAME's value where env has it and stays as it is otherwise; $$ is a $. The caller frees. */
char *pm_kube_expand(const char *text, const struct pm_strv *env);

/* The variables of container c, "NAME=VALUE", appended to ret. PM_E_NOSUCH: a source is not there and not optional. */
int pm_kube_env(const struct pm_kube_pod *p, const struct pm_json *c, struct pm_strv *ret,
		struct pm_err *err);

#endif
