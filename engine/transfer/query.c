#include "engine/transfer/query.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/transfer/access.h"
#include "engine/transfer/docker_archive.h"
#include "engine/transfer/files.h"
#include "engine/transfer/layout_delete.h"
#include "engine/transfer/source.h"
#include "registry/daemon.h"
#include "registry/image_path.h"

enum { SEARCH_MAX = 10000, DOCUMENTS_MAX = 3 };

static int malformed(struct pm_err *err)
{
	return pm_fail(err, PM_E_INTERNAL, "malformed request");
}

static int reply(struct pm_session *s, struct pm_wire *w, const struct pm_buf *const *texts, size_t n,
		 struct pm_err *err)
{
	int fds[DOCUMENTS_MAX];
	size_t made = 0;
	int r = 0;
	for (; r >= 0 && made < n; made++) {
		fds[made] = r = pm_fs_memfd("document", texts[made], err);
		if (r < 0)
			break;
	}
	if (r >= 0)
		r = pm_wire_send(s->sock, w, fds, n, err);
	while (made > 0)
		close(fds[--made]);
	return r;
}

/* --- inspect ------------------------------------------------------------------------------------- */

static int tags_of(struct pm_source *source, struct pm_strv *ret, struct pm_err *err)
{
	struct pm_client *c = pm_source_client(source);
	return c ? pm_client_tags(c, ret, err) : 0;
}

/* top: what the name means; image: top, or what it has for the platform. */
static int read_image(struct pm_session *s, struct pm_source *source, const struct pm_buf *top,
		      const char *type, struct pm_buf *image, struct pm_buf *config,
		      struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_manifest_ struct pm_manifest m = {0};
	_cleanup_free_ char *second = NULL;
	enum pm_manifest_kind kind;
	struct pm_json *root;
	const char *media_type;
	int r = pm_json_parse(pool, pm_buf_str(top), top->len, &root, err);
	if (r >= 0)
		r = pm_manifest_kind(root, type, &kind, &media_type, err);
	if (r >= 0 && kind == PM_MANIFEST_INDEX) {
		struct pm_descriptor d;
		r = pm_index_choose(root, &s->platform, &d, err);
		if (r >= 0)
			r = pm_source_manifest(source, d.digest, image, &second, err);
		if (r >= 0)
			r = pm_json_parse(pool, pm_buf_str(image), image->len, &root, err);
		if (r >= 0)
			r = pm_manifest_kind(root, second ? second : d.media_type, &kind, &media_type,
					     err);
	} else if (r >= 0) {
		pm_buf_add(image, pm_buf_str(top), top->len);
	}
	if (r >= 0)
		r = pm_manifest_parse_any(root, media_type,
					  PM_MANIFEST_ARTIFACTS | PM_MANIFEST_FOREIGN, &m, err);
	return r < 0 ? r : pm_source_read_blob(source, &m.config, PM_CONFIG_MAX, config, err);
}

static int inspect_source(struct pm_session *s, struct pm_source *source, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf top = PM_BUF_INIT, image = PM_BUF_INIT, config = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	_cleanup_free_ char *type = NULL;
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	const char *domain, *path;
	char digest[PM_DIGEST_SIZE];
	bool raw = pm_streq(pm_wire_get(&s->request, "raw"), "1");
	int r = pm_source_manifest(source, NULL, &top, &type, err);
	if (r >= 0 && !raw)
		r = read_image(s, source, &top, type, &image, &config, err);
	if (r >= 0 && !raw && pm_streq(pm_wire_get(&s->request, "tags"), "1"))
		r = tags_of(source, &tags, err);
	if (r < 0)
		return pm_wrap(err, "%s", pm_source_where(source));
	pm_digest_of(pm_buf_str(&top), top.len, digest);
	pm_wire_add(&w, "type", "inspected");
	pm_wire_add(&w, "digest", digest);
	if (pm_source_repository(source, &domain, &path)) {
		_cleanup_free_ char *name = pm_asprintf("%s/%s", domain, path);
		pm_wire_add(&w, "name", name);
	}
	pm_wire_add_list(&w, "tag", &tags);
	const struct pm_buf *texts[] = {&top, &image, &config};
	return reply(s, &w, texts, raw ? 1 : 3, err);
}

