/*
 * remote - how registries are to be reached, as the command line says, and requests to pm-transfer that name it.
 * Runs in pm.
 */
#ifndef PM_ENGINE_IMAGE_REMOTE_H
#define PM_ENGINE_IMAGE_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "registry/digest.h"

/* All pointers stay the caller's; NULL means the default. */
struct pm_remote {
	const char *authfile; /* instead of the default files; must exist */
	const char *creds;    /* USER[:PASSWORD] instead of any file */
	const char *token;    /* a bearer token instead of asking for one */
	const char *cert_dir; /* instead of certs.d */
	bool no_creds;        /* anonymously */
	int tls_verify;       /* -1: as registries.conf says; 0: allow HTTP and bad certificates; 1 */
	int64_t retries;      /* -1: the default */
	int64_t retry_ms;     /* -1: the default; the first pause, which doubles */
};

#define PM_REMOTE_INIT {.tls_verify = -1, .retries = -1, .retry_ms = -1}

/* A manifest as a destination got it. */
struct pm_written {
	char digest[PM_DIGEST_SIZE];
	int64_t size;
	char media_type[100];
};

/* Out of a message with digest, size, media_type. PM_E_INTERNAL when they are not there. */
int pm_written_read(const struct pm_wire *w, struct pm_written *ret, struct pm_err *err);

/* The fields that engine/transfer/access.h reads. */
void pm_remote_add(struct pm_wire *w, const char *prefix, const struct pm_remote *r);

/* Split "TRANSPORT:REST" ("docker://REST"); *ret_rest points into name. PM_E_USAGE without a transport. */
int pm_transport_split(const char *name, const char **ret_transport, const char **ret_rest,
		       struct pm_err *err);

#endif
