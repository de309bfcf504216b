/*
 * access - how a request of pm's wants registries to be reached: registries.conf, credentials, TLS, retries.
 *
 * Fields of the request, with a prefix ("src_", "dst_", or none): authfile, creds, token, no_creds, cert_dir, tls_verify (-1, 0,
 * 1), retries, retry_ms.
 */
#ifndef PM_ENGINE_TRANSFER_ACCESS_H
#define PM_ENGINE_TRANSFER_ACCESS_H

#include "base/err.h"
#include "engine/transfer/session.h"
#include "registry/client.h"
#include "registry/registries_conf.h"

struct pm_access {
	struct pm_registries conf;
	struct pm_client_options client; /* points into the session's request; retries are told to pm */
	unsigned int stall_seconds;
};

/* *ret is borrowed by what is made with it. s outlives it. */
int pm_access_load(struct pm_session *s, const char *prefix, struct pm_access *ret,
		   struct pm_err *err);
void pm_access_free(struct pm_access *a);
#define _cleanup_access_ _cleanup_(pm_access_free)

#endif
