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

/* What a fieldRef says of the pod; file: in a volume, where labels and annotations may be asked for as a whole, and nothing
 * beyond metadata. 1; the caller frees *ret. PM_E_UNSUPPORTED: it is not known yet. */
int pm_kube_field(const struct pm_kube_pod *p, const struct pm_json *ref, bool file, char **ret,
		  struct pm_err *err);
/* What a resourceFieldRef says of container c, or of the one that it names. 1; the caller frees *ret. */
int pm_kube_resource(const struct pm_kube_pod *p, const struct pm_json *c, const struct pm_json *ref,
		     char **ret, struct pm_err *err);

#endif
