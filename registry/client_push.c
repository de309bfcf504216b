#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "registry/client_internal.h"
#include "registry/manifest.h"

enum {
	REPLY_MAX = 64 << 10,
	SMALL_BLOB = 1 << 20, /* sent whole, from memory */
	REDIRECTS_MAX = 10,
	FORGIVEN_AFTER = 1 << 20, /* bytes that arrived since the last failure: count failures anew */
};

#define OCTETS "application/octet-stream"

/* The endpoint in use. */
static struct pm_client_endpoint *endpoint(struct pm_client *c)
{
	return &c->v[c->current];
}

int pm_client_ping(struct pm_client *c, struct pm_err *err)
{
	struct pm_client_endpoint *e = endpoint(c);
	struct pm_client_ask ask = {.max = REPLY_MAX, .good = {200, 404, 403}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "pinging container registry %s", e->ref.domain);
	pm_http_free_xfer(x);
	return 0;
}

int pm_client_has_blob(struct pm_client *c, const char *digest, int64_t *ret_size,
		       struct pm_err *err)
{
	struct pm_client_endpoint *e = endpoint(c);
	struct pm_client_ask ask = {.method = "HEAD", .kind = "blobs", .what = digest,
				    .max = REPLY_MAX, .good = {200, 404}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "checking whether blob %s exists in %s", digest, e->where);
	bool there = reply->status == 200;
	if (there && ret_size)
		*ret_size = reply->content_length;
	pm_http_free_xfer(x);
	return there;
}

/* --- one upload ---------------------------------------------------------------------------------- */

struct upload {
	struct pm_client *c;
	struct pm_client_endpoint *e;
	const struct pm_stream *in;
	int64_t size;          /* -1: not known */
	char *url;             /* NULL: not begun */
	struct pm_sha256 hash; /* of the first hashed bytes */
	int64_t hashed, at;    /* at: where the stream is */
	struct pm_err in_err;  /* the stream has failed */
};

/* Take the reply's Location for what follows. */
static int take_location(struct upload *u, const struct pm_http_reply *reply, struct pm_err *err)
{
	if (!reply->location)
		return pm_fail(err, PM_E_REMOTE, "the registry names no place for the upload");
	char *url = pm_http_join(reply->final_url, reply->location);
	_cleanup_free_ char *origin = url ? pm_http_origin(url) : NULL;
	if (!origin || (pm_startswith(origin, "http:") && !u->e->use_http)) {
		free(url);
		return pm_fail(err, PM_E_REMOTE, "the registry wants the upload to go to '%.300s', "
						 "which is not %s",
			       reply->location, origin ? "encrypted" : "an http(s) address");
	}
	free(u->url);
	u->url = url;
	return 0;
}

