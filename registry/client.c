#include "registry/client.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "registry/challenge.h"
#include "registry/client_internal.h"
#include "registry/digest.h"
#include "registry/manifest.h"

enum {
	TOKEN_REPLY_MAX = 1 << 20,
	TAGS_REPLY_MAX = 4 << 20,
	TAGS_MAX = 10000,
	PAUSE_MAX_MS = 60 * 1000,
};

#define ACCEPT_MANIFESTS                                                                           \
	PM_MT_OCI_MANIFEST ", " PM_MT_OCI_INDEX ", " PM_MT_DOCKER_MANIFEST ", " PM_MT_DOCKER_LIST

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void endpoint_free(struct pm_client_endpoint *e)
{
	pm_reference_free(&e->ref);
	pm_http_tls_free(&e->tls);
	pm_credentials_free(&e->credentials);
	wipe(e->authorization);
	free(e->host);
	free(e->where);
}

void pm_client_free(struct pm_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		endpoint_free(&c->v[i]);
	free(c->v);
	free(c->also);
	free(c);
}

struct pm_http *pm_client_http(struct pm_client *c)
{
	return c->http;
}

const char *pm_client_where(const struct pm_client *c)
{
	return c->v[c->current].where;
}

int pm_client_new(struct pm_http *http, const struct pm_registries *conf,
		  const struct pm_reference *ref, const struct pm_client_options *options,
		  struct pm_client **ret, struct pm_err *err)
{
	_cleanup_endpoints_ struct pm_endpoints list = {0};
	int r = pm_registries_endpoints(conf, ref, &list, err);
	if (r < 0)
		return r;
	struct pm_client *c = PM_NEW(struct pm_client);
	c->http = http;
	c->opts = *options;
	/* Only the registry itself, which comes last, is written to. */
	size_t first = options->actions ? list.n - 1 : 0;
	c->v = pm_calloc(list.n - first, sizeof(*c->v));
	c->n = list.n - first;
	for (size_t i = 0; i < c->n; i++) {
		struct pm_client_endpoint *e = &c->v[i];
		pm_reference_copy(&list.v[first + i].ref, &e->ref);
		pm_reference_normalize(&e->ref);
		/* The name people use and the host that serves it differ for this one. */
		bool hub = strcmp(e->ref.domain, "docker.io") == 0;
		e->host = pm_strdup(hub ? "registry-1.docker.io" : e->ref.domain);
		e->where = pm_reference_name(&e->ref);
		e->insecure = options->tls_verify == 0 ||
			      (options->tls_verify < 0 && list.v[first + i].insecure);
		if (options->token)
			e->authorization = pm_asprintf("Bearer %s", options->token);
	}
	*ret = c;
	return 0;
}

int pm_client_new_registry(struct pm_http *http, const struct pm_registries *conf, const char *host,
			   const struct pm_client_options *options, struct pm_client **ret,
			   struct pm_err *err)
{
	/* Settings of registries.conf are by repository; that of any name there says how to reach it. */
	_cleanup_free_ char *name = pm_asprintf("%s/x", host);
	struct pm_reference ref;
	struct pm_client_options o = *options;
	int r = pm_reference_parse(name, &ref, NULL);
	if (r < 0 || !ref.domain) {
		if (r >= 0)
			pm_reference_free(&ref);
		return pm_fail(err, PM_E_USAGE, "'%.200s' is not a registry: write HOST[:PORT]", host);
	}
	if (!o.actions)
		o.actions = ""; /* no mirror */
	r = pm_client_new(http, conf, &ref, &o, ret, err);
	pm_reference_free(&ref);
	if (r < 0)
		return r;
	(*ret)->whole = true;
	(*ret)->opts.actions = options->actions;
	free((*ret)->v[0].where);
	(*ret)->v[0].where = pm_strdup(host);
	return 0;
}

struct pm_client *pm_client_clone(const struct pm_client *c, struct pm_http *http)
{
	struct pm_client *n = PM_NEW(struct pm_client);
	*n = *c;
	n->http = http;
	n->also = pm_strdup_null(c->also);
	n->v = pm_calloc(c->n, sizeof(*n->v));
	for (size_t i = 0; i < c->n; i++) {
		const struct pm_client_endpoint *from = &c->v[i];
		struct pm_client_endpoint *to = &n->v[i];
		pm_reference_copy(&from->ref, &to->ref);
		to->host = pm_strdup(from->host);
		to->where = pm_strdup(from->where);
		to->insecure = from->insecure;
		to->use_http = from->use_http;
		to->authorization = pm_strdup_null(from->authorization);
		to->bearer = from->bearer;
	}
	return n;
}

