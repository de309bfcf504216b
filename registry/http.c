#include "registry/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"

enum {
	REDIRECTS_MAX = 10,
	ERROR_BODY_MAX = 64 << 10,
	HEADERS_MAX = 256 << 10,
	CONNECT_SECONDS = 30,
	DOCUMENT_SECONDS = 120,
	PATIENCE = 10, /* times the stall time */
	BUFFER_SIZE = 512 << 10,
};

struct pm_http {
	CURLM *multi;
	unsigned int stall_seconds;
	const atomic_bool *cancel; /* or NULL */
	size_t read_size;
};

struct pm_http_xfer {
	struct pm_http *http;
	struct pm_http_request req;
	CURL *easy;
	struct curl_slist *headers;
	char *url;
	char *authorization; /* a copy: the registry's may be renewed meanwhile */
	char *origin; /* of the first request: the only one that gets credentials */
	unsigned int redirects;
	size_t header_bytes;
	struct pm_http_reply reply;
	char errbuf[CURL_ERROR_SIZE];
	CURLcode result;
	bool done, added, paused, too_large, gave_up, stalled;
	/* Of a body that is sent: bytes taken from the caller, and when something moved last (monotonic ms). */
	int64_t sent, moved_at;
	curl_off_t moved;
	bool all_sent;
	struct pm_err err;
};

int pm_http_new(unsigned int stall_seconds, struct pm_http **ret, struct pm_err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return pm_fail(err, PM_E_INTERNAL, "cannot set up libcurl");
	struct pm_http *h = PM_NEW(struct pm_http);
	h->stall_seconds = stall_seconds;
	h->read_size = BUFFER_SIZE;
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return pm_fail(err, PM_E_INTERNAL, "cannot set up libcurl");
	}
	*ret = h;
	return 0;
}

void pm_http_read_size(struct pm_http *h, size_t bytes)
{
	h->read_size = bytes;
}

void pm_http_cancel_on(struct pm_http *h, const atomic_bool *cancel)
{
	h->cancel = cancel;
}

void pm_http_free(struct pm_http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h);
}

/* --- one transfer -------------------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct pm_http_xfer *x = arg;
	size_t len = size * n;
	x->header_bytes += len;
	if (x->header_bytes > HEADERS_MAX)
		return 0;
	pm_http_reply_header(&x->reply, line, len);
	return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct pm_http_xfer *x = arg;
	size_t len = size * n;
	bool good = x->reply.status == 200 || x->reply.status == 206;
	if (good && x->req.body) {
		int r = x->req.body(x->req.arg, data, len);
		if (r > 0) {
			x->paused = true;
			return CURL_WRITEFUNC_PAUSE;
		}
		x->gave_up = r < 0;
		return r < 0 ? CURL_WRITEFUNC_ERROR : len;
	}
	size_t max = good ? x->req.max : ERROR_BODY_MAX;
	if (len > max - x->reply.body.len) {
		x->too_large = good;
		if (good)
			return CURL_WRITEFUNC_ERROR;
		len = max - x->reply.body.len;
		pm_buf_add(&x->reply.body, data, len);
		return size * n;
	}
	pm_buf_add(&x->reply.body, data, len);
	return len;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that takes no more is given up soon, one that has all and thinks about it not. */
static int on_transfer(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	struct pm_http_xfer *x = arg;
	(void)dltotal;
	(void)ultotal;
	int64_t now = now_ms(), limit = (int64_t)x->http->stall_seconds * 1000;
	if (dlnow + ulnow != x->moved) {
		x->moved = dlnow + ulnow;
		x->moved_at = now;
	}
	x->stalled = now - x->moved_at > (x->all_sent ? limit * PATIENCE : limit);
	return x->stalled;
}

