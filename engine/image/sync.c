#include "engine/image/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/yaml.h"
#include "engine/image/query.h"
#include "registry/reference.h"

enum { FILE_MAX = 4 << 20, DEPTH_MAX = 64, IMAGES_MAX = 100000 };

/* Images of one repository, or of one directory. */
struct repo {
	struct pm_strv names;  /* with transports */
	struct pm_strv suffix; /* what each is below the destination, scoped */
	struct pm_remote remote;
};

struct sync {
	const struct pm_sync_options *o;
	struct pm_json_pool *pool; /* of a yaml file; holds what remotes point to */
	struct repo *v;
	size_t n;
	struct pm_err first; /* keep_going */
};

static struct repo *add_repo(struct sync *s)
{
	s->v = pm_reallocarray(s->v, s->n + 1, sizeof(*s->v));
	struct repo *r = &s->v[s->n++];
	*r = (struct repo){.remote = s->o->copy.src};
	return r;
}

static void add_image(struct repo *r, const char *full)
{
	pm_strv_addf(&r->names, "docker://%s", full);
	pm_strv_add(&r->suffix, full);
}

/* --- docker -------------------------------------------------------------------------------------- */

/* name with each tag that re (NULL: all) matches. */
static int add_tags(struct sync *s, struct repo *r, const char *name, const regex_t *re,
		    struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv tags = PM_STRV_INIT;
	_cleanup_free_ char *full = NULL, *source = pm_asprintf("docker://%s", name);
	struct pm_query_options q = {.remote = r->remote};
	(void)s;
	int e = pm_query_tags(source, &q, &full, &tags, err);
	for (size_t i = 0; e >= 0 && i < tags.n; i++) {
		if (re && regexec(re, tags.v[i], 0, NULL, 0) != 0)
			continue;
		_cleanup_free_ char *one = pm_asprintf("%s:%s", full, tags.v[i]);
		add_image(r, one);
	}
	return e;
}

static int from_docker(struct sync *s, const char *source, struct pm_err *err)
{
	_cleanup_reference_ struct pm_reference ref = PM_REFERENCE_INIT;
	int e = pm_reference_parse_docker(source, &ref, err);
	if (e < 0)
		return e;
	struct repo *r = add_repo(s);
	_cleanup_free_ char *full = pm_reference_str(&ref);
	if (ref.tag || ref.digest)
		add_image(r, full);
	else
		e = add_tags(s, r, full, NULL, err);
	return e;
}

/* --- dir ----------------------------------------------------------------------------------------- */

/* Directories with a manifest.json, at any depth; links are not followed. */
static int walk(struct repo *r, const char *base, const char *below, unsigned int depth,
		struct pm_err *err)
{
	_cleanup_free_ char *path = pm_path_join(base, below);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (depth > DEPTH_MAX || r->names.n > IMAGES_MAX)
		return pm_fail(err, PM_E_FORMAT, "%s: too deep, or too many images", path);
	int e = pm_fs_list(AT_FDCWD, path, &names, err);
	if (e < 0)
		return e;
	if (pm_strv_has(&names, "manifest.json")) {
		const char *slash = strrchr(path, '/');
		pm_strv_addf(&r->names, "dir:%s", path);
		/* The directory itself being an image, it goes by its own name. */
		pm_strv_add(&r->suffix, *below ? below : slash ? slash + 1 : path);
		return 0;
	}
	for (size_t i = 0; e >= 0 && i < names.n; i++) {
		_cleanup_free_ char *next = *below ? pm_path_join(below, names.v[i])
						   : pm_strdup(names.v[i]);
		_cleanup_free_ char *full = pm_path_join(base, next);
		struct stat st;
		if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
			e = walk(r, base, next, depth + 1, err);
	}
	return e;
}

/* --- yaml ---------------------------------------------------------------------------------------- */