int pm_client_load_tls(struct pm_client *c, struct pm_client_endpoint *e, struct pm_err *err)
{
	if (e->tls_loaded)
		return 0;
	int r = 0;
	if (c->opts.cert_dir) {
		r = pm_http_tls_load(&e->tls, c->opts.cert_dir, err);
	} else {
		const char *home = getenv("HOME");
		_cleanup_free_ char *user =
			pm_asprintf("%s/.config/containers/certs.d/%s", home ? home : "",
				    e->ref.domain);
		_cleanup_free_ char *etc =
			pm_asprintf("/etc/containers/certs.d/%s", e->ref.domain);
		_cleanup_free_ char *docker =
			pm_asprintf("/etc/docker/certs.d/%s", e->ref.domain);
		const char *dirs[] = {user, etc, docker};
		/* The first directory there is the one that counts, as with Podman. */
		for (size_t i = home && *home ? 0 : 1; i < PM_ARRAY_SIZE(dirs); i++) {
			if (access(dirs[i], F_OK) == 0) {
				r = pm_http_tls_load(&e->tls, dirs[i], err);
				break;
			}
		}
	}
	e->tls.no_verify = e->insecure;
	e->tls_loaded = r >= 0;
	return r;
}

/* --- authentication ------------------------------------------------------------------------------ */

static int load_credentials(struct pm_client *c, struct pm_client_endpoint *e, struct pm_err *err)
{
	if (e->credentials_loaded)
		return 0;
	e->credentials_loaded = true;
	if (c->opts.no_creds)
		return 0;
	int r = c->opts.creds ? pm_credentials_parse(c->opts.creds, &e->credentials, err)
			      : pm_credentials_find(c->opts.authfile, c->opts.helpers, e->ref.domain, e->ref.path,
						    &e->credentials, err);
	return r < 0 ? r : 0;
}

static int parse_token(const struct pm_http_reply *reply, char **ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_json_parse(pool, pm_buf_str(&reply->body), reply->body.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "token server's reply");
	const char *token = pm_json_get_str(root, "token");
	if (!token || !*token)
		token = pm_json_get_str(root, "access_token");
	if (!token || !*token)
		return pm_fail(err, PM_E_REMOTE, "token server's reply holds no token");
	if (strpbrk(token, "\r\n"))
		return pm_fail(err, PM_E_REMOTE, "token server's reply holds a malformed token");
	*ret = pm_asprintf("Bearer %s", token);
	return 0;
}

static void add_query(struct pm_buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	_cleanup_free_ char *v = pm_http_escape(value);
	pm_buf_printf(b, "%s%s=%s", b->len ? "&" : "", name, v);
}