static int inspect(struct pm_session *s, struct pm_err *err)
{
	const char *transport = pm_wire_get(&s->request, "transport"),
		   *name = pm_wire_get(&s->request, "name");
	_cleanup_access_ struct pm_access access = {0};
	struct pm_source *source;
	if (!transport || !name)
		return malformed(err);
	int r = pm_access_load(s, "", &access, err);
	if (r < 0)
		return r;
	struct pm_source_options o = {
		.access = &access,
		.platform = &s->platform,
		.shared_blob_dir = pm_wire_get(&s->request, "shared"),
		.daemon_host = pm_wire_get(&s->request, "daemon"),
		.input = -1,
		.stage = -1,
	};
	r = pm_source_open(transport, name, &o, &source, err);
	if (r < 0)
		return r;
	r = inspect_source(s, source, err);
	pm_source_free(source);
	return r;
}

/* --- one repository ------------------------------------------------------------------------------ */

struct one {
	struct pm_access access;
	struct pm_http *http;
	struct pm_client *client;
	struct pm_reference ref;
};

static void one_free(struct one *o)
{
	pm_client_free(o->client);
	pm_http_free(o->http);
	pm_reference_free(&o->ref);
	pm_access_free(&o->access);
}

static int one_open(struct pm_session *s, const char *actions, struct one *o, struct pm_err *err)
{
	const char *name = pm_wire_get(&s->request, "name");
	if (!name)
		return malformed(err);
	int r = pm_reference_parse_docker(name, &o->ref, err);
	if (r >= 0)
		r = pm_access_load(s, "", &o->access, err);
	if (r >= 0)
		r = pm_http_new(o->access.stall_seconds, &o->http, err);
	o->access.client.actions = actions;
	return r < 0 ? r : pm_client_new(o->http, &o->access.conf, &o->ref, &o->access.client,
					 &o->client, err);
}

static int send_tags(struct pm_session *s, const char *name, const struct pm_strv *tags,
		     struct pm_err *err)
{
	_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
	pm_wire_add(&w, "type", "tags");
	if (name)
		pm_wire_add(&w, "name", name);
	pm_wire_add_list(&w, "tag", tags);
	return pm_session_send(s, &w, err);
}

static int list_tags(struct pm_session *s, struct pm_err *err)
{
	struct one o = {0};
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	int r = one_open(s, NULL, &o, err);
	if (r >= 0 && (o.ref.tag || o.ref.digest))
		r = pm_fail(err, PM_E_USAGE, "No tag or digest allowed in reference");
	if (r >= 0)
		r = pm_client_tags(o.client, &tags, err);
	if (r >= 0) {
		_cleanup_free_ char *name = pm_reference_name(&o.ref);
		r = send_tags(s, name, &tags, err);
	}
	one_free(&o);
	return r;
}

/* The names within a docker-archive. */
static int list_archive(struct pm_session *s, struct pm_err *err)
{
	const char *name = pm_wire_get(&s->request, "name");
	_cleanup_free_ char *path = NULL, *which = NULL;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	struct pm_files *files;
	struct pm_json *list;
	if (!name)
		return malformed(err);
	pm_image_path_split(name, &path, &which);
	_cleanup_close_ int stage = pm_source_stage(err);
	_cleanup_close_ int fd = stage < 0 ? stage : pm_source_open_path(path, err);
	if (fd < 0)
		return fd;
	int r = pm_files_open(fd, stage, &files, err);
	if (r < 0)
		return pm_wrap(err, "%s", path);
	r = pm_docker_archive_read(files, pool, &list, err);
	for (size_t i = 0; r >= 0 && i < list->len; i++)
		r = pm_docker_archive_names(list->items[i], &tags, err);
	pm_files_free(files);
	return r < 0 ? pm_wrap(err, "%s", path) : send_tags(s, NULL, &tags, err);
}

