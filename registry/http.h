/*
 * http - HTTP requests for pm-transfer by one libcurl multi handle: parallel, HTTP/1.1 and 2, keep-alive,
 * proxies from the environment, with the rules that libcurl leaves to its caller:
 *
 * - Redirects are followed here (at most 10): Authorization, cookies and client certificates never
 *   go to another origin (scheme, host, port), and https never becomes http. A request with a body is
 *   repeated only for 307 and 308.
 * - Content is never decoded: its digest is that of the bytes on the wire.
 * - A body that stalls (under 100 bytes/s for the stall time) or a connection that does not come
 *   about fails; documents (not blobs) have a bound on their size and total time too.
 *
 * Single-threaded. Only pm-transfer links it.
 */
#ifndef PM_REGISTRY_HTTP_H
#define PM_REGISTRY_HTTP_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "registry/http_reply.h"
#include "registry/http_tls.h"
#include "registry/http_url.h"

struct pm_http;

int pm_http_new(unsigned int stall_seconds, struct pm_http **ret, struct pm_err *err);
/* Give up (PM_E_CANCELLED, within a second) when *cancel, which must outlive h, becomes true. */
void pm_http_cancel_on(struct pm_http *h, const atomic_bool *cancel);
/* Bytes to read from a connection at once; what is not set is fast and takes much memory. */
void pm_http_read_size(struct pm_http *h, size_t bytes);
void pm_http_free(struct pm_http *h); /* requests must be freed before; NULL is fine */

/* body: 0: taken, 1: not now - the transfer pauses until pm_http_resume, and then gives the same bytes
 * again; negative: give up (the request ends with PM_E_CANCELLED). */
typedef int pm_http_body_fn(void *arg, const void *data, size_t len);

/* Fill buf with up to len bytes of the request's body; may block. 0: the end, negative: give up. */
typedef ssize_t pm_http_send_fn(void *arg, void *buf, size_t len);

/* url, authorization and form are copied; the other pointers are borrowed until the request is freed. */
struct pm_http_request {
	const char *url;
	const char *method;        /* NULL: GET, or POST with a form */
	const char *authorization; /* the header's value, or NULL */
	const char *accept;        /* the header's value, or NULL */
	const char *form;          /* POST this form instead of GET */
	const void *data;          /* the body of a method that has one: data_len bytes, */
	size_t data_len;
	pm_http_send_fn *send;     /* ... or what this gives: send_size bytes, -1: until it ends. Redirects */
	void *send_arg;            /* are then not followed: the caller gets them as the reply */
	int64_t send_size;
	const char *content_type, *content_range; /* headers' values of the body, or NULL */
	const char *socket;        /* path of a unix socket to connect to instead of the URL's host, or NULL */
	bool patient;              /* the server may need minutes before it answers */
	const struct pm_http_tls *tls;
	bool allow_http;       /* redirects may go to http: */
	int64_t from;          /* > 0: Range: bytes=from- */
	size_t max;            /* body bound when it is kept (body == NULL) */
	pm_http_body_fn *body; /* gets the body of a 200 or 206; NULL: kept in reply.body */
	void *arg;
};

struct pm_http_xfer;

/* Begin; it runs whenever pm_http_step runs. */
int pm_http_start(struct pm_http *h, const struct pm_http_request *req, struct pm_http_xfer **ret,
		  struct pm_err *err);
bool pm_http_done(const struct pm_http_xfer *x);
/* The reply so far, for a body function: status and headers are there. x keeps it. */
const struct pm_http_reply *pm_http_reply_now(const struct pm_http_xfer *x);
/* Valid from done on. Returns 0 when a reply came (of whatever status), else its error's code:
 * PM_E_REMOTE for what may go away (connection, truncation, stall), PM_E_FORMAT too large,
 * PM_E_UNSUPPORTED TLS trouble that a retry does not mend. */
int pm_http_result(struct pm_http_xfer *x, struct pm_http_reply **ret, struct pm_err *err);
bool pm_http_tls_trouble(const struct pm_http_xfer *x);  /* certificate or handshake refused */
bool pm_http_not_http(const struct pm_http_xfer *x);     /* refused or no TLS spoken: http may do */
void pm_http_resume(struct pm_http_xfer *x);
void pm_http_free_xfer(struct pm_http_xfer *x); /* ends it if need be; NULL is fine */

/* Move all transfers on; wait for up to timeout_ms for something to happen, extra descriptors included.
 * fds' revents are filled. */
int pm_http_step(struct pm_http *h, struct pollfd *fds, unsigned int n_fds, int timeout_ms,
		 struct pm_err *err);

/* Start and step until done; other transfers move on meanwhile. The caller frees *ret. Returns as
 * pm_http_result. */
int pm_http_do(struct pm_http *h, const struct pm_http_request *req, struct pm_http_xfer **ret,
	       struct pm_http_reply **ret_reply, struct pm_err *err);

#endif