static int fetch_token(struct pm_client *c, struct pm_client_endpoint *e, const struct pm_challenge *ch,
		       char **ret, struct pm_err *err)
{
	_cleanup_free_ char *origin = ch->realm ? pm_http_origin(ch->realm) : NULL;
	if (!origin)
		return pm_fail(err, PM_E_REMOTE, "registry names no usable token server");
	if (pm_startswith(origin, "http:") && !e->use_http)
		return pm_fail(err, PM_E_REMOTE,
			       "registry names the token server '%.200s', which is not encrypted",
			       origin);
	const char *actions = c->opts.actions ? c->opts.actions : "pull";
	_cleanup_free_ char *wanted = c->whole ? pm_strdup_null(c->opts.actions)
						 : pm_asprintf("repository:%s:%s", e->ref.path, actions);
	_cleanup_buf_ struct pm_buf query = PM_BUF_INIT;
	_cleanup_free_ char *basic = NULL;
	add_query(&query, "service", ch->service);
	add_query(&query, "scope", wanted);
	if (c->also) {
		_cleanup_free_ char *also = pm_asprintf("repository:%s:pull", c->also);
		add_query(&query, "scope", also);
	}
	struct pm_http_request req = {
		.tls = &e->tls,
		.max = TOKEN_REPLY_MAX,
		.allow_http = e->use_http,
	};
	_cleanup_free_ char *url = NULL;
	if (e->credentials.identity_token) {
		add_query(&query, "grant_type", "refresh_token");
		add_query(&query, "client_id", "pm");
		add_query(&query, "refresh_token", e->credentials.identity_token);
		url = pm_strdup(ch->realm);
		req.form = pm_buf_str(&query);
	} else {
		if (e->credentials.user) {
			add_query(&query, "account", e->credentials.user);
			basic = pm_credentials_basic(&e->credentials);
			req.authorization = basic;
		}
		url = pm_asprintf("%s%c%s", ch->realm, strchr(ch->realm, '?') ? '&' : '?',
				  pm_buf_str(&query));
	}
	req.url = url;
	struct pm_http_xfer *x = NULL;
	struct pm_http_reply *reply;
	int r = pm_http_do(c->http, &req, &x, &reply, err);
	if (r >= 0 && (reply->status == 401 || reply->status == 403 || reply->status == 400))
		r = pm_fail(err, PM_E_UNAUTH, "%s refuses %s (status %d)", origin,
			    e->credentials.user || e->credentials.identity_token
				    ? "the credentials"
				    : "to give a token without credentials",
			    reply->status);
	else if (r >= 0 && reply->status != 200)
		r = pm_fail(err, PM_E_REMOTE, "token server %s: status %d", origin, reply->status);
	else if (r >= 0)
		r = parse_token(reply, ret, err);
	pm_http_free_xfer(x);
	if (query.data)
		explicit_bzero(query.data, query.len);
	if (basic)
		explicit_bzero(basic, strlen(basic));
	return r;
}

int pm_client_authenticate(struct pm_client *c, struct pm_client_endpoint *e,
			   const struct pm_http_reply *reply, struct pm_err *err)
{
	_cleanup_challenges_ struct pm_challenges list = PM_CHALLENGES_INIT;
	for (size_t i = 0; i < reply->www_authenticate.n; i++)
		pm_challenges_parse(reply->www_authenticate.v[i], &list, NULL);
	const struct pm_challenge *bearer = pm_challenges_find(&list, PM_CHALLENGE_BEARER);
	const struct pm_challenge *basic = pm_challenges_find(&list, PM_CHALLENGE_BASIC);
	if (c->opts.token)
		return pm_fail(err, PM_E_UNAUTH, "the registry does not take the token given");
	int r = load_credentials(c, e, err);
	if (r < 0)
		return r;
	char *header = NULL;
	if (bearer) {
		r = fetch_token(c, e, bearer, &header, err);
		if (r < 0)
			return r;
	} else if (basic && e->credentials.user) {
		header = pm_credentials_basic(&e->credentials);
	} else if (basic || !list.n) {
		return pm_fail(err, PM_E_UNAUTH, "authentication required");
	} else {
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "registry asks for an authentication other than basic and bearer");
	}
	pm_client_forget_token(e);
	e->authorization = header;
	e->bearer = bearer != NULL;
	return 0;
}

/* --- requests ------------------------------------------------------------------------------------ */

unsigned int pm_client_pause(const struct pm_client *c, unsigned int attempt,
			     const struct pm_http_reply *reply)
{
	int64_t ms = (int64_t)c->opts.retry_ms << (attempt < 10 ? attempt : 10);
	if (reply && reply->retry_after >= 0)
		ms = reply->retry_after * 1000;
	return (unsigned int)(ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms);
}

bool pm_client_retryable(int status)
{
	return status == 429 || status == 408 || (status >= 500 && status != 501 && status != 505);
}