static size_t on_send(char *buf, size_t size, size_t n, void *arg)
{
	struct pm_http_xfer *x = arg;
	ssize_t got = x->req.send(x->req.send_arg, buf, size * n);
	x->gave_up = got < 0;
	if (got > 0)
		x->sent += got;
	x->all_sent = got == 0 || x->sent == x->req.send_size;
	x->moved_at = now_ms(); /* however long the caller took */
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* value NULL: without that header. */
static void add_header(struct pm_http_xfer *x, const char *name, const char *value)
{
	_cleanup_free_ char *line = pm_asprintf("%s:%s%s", name, value ? " " : "", value ? value : "");
	struct curl_slist *l = curl_slist_append(x->headers, line);
	if (l)
		x->headers = l;
	explicit_bzero(line, strlen(line));
}

static void set_tls(struct pm_http_xfer *x, bool same_origin)
{
	const struct pm_http_tls *t = x->req.tls;
	const char *file = getenv("SSL_CERT_FILE");
	if (file && *file)
		curl_easy_setopt(x->easy, CURLOPT_CAINFO, file);
	curl_easy_setopt(x->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!t)
		return;
	if (t->no_verify) {
		curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->ca.len) {
		struct curl_blob blob = {.data = t->ca.data, .len = t->ca.len, .flags = CURL_BLOB_COPY};
		curl_easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (t->cert && same_origin) {
		curl_easy_setopt(x->easy, CURLOPT_SSLCERT, t->cert);
		curl_easy_setopt(x->easy, CURLOPT_SSLKEY, t->key);
	}
}

/* The method and its body. */
static void set_method(struct pm_http_xfer *x, bool same_origin)
{
	const struct pm_http_request *q = &x->req;
	CURL *e = x->easy;
	if (q->method && strcmp(q->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	/* A form holds credentials: like Authorization it is for the first origin only. */
	if (q->form && same_origin)
		curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, q->form);
	if (!q->method || strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0)
		return;
	if (q->send) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->send_size);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
		curl_easy_setopt(e, CURLOPT_READDATA, x);
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_SIZE);
		curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_transfer);
		curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
		curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 0L);
		x->moved_at = now_ms();
	} else if (strcmp(q->method, "DELETE") != 0) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->data_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, q->data_len ? q->data : "");
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->method);
	/* libcurl's own would be that of a form. */
	if (q->content_type)
		add_header(x, "Content-Type", q->content_type);
	else
		add_header(x, "Content-Type", NULL);
	if (q->content_range)
		add_header(x, "Content-Range", q->content_range);
}

/* Set the easy handle up for x->url and hand it to the multi handle. */
static int launch(struct pm_http_xfer *x)
{
	_cleanup_free_ char *origin = pm_http_origin(x->url);
	if (!origin)
		return pm_fail(&x->err, PM_E_REMOTE, "'%.300s' is not an http(s) address", x->url);
	bool same = strcmp(origin, x->origin) == 0;
	curl_slist_free_all(x->headers);
	x->headers = NULL;
	if (!x->easy)
		x->easy = curl_easy_init();
	if (!x->easy)
		return pm_fail(&x->err, ENOMEM, "cannot set up libcurl");
	CURL *e = x->easy;
	curl_easy_reset(e);
	x->errbuf[0] = '\0';
	x->header_bytes = 0;
	pm_http_reply_clear(&x->reply);
	if (x->authorization && same)
		add_header(x, "Authorization", x->authorization);
	if (x->req.accept)
		add_header(x, "Accept", x->req.accept);
	if (x->req.from > 0) {
		char range[32];
		snprintf(range, sizeof(range), "%lld-", (long long)x->req.from);
		curl_easy_setopt(e, CURLOPT_RANGE, range);
	}
	curl_easy_setopt(e, CURLOPT_URL, x->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "pm/" PM_VERSION);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)x->http->stall_seconds * (x->req.patient ? PATIENCE : 1));
	if (!x->req.body && !x->req.send && !x->req.patient)
		curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)DOCUMENT_SECONDS);
	else
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)x->http->read_size);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->errbuf);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	set_method(x, same);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	if (x->req.socket)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, x->req.socket);
	set_tls(x, same);
	if (curl_multi_add_handle(x->http->multi, e) != CURLM_OK)
		return pm_fail(&x->err, PM_E_INTERNAL, "libcurl refuses a request");
	x->added = true;
	return 0;
}

