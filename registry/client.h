/*
 * client - the OCI distribution API (1.1, and Docker's version 2) for one repository: manifests by tag or
 * digest, blobs, the list of tags, and uploads; with authentication, mirrors and bounded retries.
 *
 * Endpoints are tried in order until one delivers a manifest; blobs then come from that one. https
 * only, unless the endpoint is insecure: then https with any certificate, then http. Credentials are
 * looked up when the registry asks for them, and go only to it and to the token server it names (over
 * https, unless the registry itself is reached by http).
 *
 * Runs in pm-transfer. Errors name the registry and the repository.
 */
#ifndef PM_REGISTRY_CLIENT_H
#define PM_REGISTRY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "registry/digest.h"
#include "registry/http.h"
#include "registry/reference.h"
#include "registry/registries_conf.h"
#include "registry/stream.h"

/* Borrowed for the client's life. */
struct pm_client_options {
	const char *authfile, *creds, *cert_dir;
	const struct pm_strv *helpers; /* credential-helpers of registries.conf, or NULL */
	const char *token;       /* a bearer token to use instead of asking for one */
	bool no_creds;           /* use no credentials even where there are some */
	const char *actions;     /* what tokens are asked for: "pull,push", "*"; NULL: "pull". With actions
				    the registry itself is used, no mirror */
	int tls_verify;          /* -1: as the endpoint says */
	unsigned int retries;    /* of one request, 3 */
	unsigned int retry_ms;   /* the first pause; doubles each time */
	/* Tell the user that something is tried again; may be NULL. */
	void (*retrying)(void *arg, const char *what, unsigned int pause_ms);
	void *arg;
};

struct pm_client;

/* A client of a registry as a whole: for pm_client_login, pm_client_search. host: "HOST[:PORT]". */
int pm_client_new_registry(struct pm_http *http, const struct pm_registries *conf, const char *host,
			   const struct pm_client_options *options, struct pm_client **ret,
			   struct pm_err *err);
/* conf is read only during the call. */
int pm_client_new(struct pm_http *http, const struct pm_registries *conf,
		  const struct pm_reference *ref, const struct pm_client_options *options,
		  struct pm_client **ret, struct pm_err *err);
void pm_client_free(struct pm_client *c); /* NULL is fine */
/* Another one with what c knows by now (endpoint, token), for another thread's http. */
struct pm_client *pm_client_clone(const struct pm_client *c, struct pm_http *http);

/* A manifest or index by tag or digest; verified when by digest. *ret_type (the caller frees) is its
 * Content-Type or NULL. PM_E_NOSUCH: "manifest unknown". */
int pm_client_manifest(struct pm_client *c, const char *tag_or_digest, struct pm_buf *out,
		       char **ret_type, struct pm_err *err);
/* A small blob, verified: the config. */
int pm_client_blob(struct pm_client *c, const char *digest, int64_t size, struct pm_buf *out,
		   struct pm_err *err);
/* A document at any URL, without credentials. PM_E_NOSUCH. */
int pm_client_document(struct pm_client *c, const char *url, size_t max, struct pm_buf *out,
		       struct pm_err *err);
/* Every tag of the repository, in the registry's order; at most 10,000. */
int pm_client_tags(struct pm_client *c, struct pm_strv *ret, struct pm_err *err);

/* Begin to fetch a blob from offset from; not verified. body as in http.h. The caller looks at
 * the transfer's result with pm_client_blob_verdict. After pm_client_manifest only. */
int pm_client_blob_start(struct pm_client *c, const char *digest, int64_t from,
			 pm_http_body_fn *body, void *arg, struct pm_http_xfer **ret,
			 struct pm_err *err);

enum pm_verdict {
	PM_VERDICT_GOOD,
	PM_VERDICT_RETRY,   /* try again after *ret_pause_ms */
	PM_VERDICT_REAUTH,  /* credentials were renewed: try again at once */
	PM_VERDICT_FATAL,
};
/* What to make of a finished blob transfer; err is set unless it is GOOD. attempt counts from 0. */
enum pm_verdict pm_client_blob_verdict(struct pm_client *c, struct pm_http_xfer *x,
				       const char *digest, unsigned int attempt,
				       unsigned int *ret_pause_ms, struct pm_err *err);

/* Is there another try after attempt (from 0) failed? */
bool pm_client_may_retry(const struct pm_client *c, unsigned int attempt);
/* Tell whom c's options name that why is tried again after ms. */
void pm_client_tell_retry(struct pm_client *c, unsigned int ms, const struct pm_err *why);

/* Does the registry take the credentials? PM_E_UNAUTH when not. */
int pm_client_login(struct pm_client *c, struct pm_err *err);
/* Ask the registry's search (version 1 of Docker's API), or look through its catalogue. Adds objects with name,
 * description, star_count, is_official, is_automated to list, an array of pool's. At most limit. */
int pm_client_search(struct pm_client *c, const char *term, unsigned int limit,
		     struct pm_json_pool *pool, struct pm_json *list, struct pm_err *err);

/* --- writing (registry/client_push.c); c was made with actions "pull,push" --- */

/* Talk to the registry once, so that it is known how (https or http) and as whom. */
int pm_client_ping(struct pm_client *c, struct pm_err *err);
/* Is the blob in the repository? 1 and its size (-1: not said), or 0. */
int pm_client_has_blob(struct pm_client *c, const char *digest, int64_t *ret_size,
		       struct pm_err *err);
/* Take the blob over from another repository of this registry: 1 done, 0: it is not (or may not be) taken. */
int pm_client_mount(struct pm_client *c, const char *digest, const char *repository,
		    struct pm_err *err);
/* Upload a blob; see pm_destination_put_blob. */
int pm_client_put_blob(struct pm_client *c, const struct pm_stream *in, const char *digest,
		       int64_t size, char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size,
		       struct pm_err *err);
/* Store a manifest under a tag or its digest. One with a subject is added to the list of referrers (tag
 * "sha256-HEX") where the registry does not keep that itself. */
int pm_client_put_manifest(struct pm_client *c, const char *tag_or_digest, const char *media_type,
			   const void *data, size_t len, struct pm_err *err);
/* Remove the manifest of that digest. */
int pm_client_delete(struct pm_client *c, const char *digest, struct pm_err *err);

/* What c was made with. */
struct pm_http *pm_client_http(struct pm_client *c);
/* The endpoint in use, "host:port/repository". c keeps it. */
const char *pm_client_where(const struct pm_client *c);

#endif
