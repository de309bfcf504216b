#include "engine/transfer/fetch_url.h"

#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "engine/transfer/access.h"
#include "registry/http.h"

struct body {
	int fd;
	int64_t size;
	struct pm_err err;
};

static int take(void *arg, const void *data, size_t len)
{
	struct body *b = arg;
	b->size += (int64_t)len;
	return pm_fs_write_all(b->fd, data, len, &b->err);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7) as seconds since the epoch; -1: it is none. */
static int64_t http_date(const char *text)
{
	struct tm t = {0};
	const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t) : NULL;
	return end && !*end ? timegm(&t) : -1;
}

static int fetch(struct pm_session *s, struct pm_http *http, const struct pm_http_request *request,
		 struct body *b, struct pm_err *err)
{
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_http_do(http, request, &x, &reply, err);
	if (r < 0 && b->err.code)
		r = pm_fail(err, b->err.code, "%s", b->err.text);
	if (r >= 0 && reply->status != 200)
		r = pm_fail(err, PM_E_REMOTE, "the server answers %d", reply->status);
	if (r >= 0) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		pm_wire_add(&w, "type", "fetched");
		pm_wire_add_int(&w, "size", b->size);
		pm_wire_add_int(&w, "mtime", http_date(reply->last_modified));
		pm_wire_add(&w, "content_type", reply->content_type ? reply->content_type : "");
		r = pm_session_send(s, &w, err);
	}
	pm_http_free_xfer(x);
	return r;
}

int pm_fetch_url(struct pm_session *s, struct pm_err *err)
{
	const char *url = pm_wire_get(&s->request, "name");
	_cleanup_access_ struct pm_access access = {0};
	struct pm_http_tls tls = {0};
	struct pm_http *http = NULL;
	struct body b = {.fd = s->output};
	_cleanup_free_ char *origin = url ? pm_http_origin(url) : NULL;
	if (!origin)
		return pm_fail(err, PM_E_USAGE,
			       "\"%.300s\" is no URL that pm fetches: it must be http or https, "
			       "without a user's name",
			       url ? url : "");
	int r = pm_access_load(s, "", &access, err);
	tls.no_verify = access.client.tls_verify == 0;
	if (r >= 0 && access.client.cert_dir)
		r = pm_http_tls_load(&tls, access.client.cert_dir, err);
	if (r >= 0)
		r = pm_http_new(access.stall_seconds, &http, err);
	if (r >= 0) {
		struct pm_http_request request = {.url = url,
						  .tls = &tls,
						  .body = take,
						  .arg = &b,
						  .allow_http = pm_startswith(url, "http:")};
		r = fetch(s, http, &request, &b, err);
	}
	pm_http_free(http);
	pm_http_tls_free(&tls);
	return r < 0 ? pm_wrap(err, "fetch %.300s", url) : 0;
}
