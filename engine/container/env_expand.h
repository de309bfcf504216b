/*
 * env_expand - the words of --env-merge: text with $NAME, ${NAME}, ${NAME:-WORD} and ${NAME:+WORD} in it, as
 * a shell has them; a backslash keeps the character after it. Runs in pm.
 */
#ifndef PM_ENGINE_CONTAINER_ENV_EXPAND_H
#define PM_ENGINE_CONTAINER_ENV_EXPAND_H

#include "base/buf.h"
#include "base/err.h"

/* A name that env does not have is empty. The caller frees *ret. PM_E_USAGE for a brace without its end,
 * or an operator that is none of these. */
int pm_env_expand(const char *word, const struct pm_strv *env, char **ret, struct pm_err *err);

#endif