int pm_http_start(struct pm_http *h, const struct pm_http_request *req, struct pm_http_xfer **ret,
		  struct pm_err *err)
{
	struct pm_http_xfer *x = PM_NEW(struct pm_http_xfer);
	x->http = h;
	x->req = *req;
	x->url = pm_strdup(req->url);
	x->authorization = pm_strdup_null(req->authorization);
	x->req.url = NULL;
	x->req.authorization = NULL;
	x->origin = pm_http_origin(req->url);
	pm_http_reply_clear(&x->reply);
	int r = x->origin ? launch(x)
			  : pm_fail(&x->err, PM_E_REMOTE, "'%.300s' is not an http(s) address",
				    req->url);
	if (r < 0) {
		if (err)
			*err = x->err;
		pm_http_free_xfer(x);
		return r;
	}
	*ret = x;
	return 0;
}

void pm_http_free_xfer(struct pm_http_xfer *x)
{
	if (!x)
		return;
	if (x->added)
		curl_multi_remove_handle(x->http->multi, x->easy);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	pm_http_reply_clear(&x->reply);
	if (x->authorization)
		explicit_bzero(x->authorization, strlen(x->authorization));
	free(x->authorization);
	free(x->url);
	free(x->origin);
	free(x);
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* 1: launched again, 0: no redirect, negative: a bad one. */
static int redirect(struct pm_http_xfer *x)
{
	if (!is_redirect(x->reply.status) || !x->reply.location || x->req.send)
		return 0;
	bool has_body = x->req.method && strcmp(x->req.method, "GET") != 0 &&
			strcmp(x->req.method, "HEAD") != 0;
	if (has_body && x->reply.status != 307 && x->reply.status != 308)
		return 0;
	if (++x->redirects > REDIRECTS_MAX)
		return pm_fail(&x->err, PM_E_REMOTE, "more than %d redirects from %s",
			       REDIRECTS_MAX, x->origin);
	_cleanup_free_ char *url = pm_http_join(x->url, x->reply.location);
	_cleanup_free_ char *origin = url ? pm_http_origin(url) : NULL;
	if (!origin)
		return pm_fail(&x->err, PM_E_REMOTE, "redirected to '%.300s', which is not an "
						     "http(s) address",
			       x->reply.location);
	if (pm_startswith(origin, "http:") && !x->req.allow_http &&
	    pm_startswith(x->origin, "https:"))
		return pm_fail(&x->err, PM_E_REMOTE, "redirected from https to '%.300s', which is "
						     "not encrypted",
			       url);
	pm_debug("redirected to %s", origin);
	free(x->url);
	x->url = pm_steal(&url);
	int r = launch(x);
	return r < 0 ? r : 1;
}

static void finished(struct pm_http_xfer *x, CURLcode code)
{
	curl_multi_remove_handle(x->http->multi, x->easy);
	x->added = false;
	x->result = code;
	if (code == CURLE_OK) {
		if (redirect(x) == 1)
			return;
		x->reply.final_url = pm_strdup(x->url);
	}
	x->done = true;
}

int pm_http_step(struct pm_http *h, struct pollfd *fds, unsigned int n_fds, int timeout_ms,
		 struct pm_err *err)
{
	int running;
	if (h->cancel && atomic_load(h->cancel))
		return pm_fail(err, PM_E_CANCELLED, "given up");
	CURLMcode m = curl_multi_perform(h->multi, &running);
	CURLMsg *msg;
	int left;
	bool any = false;
	while (m == CURLM_OK && (msg = curl_multi_info_read(h->multi, &left))) {
		struct pm_http_xfer *x = NULL;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		if (msg->msg == CURLMSG_DONE && x) {
			finished(x, code);
			any = true;
		}
	}
	enum { FDS_MAX = 64 };
	struct curl_waitfd w[FDS_MAX];
	if (n_fds > FDS_MAX)
		return pm_fail(err, PM_E_INTERNAL, "too many descriptors to wait for");
	for (unsigned int i = 0; i < n_fds; i++)
		w[i] = (struct curl_waitfd){
			.fd = fds[i].fd,
			.events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
					  (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)),
		};
	if (m == CURLM_OK)
		m = curl_multi_poll(h->multi, w, n_fds, any ? 0 : timeout_ms, NULL);
	if (m != CURLM_OK)
		return pm_fail(err, PM_E_INTERNAL, "libcurl: %s", curl_multi_strerror(m));
	/* libcurl does not report POLLHUP and POLLERR alone. */
	if (n_fds && poll(fds, n_fds, 0) < 0)
		return pm_fail_sys(err, "poll");
	return 0;
}

