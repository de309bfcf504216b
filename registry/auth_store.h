/*
 * auth_store - keeping and forgetting credentials, for login and logout: in a credential helper where the files name one
 * for the registry, else in the auth file, mode 0600, replaced as a whole under a lock on its directory.
 *
 * The file is the one named, else $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json (without
 * XDG_RUNTIME_DIR /run/containers/UID). Runs in pm.
 */
#ifndef PM_REGISTRY_AUTH_STORE_H
#define PM_REGISTRY_AUTH_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "registry/auth.h"

/* The file that would be written. The caller frees. */
char *pm_auth_file(const char *authfile);

/* key: "HOST[:PORT][/NAMESPACE]". helpers: of registries.conf, may be empty. *ret_where (the caller frees): what
 * keeps it now. */
int pm_auth_store(const char *authfile, const struct pm_strv *helpers, const char *key,
		  const struct pm_credentials *c, char **ret_where, struct pm_err *err);
/* 1 forgotten, 0 there was nothing. */
int pm_auth_erase(const char *authfile, const struct pm_strv *helpers, const char *key,
		  struct pm_err *err);
/* All of the file, and what its helpers have for the registries named in it. */
int pm_auth_erase_all(const char *authfile, struct pm_err *err);

#endif
