/*
 * cred_helper - programs that keep credentials: docker-credential-NAME, found in PATH; the protocol is that of
 * docker-credential-helpers: a verb as argument, the request on standard input, the answer on standard output.
 */
#ifndef PM_REGISTRY_CRED_HELPER_H
#define PM_REGISTRY_CRED_HELPER_H

#include "base/err.h"
#include "registry/auth.h"

/* name: "secretservice" for docker-credential-secretservice. 1 found, 0 it has none. */
int pm_cred_helper_get(const char *name, const char *domain, struct pm_credentials *ret,
		       struct pm_err *err);
int pm_cred_helper_store(const char *name, const char *domain, const struct pm_credentials *c,
			 struct pm_err *err);
/* 1 erased, 0 there was none. */
int pm_cred_helper_erase(const char *name, const char *domain, struct pm_err *err);

#endif
