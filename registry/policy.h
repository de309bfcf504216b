/*
 * policy - containers-policy.json(5): may an image from this source be used?
 *
 * The file is the one named, else ~/.config/containers/policy.json, else /etc/containers/policy.json. Without
 * any file everything is accepted (pm verifies digests, not signatures). insecureAcceptAnything and reject are
 * decided; a requirement for signatures, which pm does not verify, refuses the image rather than be passed
 * over. Runs in pm: the file is the user's or the administrator's.
 */
#ifndef PM_REGISTRY_POLICY_H
#define PM_REGISTRY_POLICY_H

#include <stddef.h>

#include "base/err.h"

/* transport: "docker", "oci", ...; scope: for docker the full reference, else the path. PM_E_REMOTE
 * when the policy refuses it, PM_E_FORMAT for a malformed file. */
int pm_policy_check(const char *file, const char *transport, const char *scope,
		    struct pm_err *err);
/* The same on a policy's text; file is for messages. */
int pm_policy_decide(const char *text, size_t len, const char *file, const char *transport,
		     const char *scope, struct pm_err *err);

#endif
