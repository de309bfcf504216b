#include "engine/image/query.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/image/helper.h"
#include "registry/digest.h"
#include "registry/manifest.h"

enum { DOCUMENTS = 4, FOUND_MAX = 16 << 20 };

/* A request and its one answer. */
struct talk {
	struct pm_wire answer;
	int fds[DOCUMENTS];
	size_t n_fds;
};

static void talk_free(struct talk *t)
{
	for (size_t i = 0; i < t->n_fds; i++)
		close(t->fds[i]);
	pm_wire_free(&t->answer);
}

static void add_text(struct pm_wire *w, const char *name, const char *value)
{
	if (value && *value)
		pm_wire_add(w, name, value);
}

static void make_request(struct pm_wire *w, const char *op, const char *name,
			 const struct pm_query_options *o)
{
	pm_wire_add(w, "type", "request");
	pm_wire_add(w, "op", op);
	pm_wire_add(w, "name", name);
	pm_remote_add(w, "", &o->remote);
	add_text(w, "os", o->os);
	add_text(w, "arch", o->arch);
	add_text(w, "variant", o->variant);
	add_text(w, "shared", o->shared_blob_dir);
	add_text(w, "daemon", o->daemon_host);
}

/* Messages up to "end"; the one of the type expected (NULL: none) is kept. */
static int listen_for(struct pm_helper *h, const char *type, struct talk *t, struct pm_err *err)
{
	bool got = false;
	for (;;) {
		_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
		int fds[DOCUMENTS];
		size_t n = DOCUMENTS;
		int r = pm_helper_next(h, &w, fds, &n, err);
		if (r < 0)
			return r;
		const char *this = pm_wire_get(&w, "type");
		if (type && !got && pm_streq(this, type)) {
			got = true;
			t->answer = w;
			w = (struct pm_wire)PM_WIRE_INIT;
			memcpy(t->fds, fds, sizeof(fds));
			t->n_fds = n;
			continue;
		}
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		if (pm_streq(this, "retry"))
			pm_info("%s", pm_wire_get(&w, "text") ? pm_wire_get(&w, "text") : "");
		else if (pm_streq(this, "end") && (got || !type))
			return 0;
		else
			return pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	}
}

static int run(const struct pm_wire *request, const char *type, struct talk *ret, struct pm_err *err)
{
	struct pm_helper h = PM_HELPER_INIT;
	int r = pm_helper_begin(&h, err);
	if (r >= 0)
		r = pm_wire_send(h.sock, request, NULL, 0, err);
	if (r >= 0)
		r = listen_for(&h, type, ret, err);
	pm_helper_finish(&h);
	pm_helper_unmask(&h);
	return r;
}

void pm_remote_image_free(struct pm_remote_image *i)
{
	free(i->name);
	free(i->digest);
	pm_strv_free(&i->tags);
	pm_buf_free(&i->manifest);
	pm_buf_free(&i->image);
	pm_buf_free(&i->config);
	*i = (struct pm_remote_image){0};
}

int pm_query_inspect(const char *name, const struct pm_query_options *o, bool raw, bool tags,
		     struct pm_remote_image *ret, struct pm_err *err)
{
	const char *transport, *rest;
	struct talk t = {0};
	int r = pm_transport_split(name, &transport, &rest, err);
	if (r < 0)
		return r;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, "inspect", rest, o);
	pm_wire_add(&w, "transport", transport);
	pm_wire_add(&w, "raw", raw ? "1" : "0");
	pm_wire_add(&w, "tags", tags ? "1" : "0");
	r = run(&w, "inspected", &t, err);
	const char *digest = r < 0 ? NULL : pm_wire_get(&t.answer, "digest");
	_cleanup_remote_image_ struct pm_remote_image i = {0};
	struct pm_buf *documents[] = {&i.manifest, &i.image, &i.config};
	if (r >= 0 && (t.n_fds != (raw ? 1U : 3U) || !pm_digest_valid(digest)))
		r = pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	for (size_t k = 0; r >= 0 && k < t.n_fds; k++)
		r = pm_fs_read_fd(t.fds[k], PM_CONFIG_MAX, documents[k], err);
	if (r >= 0) {
		const char *full = pm_wire_get(&t.answer, "name");
		i.name = pm_strdup(full ? full : "");
		i.digest = pm_strdup(digest);
		pm_wire_get_list(&t.answer, "tag", &i.tags);
		*ret = i;
		i = (struct pm_remote_image){0};
	}
	talk_free(&t);
	return r;
}

int pm_query_tags(const char *name, const struct pm_query_options *o, char **ret_name,
		  struct pm_strv *ret, struct pm_err *err)
{
	const char *transport, *rest;
	struct talk t = {0};
	int r = pm_transport_split(name, &transport, &rest, err);
	if (r < 0)
		return r;
	if (strcmp(transport, "docker") != 0 && strcmp(transport, "docker-archive") != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "Unsupported transport '%s' for tag listing. "
						      "Only supported: docker, docker-archive",
			       transport);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, "tags", rest, o);
	pm_wire_add(&w, "transport", transport);
	r = run(&w, "tags", &t, err);
	if (r >= 0) {
		*ret_name = pm_strdup_null(pm_wire_get(&t.answer, "name"));
		pm_wire_get_list(&t.answer, "tag", ret);
	}
	talk_free(&t);
	return r;
}

int pm_query_delete(const char *name, const struct pm_query_options *o, struct pm_err *err)
{
	const char *transport, *rest;
	struct talk t = {0};
	int r = pm_transport_split(name, &transport, &rest, err);
	if (r < 0)
		return r;
	if (strcmp(transport, "docker") != 0 && strcmp(transport, "oci") != 0 &&
	    strcmp(transport, "docker-daemon") != 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: images are deleted from registries (docker://), OCI "
						      "layouts (oci:) and docker-daemon: only",
			       name);
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, "delete", rest, o);
	pm_wire_add(&w, "transport", transport);
	r = run(&w, NULL, &t, err);
	talk_free(&t);
	return r;
}

int pm_query_login(const char *host, const struct pm_query_options *o, struct pm_err *err)
{
	struct talk t = {0};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	make_request(&w, "login", host, o);
	int r = run(&w, NULL, &t, err);
	talk_free(&t);
	return r;
}

int pm_query_search(const char *host, const char *term, int64_t limit,
		    const struct pm_query_options *o, struct pm_json_pool *pool,
		    struct pm_json **ret, struct pm_err *err)
{
	struct talk t = {0};
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	make_request(&w, "search", host, o);
	pm_wire_add(&w, "term", term);
	pm_wire_add_int(&w, "limit", limit);
	int r = run(&w, "found", &t, err);
	if (r >= 0 && t.n_fds != 1)
		r = pm_fail(err, PM_E_INTERNAL, "malformed message from pm-transfer");
	if (r >= 0)
		r = pm_fs_read_fd(t.fds[0], FOUND_MAX, &text, err);
	if (r >= 0)
		r = pm_json_parse(pool, pm_buf_str(&text), text.len, ret, err);
	talk_free(&t);
	return r;
}