static int delete_remote(struct pm_session *s, struct pm_err *err)
{
	struct one o = {0};
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_free_ char *type = NULL;
	char digest[PM_DIGEST_SIZE];
	int r = one_open(s, "*", &o, err);
	if (r >= 0) {
		pm_reference_default_tag(&o.ref);
		r = pm_client_manifest(o.client, o.ref.digest ? o.ref.digest : o.ref.tag, &text, &type,
				       err);
	}
	if (r >= 0) {
		pm_digest_of(pm_buf_str(&text), text.len, digest);
		r = pm_client_delete(o.client, digest, err);
	}
	one_free(&o);
	return r;
}

static int delete_image(struct pm_session *s, struct pm_err *err)
{
	const char *transport = pm_wire_get(&s->request, "transport"),
		   *name = pm_wire_get(&s->request, "name");
	if (!transport || !name)
		return malformed(err);
	if (strcmp(transport, "oci") == 0)
		return pm_layout_delete(name, pm_wire_get(&s->request, "shared"), err);
	if (strcmp(transport, "docker-daemon") == 0)
		return pm_daemon_delete(pm_wire_get(&s->request, "daemon"), name, err);
	return delete_remote(s, err);
}

/* --- one registry -------------------------------------------------------------------------------- */

static int registry(struct pm_session *s, const char *op, struct pm_err *err)
{
	const char *host = pm_wire_get(&s->request, "name"), *term = pm_wire_get(&s->request, "term");
	_cleanup_access_ struct pm_access access = {0};
	struct pm_http *http;
	struct pm_client *c = NULL;
	int64_t limit;
	bool search = strcmp(op, "search") == 0;
	if (!host || (search && !term))
		return malformed(err);
	int r = pm_wire_get_int(&s->request, "limit", 25, &limit, err);
	if (r >= 0)
		r = pm_access_load(s, "", &access, err);
	if (r < 0)
		return r;
	r = pm_http_new(access.stall_seconds, &http, err);
	if (r < 0)
		return r;
	access.client.actions = search ? "registry:catalog:*" : NULL;
	r = pm_client_new_registry(http, &access.conf, host, &access.client, &c, err);
	if (r >= 0 && !search) {
		r = pm_client_login(c, err);
	} else if (r >= 0) {
		_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
		struct pm_json *list = pm_json_array(pool);
		r = pm_client_search(c, term, limit < 1 || limit > SEARCH_MAX ? SEARCH_MAX
									     : (unsigned int)limit,
				     pool, list, err);
		if (r >= 0) {
			_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
			_cleanup_wire_ struct pm_wire w = PM_WIRE_INIT;
			const struct pm_buf *texts[] = {&text};
			pm_json_write(list, 0, &text);
			pm_wire_add(&w, "type", "found");
			r = reply(s, &w, texts, 1, err);
		}
	}
	pm_client_free(c);
	pm_http_free(http);
	return r;
}

int pm_query_run(struct pm_session *s, struct pm_err *err)
{
	const char *op = pm_wire_get(&s->request, "op");
	int r;
	if (pm_streq(op, "inspect"))
		r = inspect(s, err);
	else if (pm_streq(op, "tags"))
		r = pm_streq(pm_wire_get(&s->request, "transport"), "docker-archive")
			    ? list_archive(s, err)
			    : list_tags(s, err);
	else if (pm_streq(op, "delete"))
		r = delete_image(s, err);
	else if (pm_streq(op, "login") || pm_streq(op, "search"))
		r = registry(s, op, err);
	else
		return 0;
	return r < 0 ? r : 1;
}
