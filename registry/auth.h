/*
 * auth - a registry's user names and passwords, from where Podman and Docker keep them.
 *
 * Files, first hit wins: the one named (--authfile), else $REGISTRY_AUTH_FILE, else
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json
 * ($DOCKER_CONFIG), ~/.dockercfg. Format: containers-auth.json(5): "auths" keyed by host or
 * host/namespace (most specific first), "credHelpers", "credsStore" (docker-credential-NAME programs).
 *
 * Secrets are wiped before they are freed, and appear in no message. Runs in pm-transfer.
 */
#ifndef PM_REGISTRY_AUTH_H
#define PM_REGISTRY_AUTH_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct pm_credentials {
	char *user, *password;  /* owned; NULL: none */
	char *identity_token;   /* an OAuth2 refresh token instead */
};

#define PM_CREDENTIALS_INIT {0}
#define _cleanup_credentials_ _cleanup_(pm_credentials_free)

void pm_credentials_free(struct pm_credentials *c); /* wipes; leaves it empty */

/* USER[:PASSWORD] of --creds. PM_E_USAGE without a user. */
int pm_credentials_parse(const char *text, struct pm_credentials *ret, struct pm_err *err);

#define PM_HELPER_FILES "containers-auth.json" /* the files, in a list of helpers */

/* Look credentials for domain/path up. authfile NULL: what helpers (credential-helpers of registries.conf: names,
 * PM_HELPER_FILES among them; NULL or empty: the files only) has, in order. 1 found, 0 none. A file that exists
 * but is unreadable or malformed, and a named one that is missing, are errors. */
int pm_credentials_find(const char *authfile, const struct pm_strv *helpers, const char *domain,
			const char *path, struct pm_credentials *ret, struct pm_err *err);

/* The value of a Basic Authorization header; the caller wipes and frees. */
char *pm_credentials_basic(const struct pm_credentials *c);

/* Base64 (RFC 4648) without line breaks; the caller frees. decode: NULL when malformed; NUL-terminated,
 * *ret_len without it. */
char *pm_base64_encode(const void *data, size_t len);
char *pm_base64_decode(const char *text, size_t *ret_len);

#endif