static int yaml_settings(struct sync *s, struct repo *r, const struct pm_json *v, struct pm_err *err)
{
	const struct pm_json *c = pm_json_get(v, "credentials"), *tls = pm_json_get(v, "tls-verify");
	const char *user = pm_yaml_text(pm_json_get(c, "username")),
		   *password = pm_yaml_text(pm_json_get(c, "password")),
		   *cert_dir = pm_json_get_str(v, "cert-dir");
	if (user && *user) {
		_cleanup_free_ char *creds = pm_asprintf("%s:%s", user, password ? password : "");
		r->remote.creds = pm_json_pool_strdup(s->pool, creds);
	}
	if (tls && !pm_json_is(tls, PM_JSON_BOOL) && !pm_json_is(tls, PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "tls-verify is not a boolean");
	if (pm_json_is(tls, PM_JSON_BOOL))
		r->remote.tls_verify = tls->boolean;
	if (cert_dir)
		r->remote.cert_dir = cert_dir;
	return 0;
}

static int yaml_images(struct sync *s, const char *host, const struct pm_json *registry,
		       struct pm_err *err)
{
	const struct pm_json *images = pm_json_get(registry, "images");
	for (size_t i = 0; pm_json_is(images, PM_JSON_OBJECT) && i < images->len; i++) {
		const struct pm_json *tags = images->members[i].value;
		_cleanup_free_ char *name = pm_asprintf("%s/%s", host, images->members[i].name);
		struct repo *r = add_repo(s);
		int e = yaml_settings(s, r, registry, err);
		if (e >= 0 && !pm_json_len(tags))
			e = add_tags(s, r, name, NULL, err);
		for (size_t k = 0; e >= 0 && k < pm_json_len(tags); k++) {
			const char *tag = pm_yaml_text(pm_json_at(tags, k));
			bool digest = tag && pm_digest_valid(tag);
			if (!tag || (!digest && !pm_tag_valid(tag)))
				return pm_fail(err, PM_E_FORMAT, "%s: a tag or digest is malformed",
					       name);
			_cleanup_free_ char *one = pm_asprintf("%s%c%s", name, digest ? '@' : ':', tag);
			add_image(r, one);
		}
		if (e < 0)
			return pm_wrap(err, "%s", name);
	}
	return 0;
}

static int yaml_regex(struct sync *s, const char *host, const struct pm_json *registry,
		      struct pm_err *err)
{
	const struct pm_json *images = pm_json_get(registry, "images-by-tag-regex");
	for (size_t i = 0; pm_json_is(images, PM_JSON_OBJECT) && i < images->len; i++) {
		const char *text = pm_yaml_text(images->members[i].value);
		_cleanup_free_ char *name = pm_asprintf("%s/%s", host, images->members[i].name);
		regex_t re;
		if (!text || regcomp(&re, text, REG_EXTENDED | REG_NOSUB) != 0)
			return pm_fail(err, PM_E_FORMAT, "%s: '%s' is not a regular expression", name,
				       text ? text : "");
		struct repo *r = add_repo(s);
		int e = yaml_settings(s, r, registry, err);
		if (e >= 0)
			e = add_tags(s, r, name, &re, err);
		regfree(&re);
		if (e < 0)
			return pm_wrap(err, "%s", name);
	}
	return 0;
}

static int from_yaml(struct sync *s, const char *path, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *root = NULL;
	int e = pm_fs_read_file(AT_FDCWD, path, FILE_MAX, &text, err);
	if (e >= 0)
		e = pm_yaml_parse(s->pool, pm_buf_str(&text), text.len, &root, err);
	if (e >= 0 && !pm_json_is(root, PM_JSON_OBJECT))
		e = pm_fail(err, PM_E_FORMAT, "it holds no registries");
	for (size_t i = 0; e >= 0 && i < root->len; i++) {
		const struct pm_json *registry = root->members[i].value;
		e = yaml_images(s, root->members[i].name, registry, err);
		if (e >= 0)
			e = yaml_regex(s, root->members[i].name, registry, err);
		/* As Skopeo: one registry's trouble need not stop the others. */
		if (e < 0 && s->o->keep_going) {
			if (!s->first.code)
				s->first = *err;
			s->o->failed(s->o->arg, err);
			e = 0;
		}
	}
	return e < 0 ? pm_wrap(err, "%s", path) : 0;
}

/* --- copying ------------------------------------------------------------------------------------- */

static char *target(const struct sync *s, const char *destination, const char *suffix)
{
	const char *slash = s->o->scoped ? NULL : strrchr(suffix, '/');
	const char *append = s->o->append_suffix ? s->o->append_suffix : "";
	if (strcmp(s->o->dst, "docker") == 0)
		return pm_asprintf("docker://%s/%s%s", destination, slash ? slash + 1 : suffix, append);
	_cleanup_free_ char *path = pm_path_join(destination, slash ? slash + 1 : suffix);
	return pm_asprintf("dir:%s%s", path, append);
}

static int copy_repo(struct sync *s, const struct repo *r, const char *destination,
		     const struct pm_pull_progress *progress, size_t *count, struct pm_err *err)
{
	struct pm_copy_options co = s->o->copy;
	co.src = r->remote;
	co.src.retries = s->o->copy.src.retries;
	for (size_t i = 0; i < r->names.n; i++) {
		_cleanup_free_ char *to = target(s, destination, r->suffix.v[i]);
		if (s->o->each)
			s->o->each(s->o->arg, i, r->names.n, r->names.v[i], to);
		int e = s->o->dry_run
				? 0
				: pm_image_copy(NULL, r->names.v[i], to, &co, progress, NULL, err);
		if (e >= 0) {
			++*count;
			continue;
		}
		pm_wrap(err, "copying %s", r->names.v[i]);
		if (!s->o->keep_going || e == -PM_E_CANCELLED)
			return e;
		if (!s->first.code)
			s->first = *err;
		s->o->failed(s->o->arg, err);
	}
	return 0;
}

static int gather(struct sync *s, const char *source, struct pm_err *err)
{
	if (strcmp(s->o->src, "docker") == 0)
		return from_docker(s, source, err);
	if (strcmp(s->o->src, "yaml") == 0)
		return from_yaml(s, source, err);
	struct repo *r = add_repo(s);
	int e = walk(r, source, "", 0, err);
	if (e >= 0 && !r->names.n)
		e = pm_fail(err, PM_E_NOSUCH, "no images to sync found in \"%s\"", source);
	return e;
}

int pm_image_sync(const char *source, const char *destination, const struct pm_sync_options *o,
		  const struct pm_pull_progress *progress, size_t *ret_images, size_t *ret_sources,
		  struct pm_err *err)
{
	struct sync s = {.o = o, .pool = pm_json_pool_new()};
	size_t images = 0;
	int e = gather(&s, source, err);
	for (size_t i = 0; e >= 0 && i < s.n; i++)
		e = copy_repo(&s, &s.v[i], destination, progress, &images, err);
	if (e >= 0 && s.first.code) {
		if (err)
			*err = s.first;
		e = -s.first.code;
	}
	*ret_images = images;
	*ret_sources = s.n;
	for (size_t i = 0; i < s.n; i++) {
		pm_strv_free(&s.v[i].names);
		pm_strv_free(&s.v[i].suffix);
	}
	free(s.v);
	pm_json_pool_free(s.pool);
	return e;
}