static int begin(struct upload *u, struct pm_err *err)
{
	struct pm_client_ask ask = {.method = "POST", .kind = "blobs", .what = "uploads/",
				    .max = REPLY_MAX, .good = {202}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(u->c, u->e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return r;
	r = take_location(u, reply, err);
	pm_http_free_xfer(x);
	return r;
}

/* The session is of no more use. */
static void cancel(struct upload *u)
{
	if (!u->url)
		return;
	struct pm_client_ask ask = {.method = "DELETE", .url = u->url, .max = REPLY_MAX,
				    .good = {204, 202, 200}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	unsigned int retries = u->c->opts.retries;
	u->c->opts.retries = 0;
	if (pm_client_ask(u->c, u->e, &ask, &x, &reply, NULL, NULL) >= 0)
		pm_http_free_xfer(x);
	u->c->opts.retries = retries;
}

static ssize_t on_send(void *arg, void *buf, size_t len)
{
	struct upload *u = arg;
	if (u->in_err.code)
		return -1;
	ssize_t n = u->in->read(u->in->arg, buf, len, &u->in_err);
	if (n < 0)
		return -1;
	if (n == 0 && u->at < u->size) {
		pm_fail(&u->in_err, PM_E_DIGEST, "the data ended after %lld of %lld bytes",
			(long long)u->at, (long long)u->size);
		return -1;
	}
	if (u->at + n > u->hashed) {
		int64_t known = u->hashed - u->at;
		pm_sha256_add(&u->hash, (char *)buf + known, (size_t)(n - known));
		u->hashed = u->at + n;
	}
	u->at += n;
	return n;
}

/* Go to offset in the stream, which must not be before what it can give again. */
static int seek(struct upload *u, int64_t offset, const struct pm_err *why, struct pm_err *err)
{
	if (offset == u->at)
		return 0;
	if (offset > u->at || !u->in->rewind) {
		if (err)
			*err = *why;
		return -why->code;
	}
	int r = u->in->rewind(u->in->arg, offset, err);
	if (r >= 0)
		u->at = offset;
	return r;
}

/* How much has the registry? -1 when it does not say, which means to begin anew. Its "0-0" is one byte, or none. */
static int64_t received(struct upload *u)
{
	struct pm_client_ask ask = {.url = u->url, .max = REPLY_MAX, .good = {204, 202}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	if (pm_client_ask(u->c, u->e, &ask, &x, &reply, NULL, NULL) < 0)
		return -1;
	int64_t last = -1;
	const char *range = reply->range;
	if (range && pm_startswith(range, "bytes="))
		range += 6;
	if (range && pm_startswith(range, "0-") && strlen(range) < 20) {
		char *end;
		last = strtoll(range + 2, &end, 10);
		if (*end || end == range + 2)
			last = -1;
	}
	if (reply->location && take_location(u, reply, NULL) < 0)
		last = -1;
	pm_http_free_xfer(x);
	return last > 0 ? last + 1 : -1;
}

/* Send the rest of the stream. 1: done; 0: to be tried again after *ret_ms (the position is not known then);
 * negative: no use. */
static int patch(struct upload *u, unsigned int attempt, unsigned int *redirects,
		 unsigned int *ret_ms, struct pm_err *err)
{
	char range[64];
	bool ours = pm_client_is_ours(u->e, u->url);
	struct pm_http_tls bare = u->e->tls;
	bare.cert = bare.key = NULL;
	snprintf(range, sizeof(range), "%lld-%lld", (long long)u->at, (long long)u->size - 1);
	struct pm_http_request req = {
		.url = u->url,
		.method = "PATCH",
		.authorization = ours ? u->e->authorization : NULL,
		.send = on_send,
		.send_arg = u,
		.send_size = u->size < 0 ? -1 : u->size - u->at,
		.content_type = OCTETS,
		.content_range = u->at > 0 && u->size >= 0 ? range : NULL,
		.tls = ours ? &u->e->tls : &bare,
		.allow_http = u->e->use_http,
		.patient = true,
		.max = REPLY_MAX,
	};
	struct pm_http_xfer *x = NULL;
	struct pm_http_reply *reply = NULL;
	int r = pm_http_do(u->c->http, &req, &x, &reply, err);
	if (u->in_err.code) {
		if (err)
			*err = u->in_err;
		r = -u->in_err.code;
	} else if (r < 0) {
		r = r == -PM_E_REMOTE ? 0 : r;
	} else if (reply->status == 202 || reply->status == 201 || reply->status == 204) {
		r = reply->location ? take_location(u, reply, err) : 0;
		r = r < 0 ? r : 1;
	} else if (reply->status == 401 && ours && attempt < u->c->opts.retries) {
		r = pm_client_authenticate(u->c, u->e, reply, err);
		*ret_ms = 0;
		pm_http_free_xfer(x);
		if (r >= 0)
			pm_fail(err, PM_E_UNAUTH, "credentials were asked for in the middle of the "
						  "upload, which cannot be repeated");
		return r < 0 ? r : 0;
	} else if ((reply->status == 307 || reply->status == 308) && (*redirects)++ < REDIRECTS_MAX) {
		r = take_location(u, reply, err);
		*ret_ms = 0;
		pm_http_free_xfer(x);
		if (r >= 0)
			pm_fail(err, PM_E_REMOTE, "redirected in the middle of the upload, which "
						  "cannot be repeated");
		return r < 0 ? r : 0;
	} else {
		bool again = pm_client_retryable(reply->status) || reply->status == 404 ||
			     reply->status == 416;
		r = pm_client_status_error(reply, err);
		r = again ? 0 : r;
	}
	*ret_ms = pm_client_pause(u->c, attempt, reply);
	pm_http_free_xfer(x);
	return r;
}

/* The whole body, taken up again where it broke. */
static int send_body(struct upload *u, struct pm_err *err)
{
	unsigned int redirects = 0;
	int64_t confirmed = 0;
	for (unsigned int attempt = 0;; attempt++) {
		int r = u->url ? 0 : begin(u, err);
		if (r < 0)
			return r;
		struct pm_err why = PM_ERR_INIT;
		unsigned int ms = 0, before = redirects;
		int64_t from = u->at;
		r = patch(u, attempt, &redirects, &ms, &why);
		if (r > 0)
			return 0;
		if (r < 0 || (attempt >= u->c->opts.retries && redirects == before)) {
			if (err)
				*err = why;
			return r < 0 ? r : -why.code;
		}
		if (ms)
			pm_client_rest(u->c, ms, &why);
		/* Where the upload is elsewhere now, nothing has arrived there. */
		if (redirects > before) {
			attempt = 0;
			r = seek(u, from, &why, err);
			if (r < 0)
				return r;
			continue;
		}
		int64_t there = u->at ? received(u) : -1;
		if (there - confirmed >= FORGIVEN_AFTER && there <= u->at) {
			confirmed = there;
			attempt = 0;
		}
		if (there < 0 || there > u->at) {
			if (u->at == 0 && ms == 0)
				continue; /* authenticated before anything was sent */
			free(u->url);
			u->url = NULL;
			there = 0;
		}
		r = seek(u, there, &why, err);
		if (r < 0)
			return r;
	}
}

/* PUT that closes the upload; data: the whole blob, when it was not sent before. */
static int close_upload(struct upload *u, const char *digest, const void *data, size_t len,
			struct pm_err *err)
{
	_cleanup_free_ char *url = pm_asprintf("%s%cdigest=%s", u->url,
					       strchr(u->url, '?') ? '&' : '?', digest);
	struct pm_client_ask ask = {.method = "PUT", .url = url, .max = REPLY_MAX,
				    .content_type = OCTETS, .data = data, .data_len = len,
				    .patient = true, .good = {201, 204}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(u->c, u->e, &ask, &x, &reply, NULL, err);
	if (r >= 0)
		pm_http_free_xfer(x);
	/* A reply may have been lost and the request repeated. */
	else if (r == -PM_E_NOSUCH && pm_client_has_blob(u->c, digest, NULL, NULL) == 1)
		r = 0;
	return r;
}

static int check_end(struct upload *u, const char *digest, char ret[PM_DIGEST_SIZE],
		     struct pm_err *err)
{
	char byte;
	/* A stream also reports at its end what was wrong with it. */
	ssize_t n = u->in->read(u->in->arg, &byte, 1, err);
	if (n < 0)
		return (int)n;
	if (n > 0)
		return pm_fail(err, PM_E_DIGEST, "the data is longer than the %lld bytes it should have",
			       (long long)u->size);
	struct pm_sha256 h = u->hash;
	char hex[65];
	pm_sha256_hex(&h, hex);
	snprintf(ret, PM_DIGEST_SIZE, "sha256:%s", hex);
	if (digest && strcmp(digest, ret) != 0)
		return pm_fail(err, PM_E_DIGEST, "content has digest %s, not %s", ret, digest);
	return 0;
}

static int put_small(struct upload *u, const char *digest, char ret[PM_DIGEST_SIZE],
		     struct pm_err *err)
{
	_cleanup_free_ char *data = pm_malloc((size_t)u->size + 1);
	while (u->at < u->size) {
		if (on_send(u, data + u->at, (size_t)(u->size - u->at)) < 0) {
			if (err)
				*err = u->in_err;
			return -u->in_err.code;
		}
	}
	int r = check_end(u, digest, ret, err);
	if (r >= 0)
		r = begin(u, err);
	return r < 0 ? r : close_upload(u, ret, data, (size_t)u->size, err);
}

int pm_client_put_blob(struct pm_client *c, const struct pm_stream *in, const char *digest,
		       int64_t size, char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size,
		       struct pm_err *err)
{
	struct upload u = {.c = c, .e = endpoint(c), .in = in, .size = size};
	char found[PM_DIGEST_SIZE] = "";
	pm_sha256_init(&u.hash);
	int r;
	if (size >= 0 && size <= SMALL_BLOB) {
		r = put_small(&u, digest, found, err);
	} else {
		r = send_body(&u, err);
		if (r >= 0)
			r = check_end(&u, digest, found, err);
		if (r >= 0)
			r = close_upload(&u, found, NULL, 0, err);
	}
	if (r < 0)
		cancel(&u);
	free(u.url);
	if (r < 0)
		return pm_wrap(err, "writing blob%s%s to %s", digest ? " " : "", digest ? digest : "",
			       u.e->where);
	if (ret_digest)
		memcpy(ret_digest, found, PM_DIGEST_SIZE);
	if (ret_size)
		*ret_size = u.at;
	return 0;
}

int pm_client_mount(struct pm_client *c, const char *digest, const char *repository,
		    struct pm_err *err)
{
	struct pm_client_endpoint *e = endpoint(c);
	(void)err;
	if (strcmp(repository, e->ref.path) == 0)
		return 0;
	if (!pm_streq(c->also, repository)) {
		free(c->also);
		c->also = pm_strdup(repository);
		/* The token at hand does not speak for that repository. */
		if (e->bearer)
			pm_client_forget_token(e);
	}
	_cleanup_free_ char *from = pm_http_escape(repository);
	_cleanup_free_ char *what = pm_asprintf("uploads/?mount=%s&from=%s", digest, from);
	struct pm_client_ask ask = {.method = "POST", .kind = "blobs", .what = what,
				    .max = REPLY_MAX, .good = {201, 202}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	struct pm_err why = PM_ERR_INIT;
	int status;
	if (pm_client_ask(c, e, &ask, &x, &reply, &status, &why) < 0) {
		pm_debug("mounting blob %s from %s: %s", digest, repository, why.text);
		if (status == 401 || status == 403) {
			free(c->also);
			c->also = NULL;
			pm_client_forget_token(e);
		}
		return 0; /* it can still be uploaded */
	}
	bool done = reply->status == 201;
	if (!done) { /* the registry began an upload instead */
		struct upload u = {.c = c, .e = e};
		if (take_location(&u, reply, NULL) >= 0)
			cancel(&u);
		free(u.url);
	}
	pm_http_free_xfer(x);
	return done;
}

/* --- manifests ----------------------------------------------------------------------------------- */

static int put(struct pm_client *c, const char *name, const char *media_type, const void *data,
	       size_t len, bool *ret_subject_known, struct pm_err *err)
{
	struct pm_client_endpoint *e = endpoint(c);
	struct pm_client_ask ask = {.method = "PUT", .kind = "manifests", .what = name,
				    .max = REPLY_MAX, .content_type = media_type, .data = data,
				    .data_len = len, .patient = true, .good = {201, 200, 202}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "writing manifest %s to %s", name, e->where);
	if (ret_subject_known)
		*ret_subject_known = reply->oci_subject != NULL;
	pm_http_free_xfer(x);
	return 0;
}

/* The manifest's descriptor as the list of referrers holds it (distribution spec, "Listing Referrers"). */
static struct pm_json *referrer(struct pm_json_pool *pool, const struct pm_json *root,
				const char *media_type, const void *data, size_t len)
{
	char digest[PM_DIGEST_SIZE];
	struct pm_json *d = pm_json_object(pool);
	pm_digest_of(data, len, digest);
	pm_json_set_str(pool, d, "mediaType", media_type);
	pm_json_set_str(pool, d, "digest", digest);
	pm_json_set_int(pool, d, "size", (int64_t)len);
	const char *type = pm_json_get_str(root, "artifactType");
	if (!type || !*type)
		type = pm_json_get_str(pm_json_get(root, "config"), "mediaType");
	if (type)
		pm_json_set_str(pool, d, "artifactType", type);
	const struct pm_json *notes = pm_json_get(root, "annotations");
	if (pm_json_is(notes, PM_JSON_OBJECT))
		pm_json_set(pool, d, "annotations", pm_json_copy(pool, notes));
	return d;
}

/* Add to the index tagged "sha256-HEX" for registries without the referrers API. */
static int add_referrer(struct pm_client *c, const char *subject, const struct pm_json *root,
			const char *media_type, const void *data, size_t len, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_free_ char *tag = pm_asprintf("sha256-%s", pm_digest_hex(subject));
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *type = NULL;
	struct pm_json *index = NULL, *list = NULL;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_client_manifest(c, tag, &text, &type, &why);
	if (r >= 0) {
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, &index, err);
		list = r >= 0 ? pm_json_get(index, "manifests") : NULL;
		if (r < 0 || !pm_json_is(list, PM_JSON_ARRAY))
			return pm_fail(err, PM_E_FORMAT, "%s:%s is not a list of referrers",
				       endpoint(c)->where, tag);
	} else if (r == -PM_E_NOSUCH) {
		index = pm_json_object(pool);
		pm_json_set_int(pool, index, "schemaVersion", 2);
		pm_json_set_str(pool, index, "mediaType", PM_MT_OCI_INDEX);
		list = pm_json_set(pool, index, "manifests", pm_json_array(pool));
	} else {
		if (err)
			*err = why;
		return r;
	}
	struct pm_json *d = referrer(pool, root, media_type, data, len);
	for (size_t i = 0; i < list->len; i++) {
		if (pm_streq(pm_json_get_str(list->items[i], "digest"), pm_json_get_str(d, "digest")))
			return 0;
	}
	pm_json_add(pool, list, d);
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	pm_json_write(index, 0, &out);
	return put(c, tag, PM_MT_OCI_INDEX, pm_buf_str(&out), out.len, NULL, err);
}

int pm_client_put_manifest(struct pm_client *c, const char *tag_or_digest, const char *media_type,
			   const void *data, size_t len, struct pm_err *err)
{
	bool known = false;
	int r = put(c, tag_or_digest, media_type, data, len, &known, err);
	if (r < 0 || known)
		return r;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	if (pm_json_parse(pool, data, len, &root, NULL) < 0)
		return 0;
	const char *subject = pm_json_get_str(pm_json_get(root, "subject"), "digest");
	if (!subject)
		return 0;
	r = pm_digest_check(subject, "the manifest's subject", err);
	return r < 0 ? r : add_referrer(c, subject, root, media_type, data, len, err);
}

int pm_client_delete(struct pm_client *c, const char *digest, struct pm_err *err)
{
	struct pm_client_endpoint *e = endpoint(c);
	struct pm_client_ask ask = {.method = "DELETE", .kind = "manifests", .what = digest,
				    .max = REPLY_MAX, .good = {202, 200, 204}};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int status, r = pm_client_ask(c, e, &ask, &x, &reply, &status, err);
	if (r < 0 && status == 405)
		return pm_fail(err, PM_E_UNSUPPORTED, "deleting %s from %s: the registry does not "
						      "allow that",
			       digest, e->where);
	if (r < 0)
		return pm_wrap(err, "deleting %s from %s", digest, e->where);
	pm_http_free_xfer(x);
	return 0;
}