/* The first error of a registry's error document, or "". Only printable text is kept. */
static void error_text(const struct pm_http_reply *reply, char *ret, size_t size)
{
	ret[0] = '\0';
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	if (!reply->body.len ||
	    pm_json_parse(pool, reply->body.data, reply->body.len, &root, NULL) < 0)
		return;
	const struct pm_json *first = pm_json_at(pm_json_get(root, "errors"), 0);
	const char *text = pm_json_get_str(first, "message");
	if (!text || !*text)
		text = pm_json_get_str(first, "code");
	if (!text)
		return;
	size_t n = 0;
	for (; *text && n + 1 < size && n < 200; text++)
		ret[n++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
	ret[n] = '\0';
}

int pm_client_status_error(const struct pm_http_reply *reply, struct pm_err *err)
{
	char text[256];
	error_text(reply, text, sizeof(text));
	const char *colon = text[0] ? ": " : "";
	switch (reply->status) {
	case 401:
		return pm_fail(err, PM_E_UNAUTH, "authentication required%s%s", colon, text);
	case 403:
		return pm_fail(err, PM_E_UNAUTH, "access denied%s%s", colon, text);
	case 404:
		return pm_fail(err, PM_E_NOSUCH, "%s", text[0] ? text : "not found");
	case 429:
		return pm_fail(err, PM_E_REMOTE, "too many requests%s%s", colon, text);
	default:
		return pm_fail(err, PM_E_REMOTE, "unexpected status %d%s%s", reply->status, colon,
			       text);
	}
}

bool pm_client_may_retry(const struct pm_client *c, unsigned int attempt)
{
	return attempt < c->opts.retries;
}

void pm_client_tell_retry(struct pm_client *c, unsigned int ms, const struct pm_err *why)
{
	if (c->opts.retrying)
		c->opts.retrying(c->opts.arg, why->text, ms);
}

void pm_client_rest(struct pm_client *c, unsigned int ms, const struct pm_err *why)
{
	pm_client_tell_retry(c, ms, why);
	/* Other transfers move on while this one waits. */
	struct timespec now, end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t left = (int64_t)ms - ((now.tv_sec - end.tv_sec) * 1000 +
					      (now.tv_nsec - end.tv_nsec) / 1000000);
		if (left <= 0 || pm_http_step(c->http, NULL, 0, (int)left, NULL) < 0)
			return;
	}
}

char *pm_client_url(const struct pm_client_endpoint *e, const char *kind, const char *what)
{
	if (!kind)
		return pm_asprintf("%s://%s/v2/", e->use_http ? "http" : "https", e->host);
	return pm_asprintf("%s://%s/v2/%s/%s/%s", e->use_http ? "http" : "https", e->host,
			   e->ref.path, kind, what);
}

bool pm_client_is_ours(const struct pm_client_endpoint *e, const char *url)
{
	_cleanup_free_ char *base = pm_client_url(e, NULL, NULL);
	_cleanup_free_ char *mine = pm_http_origin(base), *its = pm_http_origin(url);
	return mine && pm_streq(mine, its);
}

void pm_client_forget_token(struct pm_client_endpoint *e)
{
	wipe(e->authorization);
	e->authorization = NULL;
	e->bearer = false;
}

static bool is_good(const struct pm_client_ask *ask, int status)
{
	if (!ask->good[0])
		return status == 200;
	for (size_t i = 0; i < PM_ARRAY_SIZE(ask->good); i++) {
		if (ask->good[i] && ask->good[i] == status)
			return true;
	}
	return false;
}

int pm_client_ask(struct pm_client *c, struct pm_client_endpoint *e,
		  const struct pm_client_ask *ask, struct pm_http_xfer **ret_x,
		  struct pm_http_reply **ret_reply, int *ret_status, struct pm_err *err)
{
	int r = pm_client_load_tls(c, e, err);
	if (ret_status)
		*ret_status = 0;
	if (r < 0)
		return r;
	unsigned int reauth = 0;
	bool ours = !ask->url || pm_client_is_ours(e, ask->url);
	struct pm_http_tls bare = e->tls;
	bare.cert = bare.key = NULL;
	for (unsigned int attempt = 0;;) {
		_cleanup_free_ char *url = ask->url ? pm_strdup(ask->url)
						    : pm_client_url(e, ask->kind, ask->what);
		struct pm_http_request req = {
			.url = url,
			.method = ask->method,
			.authorization = ours ? e->authorization : NULL,
			.accept = ask->accept,
			.tls = ours ? &e->tls : &bare,
			.allow_http = e->use_http,
			.max = ask->max,
			.data = ask->data,
			.data_len = ask->data_len,
			.content_type = ask->content_type,
			.patient = ask->patient,
		};
		struct pm_http_xfer *x = NULL;
		struct pm_http_reply *reply = NULL;
		struct pm_err why = PM_ERR_INIT;
		r = pm_http_do(c->http, &req, &x, &reply, &why);
		if (r >= 0 && is_good(ask, reply->status)) {
			*ret_x = x;
			*ret_reply = reply;
			return 0;
		}
		bool again = r == -PM_E_REMOTE && reply;
		if (r < 0 && x && e->insecure && !e->use_http && !ask->url &&
		    pm_http_not_http(x)) {
			e->use_http = true;
			pm_http_free_xfer(x);
			continue;
		}
		if (r >= 0 && reply->status == 401 && ours && reauth++ < 1) {
			r = pm_client_authenticate(c, e, reply, &why);
			pm_http_free_xfer(x);
			if (r >= 0)
				continue;
			if (ret_status)
				*ret_status = 401;
			if (err)
				*err = why;
			return r;
		}
		if (r >= 0) {
			again = pm_client_retryable(reply->status);
			r = pm_client_status_error(reply, &why);
			if (ret_status)
				*ret_status = reply->status;
		}
		unsigned int ms = pm_client_pause(c, attempt, reply);
		pm_http_free_xfer(x);
		if (!again || attempt++ >= c->opts.retries) {
			if (err)
				*err = why;
			return r;
		}
		pm_client_rest(c, ms, &why);
	}
}

