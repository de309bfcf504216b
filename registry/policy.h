/*
 * policy - containers-policy.json(5): may an image from this source be used?
 *
 * The file is the one named, else ~/.config/containers/policy.json, else /etc/containers/policy.json. Without
 * any file everything is accepted. insecureAcceptAnything and reject are decided here, in pm; what wants signatures is
 * verified by pm-transfer, which has the image's manifest (registry/signature.h).
 */
#ifndef PM_REGISTRY_POLICY_H
#define PM_REGISTRY_POLICY_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* transport: "docker", "oci", ...; scope: for docker the full reference, else the path. 0 it may; 1 it may when its
 * signatures are good; PM_E_REMOTE when the policy refuses it, PM_E_FORMAT for a malformed file or one with a
 * requirement that pm does not know. */
int pm_policy_check(const char *file, const char *transport, const char *scope,
		    struct pm_err *err);
/* The same on a policy's text; file is for messages. *ret (may be NULL): the requirements, of pool, when 1. */
int pm_policy_decide(const char *text, size_t len, const char *file, const char *transport,
		     const char *scope, struct pm_json_pool *pool, const struct pm_json **ret,
		     struct pm_err *err);
/* pm_policy_check with the requirements. */
int pm_policy_find(const char *file, const char *transport, const char *scope,
		   struct pm_json_pool *pool, const struct pm_json **ret, struct pm_err *err);

#endif
