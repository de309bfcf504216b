#include "registry/daemon.h"

#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "registry/http.h"
#include "registry/stream.h"

enum { REPLY_MAX = 4 << 20, STALL_SECONDS = 60 };

struct host {
	char *base;   /* "http://host" */
	char *socket; /* NULL: tcp */
};

static void host_free(struct host *h)
{
	free(h->base);
	free(h->socket);
}

static int find_host(const char *text, struct host *ret, struct pm_err *err)
{
	const char *env = getenv("DOCKER_HOST"), *tls = getenv("DOCKER_TLS_VERIFY");
	if (!text)
		text = env && *env ? env : "unix:///var/run/docker.sock";
	if (pm_startswith(text, "unix://") && text[7] == '/') {
		*ret = (struct host){pm_strdup("http://docker"), pm_strdup(text + 7)};
		return 0;
	}
	const char *rest = pm_startswith(text, "tcp://")    ? text + 6
			   : pm_startswith(text, "http://") ? text + 7
							    : NULL;
	if (!rest || !*rest || (tls && *tls))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "the docker daemon at '%.200s': only unix:///PATH and tcp://HOST:PORT "
			       "without TLS are supported",
			       text);
	char *base = pm_asprintf("http://%s", rest);
	for (size_t n = strlen(base); n && base[n - 1] == '/';)
		base[--n] = '\0';
	*ret = (struct host){base, NULL};
	return 0;
}

/* The daemon's own words for a failure. */
static int refused(const struct pm_http_reply *reply, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	const char *text = NULL;
	if (pm_json_parse(pool, pm_buf_str(&reply->body), reply->body.len, &root, NULL) >= 0)
		text = pm_json_get_str(root, "message");
	return pm_fail(err, reply->status == 404 ? PM_E_NOSUCH : PM_E_REMOTE,
		       "docker daemon: %.500s (status %d)", text ? text : "request failed",
		       reply->status);
}

static int ask(const char *host, struct pm_http_request *req, const char *path, bool in_body,
	       struct pm_err *err)
{
	struct host h = {0};
	struct pm_http *http;
	int r = find_host(host, &h, err);
	if (r < 0)
		return r;
	r = pm_http_new(STALL_SECONDS, &http, err);
	if (r < 0) {
		host_free(&h);
		return r;
	}
	_cleanup_free_ char *url = pm_asprintf("%s%s", h.base, path);
	struct pm_http_xfer *x = NULL;
	struct pm_http_reply *reply = NULL;
	req->url = url;
	req->socket = h.socket;
	req->allow_http = true;
	req->patient = true;
	req->max = REPLY_MAX;
	r = pm_http_do(http, req, &x, &reply, err);
	if (r < 0)
		r = pm_wrap(err, "docker daemon at %s", h.socket ? h.socket : h.base);
	else if (reply->status != 200)
		r = refused(reply, err);
	/* A failure to load comes as a line of a good reply. */
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	if (r >= 0 && in_body)
		pm_strv_split(&lines, pm_buf_str(&reply->body), '\n');
	for (size_t i = 0; r >= 0 && i < lines.n; i++) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		struct pm_json *root;
		if (pm_json_parse(pool, lines.v[i], strlen(lines.v[i]), &root, NULL) >= 0 &&
		    pm_json_get_str(root, "error"))
			r = pm_fail(err, PM_E_REMOTE, "docker daemon: %.500s",
				    pm_json_get_str(root, "error"));
	}
	pm_http_free_xfer(x);
	pm_http_free(http);
	host_free(&h);
	return r;
}

static ssize_t send_file(void *arg, void *buf, size_t len)
{
	struct pm_stream *in = arg;
	return in->read(in->arg, buf, len, NULL);
}

int pm_daemon_load(const char *host, int fd, int64_t size, struct pm_err *err)
{
	struct pm_stream_file file = {.fd = fd, .size = size};
	struct pm_stream in = pm_stream_of_file(&file);
	struct pm_http_request req = {
		.method = "POST",
		.send = send_file,
		.send_arg = &in,
		.send_size = size,
		.content_type = "application/x-tar",
	};
	return ask(host, &req, "/images/load?quiet=1", true, err);
}

static int take_file(void *arg, const void *data, size_t len)
{
	return pm_fs_write_all(*(int *)arg, data, len, NULL) < 0 ? -1 : 0;
}

int pm_daemon_get(const char *host, const char *name, int fd, struct pm_err *err)
{
	_cleanup_free_ char *escaped = pm_http_escape(name);
	_cleanup_free_ char *path = pm_asprintf("/images/%s/get", escaped);
	struct pm_http_request req = {.body = take_file, .arg = &fd};
	return ask(host, &req, path, false, err);
}

int pm_daemon_delete(const char *host, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *escaped = pm_http_escape(name);
	_cleanup_free_ char *path = pm_asprintf("/images/%s", escaped);
	struct pm_http_request req = {.method = "DELETE"};
	return ask(host, &req, path, false, err);
}
