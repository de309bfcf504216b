/*
 * http_tls - how to trust and be trusted by a registry: what a certs.d directory holds (containers-certs.d(5)).
 */
#ifndef PM_REGISTRY_HTTP_TLS_H
#define PM_REGISTRY_HTTP_TLS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_http_tls {
	bool no_verify;    /* accept any certificate */
	struct pm_buf ca;  /* PEM: what to trust besides the system's; empty: the system's only */
	char *cert, *key;  /* paths of a client certificate and key; owned; may be NULL */
};

void pm_http_tls_free(struct pm_http_tls *t);
/* Fill from a certs.d directory: *.crt are trusted, NAME.cert with NAME.key is ours. A missing directory
 * is success; a .cert without .key is PM_E_FORMAT. */
int pm_http_tls_load(struct pm_http_tls *t, const char *dir, struct pm_err *err);

#endif