static int manifest_from(struct pm_client *c, struct pm_client_endpoint *e, const char *what,
			 struct pm_buf *out, char **ret_type, struct pm_err *err)
{
	struct pm_client_ask ask = {.kind = "manifests", .what = what, .accept = ACCEPT_MANIFESTS,
			  .max = PM_MANIFEST_MAX};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "reading manifest %s in %s", what, e->where);
	if (pm_digest_valid(what))
		r = pm_digest_verify(pm_buf_str(&reply->body), reply->body.len, what, "manifest",
				     err);
	else if (reply->docker_digest && pm_digest_valid(reply->docker_digest))
		r = pm_digest_verify(pm_buf_str(&reply->body), reply->body.len,
				     reply->docker_digest, "manifest", err);
	if (r < 0) {
		pm_http_free_xfer(x);
		return pm_wrap(err, "reading manifest %s in %s", what, e->where);
	}
	pm_buf_add(out, pm_buf_str(&reply->body), reply->body.len);
	*ret_type = pm_strdup_null(reply->content_type);
	pm_http_free_xfer(x);
	return 0;
}

int pm_client_manifest(struct pm_client *c, const char *tag_or_digest, struct pm_buf *out,
		       char **ret_type, struct pm_err *err)
{
	if (!pm_digest_valid(tag_or_digest) && !pm_tag_valid(tag_or_digest))
		return pm_fail(err, PM_E_USAGE, "'%.100s' is neither a tag nor a digest",
			       tag_or_digest);
	struct pm_err last = PM_ERR_INIT;
	for (; c->current < c->n; c->current++) {
		int r = manifest_from(c, &c->v[c->current], tag_or_digest, out, ret_type, &last);
		if (r >= 0)
			return 0;
		if (c->current + 1 == c->n) {
			if (err)
				*err = last;
			return r;
		}
		pm_info("mirror: %s", last.text);
	}
	return pm_fail(err, PM_E_INTERNAL, "no endpoint");
}

int pm_client_blob(struct pm_client *c, const char *digest, int64_t size, struct pm_buf *out,
		   struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[c->current];
	/* One byte more, so that a longer body is seen for what it is. */
	struct pm_client_ask ask = {.kind = "blobs", .what = digest, .max = (size_t)size + 1};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "reading config %s from %s", digest, e->where);
	if ((int64_t)reply->body.len != size)
		r = pm_fail(err, PM_E_DIGEST, "it has %s%zu bytes, not %lld",
			    (int64_t)reply->body.len > size ? "at least " : "", reply->body.len,
			    (long long)size);
	else
		r = pm_digest_verify(pm_buf_str(&reply->body), reply->body.len, digest, "config",
				     err);
	if (r >= 0)
		pm_buf_add(out, pm_buf_str(&reply->body), reply->body.len);
	pm_http_free_xfer(x);
	return r < 0 ? pm_wrap(err, "reading config %s from %s", digest, e->where) : 0;
}

