/* What is asked of a registry as a whole: is one known to it, what is there. */
#include <string.h>

#include "base/log.h"
#include "registry/client_internal.h"

enum { REPLY_MAX = 4 << 20, CATALOG_PAGES = 1000 };

int pm_client_login(struct pm_client *c, struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[0];
	struct pm_client_ask ask = {.max = REPLY_MAX};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
	if (r < 0)
		return pm_wrap(err, "logging in to %s", e->where);
	pm_http_free_xfer(x);
	return 0;
}

/* --- searching ----------------------------------------------------------------------------------- */

static void add(struct pm_json_pool *pool, struct pm_json *list, const char *name,
		const struct pm_json *from)
{
	static const char *const numbers[] = {"star_count"}, *const flags[] = {"is_official",
									      "is_automated"};
	struct pm_json *v = pm_json_object(pool);
	const char *text = pm_json_get_str(from, "description");
	pm_json_set_str(pool, v, "name", name);
	pm_json_set_str(pool, v, "description", text ? text : "");
	for (size_t i = 0; i < PM_ARRAY_SIZE(numbers); i++)
		pm_json_set_int(pool, v, numbers[i], pm_json_get_int(from, numbers[i], 0));
	for (size_t i = 0; i < PM_ARRAY_SIZE(flags); i++)
		pm_json_set_bool(pool, v, flags[i], pm_json_get_bool(from, flags[i], false));
	pm_json_add(pool, list, v);
}

static int parse(const struct pm_http_reply *reply, struct pm_json_pool *pool,
		 struct pm_json **ret, struct pm_err *err)
{
	int r = pm_json_parse(pool, pm_buf_str(&reply->body), reply->body.len, ret, err);
	if (r >= 0 && !pm_json_is(*ret, PM_JSON_OBJECT))
		r = pm_fail(err, PM_E_FORMAT, "the registry's answer is not an object");
	return r;
}

/* 1: answered, 0: there is no such thing. */
static int search_v1(struct pm_client *c, const char *term, unsigned int limit,
		     struct pm_json_pool *pool, struct pm_json *list, struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[0];
	bool hub = strcmp(e->ref.domain, "docker.io") == 0;
	_cleanup_free_ char *q = pm_http_escape(term);
	_cleanup_free_ char *url = pm_asprintf("%s://%s/v1/search?q=%s&n=%u",
					       e->use_http ? "http" : "https",
					       hub ? "index.docker.io" : e->host, q, limit);
	struct pm_client_ask ask = {.url = url, .max = REPLY_MAX};
	struct pm_http_xfer *x;
	struct pm_http_reply *reply;
	int status;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_client_ask(c, e, &ask, &x, &reply, &status, &why);
	if (r < 0 && (status == 404 || status == 401 || status == 403 || status == 400 || status == 405))
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	struct pm_json *root;
	r = parse(reply, pool, &root, hub ? err : NULL);
	pm_http_free_xfer(x);
	if (r < 0)
		return hub ? r : 0; /* a web page of something else */
	const struct pm_json *results = pm_json_get(root, "results");
	if (!pm_json_is(results, PM_JSON_ARRAY))
		return 0;
	for (size_t i = 0; i < results->len && list->len < limit; i++) {
		const char *name = pm_json_get_str(results->items[i], "name");
		if (name)
			add(pool, list, name, results->items[i]);
	}
	return 1;
}

static int search_catalog(struct pm_client *c, const char *term, unsigned int limit,
			  struct pm_json_pool *pool, struct pm_json *list, struct pm_err *err)
{
	struct pm_client_endpoint *e = &c->v[0];
	_cleanup_free_ char *base = pm_client_url(e, NULL, NULL);
	char *url = pm_asprintf("%s_catalog", base);
	int r = 0;
	for (unsigned int page = 0; r >= 0 && url && page < CATALOG_PAGES && list->len < limit; page++) {
		struct pm_client_ask ask = {.url = url, .max = REPLY_MAX};
		struct pm_http_xfer *x;
		struct pm_http_reply *reply;
		struct pm_json *root;
		r = pm_client_ask(c, e, &ask, &x, &reply, NULL, err);
		free(url);
		url = NULL;
		if (r < 0)
			break;
		r = parse(reply, pool, &root, err);
		url = r >= 0 ? pm_client_next_page(reply) : NULL;
		pm_http_free_xfer(x);
		const struct pm_json *names = r >= 0 ? pm_json_get(root, "repositories") : NULL;
		for (size_t i = 0; i < pm_json_len(names) && list->len < limit; i++) {
			const struct pm_json *name = pm_json_at(names, i);
			if (pm_json_is(name, PM_JSON_STRING) && strstr(name->string, term))
				add(pool, list, name->string, NULL);
		}
	}
	free(url);
	return r;
}

int pm_client_search(struct pm_client *c, const char *term, unsigned int limit,
		     struct pm_json_pool *pool, struct pm_json *list, struct pm_err *err)
{
	struct pm_err why = PM_ERR_INIT;
	/* Learn how to talk to it; only a failure to connect ends here. */
	int r = strcmp(c->v[0].ref.domain, "docker.io") == 0 ? 0 : pm_client_ping(c, &why);
	if (r < 0 && r != -PM_E_UNAUTH) {
		if (err)
			*err = why;
		return r;
	}
	r = search_v1(c, term, limit, pool, list, err);
	if (r == 0)
		r = search_catalog(c, term, limit, pool, list, err);
	return r < 0 ? pm_wrap(err, "searching %s", c->v[0].where) : 0;
}