bool pm_http_done(const struct pm_http_xfer *x)
{
	return x->done;
}

const struct pm_http_reply *pm_http_reply_now(const struct pm_http_xfer *x)
{
	return &x->reply;
}

void pm_http_resume(struct pm_http_xfer *x)
{
	if (!x->paused || !x->added)
		return;
	x->paused = false;
	curl_easy_pause(x->easy, CURLPAUSE_CONT);
}

bool pm_http_tls_trouble(const struct pm_http_xfer *x)
{
	return x->result == CURLE_PEER_FAILED_VERIFICATION || x->result == CURLE_SSL_CONNECT_ERROR ||
	       x->result == CURLE_SSL_CERTPROBLEM || x->result == CURLE_SSL_CACERT_BADFILE ||
	       x->result == CURLE_SSL_CIPHER || x->result == CURLE_SSL_ISSUER_ERROR;
}

bool pm_http_not_http(const struct pm_http_xfer *x)
{
	return x->result == CURLE_SSL_CONNECT_ERROR || x->result == CURLE_COULDNT_CONNECT ||
	       x->result == CURLE_GOT_NOTHING || x->result == CURLE_RECV_ERROR;
}

int pm_http_result(struct pm_http_xfer *x, struct pm_http_reply **ret, struct pm_err *err)
{
	if (x->err.code) {
		if (err)
			*err = x->err;
		return -x->err.code;
	}
	if (x->result == CURLE_OK) {
		*ret = &x->reply;
		return 0;
	}
	if (x->too_large)
		return pm_fail(err, PM_E_FORMAT, "the reply is larger than the %zu bytes allowed",
			       x->req.max);
	if (x->stalled) {
		_cleanup_free_ char *where = pm_http_origin(x->url);
		*ret = &x->reply;
		return pm_fail(err, PM_E_REMOTE, "%s does not answer in time", where);
	}
	if (x->gave_up)
		return pm_fail(err, PM_E_CANCELLED, "given up");
	const char *text = x->errbuf[0] ? x->errbuf : curl_easy_strerror(x->result);
	_cleanup_free_ char *origin = pm_http_origin(x->url);
	*ret = &x->reply;
	if (x->result == CURLE_PARTIAL_FILE)
		return pm_fail(err, PM_E_REMOTE, "%s closed the connection before the end", origin);
	/* OpenSSL's words for it help nobody. */
	if (x->result == CURLE_SSL_CONNECT_ERROR && strstr(text, "wrong version number"))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "%s: the server speaks HTTP, not HTTPS (--tls-verify=false, or insecure "
			       "in registries.conf, allows that)",
			       origin);
	if (x->result == CURLE_OPERATION_TIMEDOUT)
		return pm_fail(err, PM_E_REMOTE, "%s does not answer in time: %s", origin, text);
	return pm_fail(err, pm_http_tls_trouble(x) ? PM_E_UNSUPPORTED : PM_E_REMOTE, "%s: %s",
		       origin, text);
}

int pm_http_do(struct pm_http *h, const struct pm_http_request *req, struct pm_http_xfer **ret,
	       struct pm_http_reply **ret_reply, struct pm_err *err)
{
	struct pm_http_xfer *x;
	int r = pm_http_start(h, req, &x, err);
	if (r < 0)
		return r;
	while (!x->done) {
		r = pm_http_step(h, NULL, 0, 1000, err);
		if (r < 0) {
			pm_http_free_xfer(x);
			return r;
		}
	}
	*ret = x;
	return pm_http_result(x, ret_reply, err);
}