int pm_client_document(struct pm_client *c, const char *url, size_t max, struct pm_buf *out,
		       struct pm_err *err)
{
	struct pm_http_request req = {.url = url, .max = max};
	struct pm_http_xfer *x = NULL;
	struct pm_http_reply *reply;
	int r = pm_http_do(c->http, &req, &x, &reply, err);
	if (r >= 0 && reply->status != 200)
		r = pm_client_status_error(reply, err);
	if (r >= 0)
		pm_buf_add(out, pm_buf_str(&reply->body), reply->body.len);
	pm_http_free_xfer(x);
	return r < 0 ? pm_wrap(err, "reading %s", url) : 0;
}

/* --- tags ---------------------------------------------------------------------------------------- */

char *pm_client_next_page(const struct pm_http_reply *reply)
{
	const char *s = reply->link, *end = s && *s == '<' ? strchr(s, '>') : NULL;
	if (!end || !strstr(end, "next"))
		return NULL;
	_cleanup_free_ char *target = pm_strndup(s + 1, (size_t)(end - s - 1));
	_cleanup_free_ char *base = pm_http_origin(reply->final_url);
	if (*target == '/' && target[1] != '/')
		return pm_asprintf("%s%s", base, target);
	_cleanup_free_ char *origin = pm_http_origin(target);
	return origin && pm_streq(origin, base) ? pm_steal(&target) : NULL;
}

int pm_client_tags(struct pm_client *c, struct pm_strv *ret, struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[c->n - 1];
	_cleanup_free_ char *url = NULL;
	do {
		struct pm_client_ask ask = {.kind = "tags", .what = "list", .url = url,
				  .accept = "application/json", .max = TAGS_REPLY_MAX};
		struct pm_http_xfer *x;
		struct pm_http_reply *reply;
		int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
		if (r < 0)
			return pm_wrap(err, "listing tags of %s", e->where);
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		struct pm_json *root;
		r = pm_json_parse(pool, pm_buf_str(&reply->body), reply->body.len, &root, err);
		const struct pm_json *tags = r >= 0 ? pm_json_get(root, "tags") : NULL;
		size_t before = ret->n;
		if (tags && tags->kind != PM_JSON_NULL)
			r = pm_json_to_strv(tags, ret, err);
		free(url);
		url = pm_client_next_page(reply);
		pm_http_free_xfer(x);
		for (size_t i = before; r >= 0 && i < ret->n; i++) {
			if (!pm_tag_valid(ret->v[i]))
				r = pm_fail(err, PM_E_FORMAT, "the list holds an invalid tag");
		}
		if (r >= 0 && (ret->n > TAGS_MAX || (url && ret->n == before)))
			r = pm_fail(err, PM_E_FORMAT, "the list is too long or does not end");
		if (r < 0)
			return pm_wrap(err, "listing tags of %s", e->where);
	} while (url);
	return 0;
}

/* --- blobs --------------------------------------------------------------------------------------- */

int pm_client_blob_start(struct pm_client *c, const char *digest, int64_t from,
			 pm_http_body_fn *body, void *arg, struct pm_http_xfer **ret,
			 struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[c->current];
	int r = pm_client_load_tls(c, e, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *url = pm_client_url(e, "blobs", digest);
	struct pm_http_request req = {
		.url = url,
		.authorization = e->authorization,
		.tls = &e->tls,
		.allow_http = e->use_http,
		.from = from,
		.body = body,
		.arg = arg,
	};
	return pm_http_start(c->http, &req, ret, err);
}

enum pm_verdict pm_client_blob_verdict(struct pm_client *c, struct pm_http_xfer *x,
				       const char *digest, unsigned int attempt,
				       unsigned int *ret_pause_ms, struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[c->current];
	struct pm_http_reply *reply = NULL;
	bool again;
	int r = pm_http_result(x, &reply, err);
	if (r >= 0 && (reply->status == 200 || reply->status == 206))
		return PM_VERDICT_GOOD;
	if (r >= 0 && reply->status == 401 && attempt <= c->opts.retries) {
		if (pm_client_authenticate(c, e, reply, err) >= 0)
			return PM_VERDICT_REAUTH;
		again = false;
	} else if (r >= 0) {
		again = pm_client_retryable(reply->status);
		pm_client_status_error(reply, err);
	} else {
		again = r == -PM_E_REMOTE && reply;
	}
	pm_wrap(err, "reading blob %s from %s", digest, e->where);
	*ret_pause_ms = pm_client_pause(c, attempt, reply);
	return again && attempt < c->opts.retries ? PM_VERDICT_RETRY : PM_VERDICT_FATAL;
}
