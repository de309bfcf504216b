/*
 * client_internal - what registry/client.c (reading) and registry/client_push.c (writing) share; nobody else
 * includes it.
 */
#ifndef PM_REGISTRY_CLIENT_INTERNAL_H
#define PM_REGISTRY_CLIENT_INTERNAL_H

#include "registry/auth.h"
#include "registry/client.h"

struct pm_client_endpoint {
	struct pm_reference ref;
	char *host;  /* as a URL wants it */
	char *where; /* domain/path, for messages */
	bool insecure;
	bool use_http;
	bool tls_loaded;
	struct pm_http_tls tls;
	char *authorization; /* NULL: none (yet) */
	bool bearer;         /* authorization is a token, of limited scope */
	bool credentials_loaded;
	struct pm_credentials credentials;
};

struct pm_client {
	struct pm_http *http;
	struct pm_client_options opts;
	struct pm_client_endpoint *v;
	size_t n, current;
	bool whole; /* of a registry, not of one repository: actions are the scope itself */
	char *also; /* another repository that tokens shall allow to read, or NULL */
};

/* One request to an endpoint. */
struct pm_client_ask {
	const char *method;      /* NULL: GET */
	const char *kind, *what; /* of the URL: /v2/REPOSITORY/KIND/WHAT; NULL: /v2/; or url */
	const char *url;         /* a whole one instead */
	const char *accept;
	size_t max;
	const void *data;        /* body */
	size_t data_len;
	const char *content_type;
	bool patient;
	int good[3]; /* statuses that are success; the first 0: 200 */
};

/* With authentication, http for insecure endpoints, and retries. On success *ret_x (to be freed) holds a reply of
 * good status; on failure the reply's status is in *ret_status (may be NULL), 0 without one. */
int pm_client_ask(struct pm_client *c, struct pm_client_endpoint *e,
		  const struct pm_client_ask *ask, struct pm_http_xfer **ret_x,
		  struct pm_http_reply **ret_reply, int *ret_status, struct pm_err *err);

/* Is url on the endpoint's own host and port, so that it may have our credentials? */
bool pm_client_is_ours(const struct pm_client_endpoint *e, const char *url);
void pm_client_forget_token(struct pm_client_endpoint *e);
int pm_client_load_tls(struct pm_client *c, struct pm_client_endpoint *e, struct pm_err *err);
/* Answer a 401: sets e->authorization, or fails with PM_E_UNAUTH. */
int pm_client_authenticate(struct pm_client *c, struct pm_client_endpoint *e,
			   const struct pm_http_reply *reply, struct pm_err *err);
char *pm_client_url(const struct pm_client_endpoint *e, const char *kind, const char *what);
/* The URL of 'Link: <URL>; rel="next"' if it stays on the reply's origin. The caller frees; NULL: none. */
char *pm_client_next_page(const struct pm_http_reply *reply);
/* The error of a reply's status and document. */
int pm_client_status_error(const struct pm_http_reply *reply, struct pm_err *err);
bool pm_client_retryable(int status);
unsigned int pm_client_pause(const struct pm_client *c, unsigned int attempt,
			     const struct pm_http_reply *reply);
/* Say that why is tried again, and wait. */
void pm_client_rest(struct pm_client *c, unsigned int ms, const struct pm_err *why);

#endif
