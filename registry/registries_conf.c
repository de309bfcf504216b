#include "registry/registries_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/toml.h"

enum { CONF_MAX = 4 << 20 };

static void mirror_free(struct pm_mirror *m)
{
	free(m->location);
}

static void registry_free(struct pm_registry *r)
{
	for (size_t i = 0; i < r->n_mirrors; i++)
		mirror_free(&r->mirrors[i]);
	free(r->mirrors);
	free(r->prefix);
	free(r->location);
	*r = (struct pm_registry){0};
}

void pm_registries_free(struct pm_registries *c)
{
	for (size_t i = 0; i < c->n; i++)
		registry_free(&c->v[i]);
	free(c->v);
	free(c->source);
	pm_strv_free(&c->search);
	pm_strv_free(&c->aliases);
	pm_strv_free(&c->helpers);
	*c = (struct pm_registries)PM_REGISTRIES_INIT;
}

void pm_endpoints_free(struct pm_endpoints *e)
{
	for (size_t i = 0; i < e->n; i++)
		pm_reference_free(&e->v[i].ref);
	free(e->v);
	*e = (struct pm_endpoints){0};
}

/* --- parsing ------------------------------------------------------------------------------------- */

/* A location is host[:port][/path...] without scheme; the caller frees. */
static int location(const char *s, const char *file, char **ret, struct pm_err *err)
{
	size_t len = strlen(s);
	while (len && s[len - 1] == '/')
		len--;
	char *v = pm_strndup(s, len);
	if (!len || strstr(v, "://")) {
		free(v);
		return pm_fail(err, PM_E_FORMAT, "%s: '%.200s' is not a registry: write HOST[:PORT]"
						 "[/PATH], without a scheme",
			       file, s);
	}
	*ret = v;
	return 0;
}

static int parse_mirror(struct pm_registry *r, const struct pm_json *v, bool digest_only,
			const char *file, struct pm_err *err)
{
	const char *loc = pm_json_get_str(v, "location");
	char *text = NULL;
	int e = location(loc ? loc : "", file, &text, err);
	if (e < 0)
		return e;
	const char *from = pm_json_get_str(v, "pull-from-mirror");
	r->mirrors = pm_reallocarray(r->mirrors, r->n_mirrors + 1, sizeof(*r->mirrors));
	r->mirrors[r->n_mirrors++] = (struct pm_mirror){
		.location = text,
		.insecure = pm_json_get_bool(v, "insecure", false),
		.digest_only = digest_only || pm_streq(from, "digest-only"),
		.tag_only = pm_streq(from, "tag-only"),
	};
	return 0;
}

static void put_registry(struct pm_registries *c, struct pm_registry *r)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->v[i].prefix, r->prefix) == 0) {
			registry_free(&c->v[i]);
			c->v[i] = *r;
			return;
		}
	}
	c->v = pm_reallocarray(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = *r;
}

static int parse_registry(struct pm_registries *c, const struct pm_json *v, const char *file,
			  struct pm_err *err)
{
	struct pm_registry r = {0};
	const char *loc = pm_json_get_str(v, "location"), *prefix = pm_json_get_str(v, "prefix");
	if (!prefix || !*prefix)
		prefix = loc ? loc : "";
	int e = location(prefix, file, &r.prefix, err);
	if (e < 0)
		return e;
	if (loc && *loc)
		e = location(loc, file, &r.location, err);
	else if (!pm_startswith(r.prefix, "*."))
		r.location = pm_strdup(r.prefix);
	r.insecure = pm_json_get_bool(v, "insecure", false);
	r.blocked = pm_json_get_bool(v, "blocked", false);
	const struct pm_json *mirrors = pm_json_get(v, "mirror");
	bool digest_only = pm_json_get_bool(v, "mirror-by-digest-only", false);
	for (size_t i = 0; e >= 0 && i < pm_json_len(mirrors); i++)
		e = parse_mirror(&r, pm_json_at(mirrors, i), digest_only, file, err);
	if (e < 0) {
		registry_free(&r);
		return e;
	}
	put_registry(c, &r);
	return 0;
}

static void put_alias(struct pm_registries *c, const char *name, const char *value)
{
	for (size_t i = 0; i + 1 < c->aliases.n; i += 2) {
		if (strcmp(c->aliases.v[i], name) == 0) {
			free(c->aliases.v[i + 1]);
			c->aliases.v[i + 1] = pm_strdup(value);
			return;
		}
	}
	pm_strv_add(&c->aliases, name);
	pm_strv_add(&c->aliases, value);
}

/* Version 1: [registries.search] registries = [...], .insecure, .block. */
static int parse_v1(struct pm_registries *c, const struct pm_json *v1, const char *file,
		    struct pm_err *err)
{
	const struct pm_json *search = pm_json_find(v1, "search", "registries", NULL);
	int r = 0;
	if (search) {
		pm_strv_free(&c->search);
		r = pm_json_to_strv(search, &c->search, err);
	}
	const char *kinds[] = {"insecure", "block"};
	for (size_t k = 0; r >= 0 && k < 2; k++) {
		const struct pm_json *l = pm_json_find(v1, kinds[k], "registries", NULL);
		for (size_t i = 0; r >= 0 && i < pm_json_len(l); i++) {
			const struct pm_json *item = pm_json_at(l, i);
			struct pm_registry reg = {.insecure = k == 0, .blocked = k == 1};
			r = location(pm_json_is(item, PM_JSON_STRING) ? item->string : "", file,
				     &reg.prefix, err);
			if (r < 0)
				break;
			reg.location = pm_strdup(reg.prefix);
			put_registry(c, &reg);
		}
	}
	return r;
}

int pm_registries_parse(struct pm_registries *c, const char *text, size_t len, const char *file,
			struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *root;
	int r = pm_toml_parse(pool, text, len, &root, err);
	if (r < 0)
		return pm_wrap(err, "read %s", file);
	const struct pm_json *search = pm_json_get(root, "unqualified-search-registries");
	if (search) {
		pm_strv_free(&c->search);
		r = pm_json_to_strv(search, &c->search, err);
		if (r < 0)
			return pm_wrap(err, "%s: unqualified-search-registries", file);
		free(c->source);
		c->source = pm_strdup(file);
	}
	const char *mode = pm_json_get_str(root, "short-name-mode");
	if (pm_streq(mode, "enforcing"))
		c->short_names = PM_SHORT_ENFORCING;
	else if (pm_streq(mode, "disabled"))
		c->short_names = PM_SHORT_DISABLED;
	else if (pm_streq(mode, "permissive"))
		c->short_names = PM_SHORT_PERMISSIVE;
	else if (mode && *mode)
		return pm_fail(err, PM_E_FORMAT, "%s: invalid short-name-mode '%.50s': enforcing, "
						 "permissive or disabled",
			       file, mode);
	const struct pm_json *helpers = pm_json_get(root, "credential-helpers");
	if (helpers) {
		pm_strv_free(&c->helpers);
		r = pm_json_to_strv(helpers, &c->helpers, err);
		if (r < 0)
			return pm_wrap(err, "%s: credential-helpers", file);
	}
	r = parse_v1(c, pm_json_get(root, "registries"), file, err);
	const struct pm_json *list = pm_json_get(root, "registry");
	for (size_t i = 0; r >= 0 && i < pm_json_len(list); i++)
		r = parse_registry(c, pm_json_at(list, i), file, err);
	const struct pm_json *aliases = pm_json_get(root, "aliases");
	for (size_t i = 0; r >= 0 && pm_json_is(aliases, PM_JSON_OBJECT) && i < aliases->len; i++) {
		const struct pm_json *v = aliases->members[i].value;
		if (pm_json_is(v, PM_JSON_STRING))
			put_alias(c, aliases->members[i].name, v->string);
	}
	return r;
}

static int load_file(struct pm_registries *c, const char *path, bool *ret_there,
		     struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_err why = PM_ERR_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, CONF_MAX, &text, &why);
	*ret_there = r >= 0;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	return pm_registries_parse(c, pm_buf_str(&text), text.len, path, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load_dir(struct pm_registries *c, const char *dir, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (pm_fs_list(AT_FDCWD, dir, &names, NULL) < 0)
		return 0;
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		if (!pm_endswith(names.v[i], ".conf"))
			continue;
		_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, names.v[i]);
		bool there;
		int r = load_file(c, path, &there, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* $NAME/below, or $HOME/home_below; NULL without either. */
static char *user_path(const char *name, const char *home_below, const char *below)
{
	const char *v = getenv(name);
	if (v && *v)
		return pm_asprintf("%s/%s", v, below);
	v = getenv("HOME");
	return v && *v ? pm_asprintf("%s/%s/%s", v, home_below, below) : NULL;
}

static char *alias_file(void)
{
	return pm_proc_for_system() ? pm_strdup("/var/cache/containers/short-name-aliases.conf")
		       : user_path("XDG_CACHE_HOME", ".cache", "containers/short-name-aliases.conf");
}

int pm_registries_load(struct pm_registries *ret, struct pm_err *err)
{
	bool there = false;
	const char *env = getenv("CONTAINERS_REGISTRIES_CONF");
	if (env && *env) {
		int r = load_file(ret, env, &there, err);
		if (r >= 0 && !there)
			r = pm_fail(err, ENOENT, "open %s: %s", env, strerror(ENOENT));
		return r;
	}
	_cleanup_free_ char *user =
		user_path("XDG_CONFIG_HOME", ".config", "containers/registries.conf");
	int r = user ? load_file(ret, user, &there, err) : 0;
	if (r >= 0 && !there)
		r = load_file(ret, "/etc/containers/registries.conf", &there, err);
	if (r >= 0)
		r = load_dir(ret, "/etc/containers/registries.conf.d", err);
	_cleanup_free_ char *user_d = user ? pm_asprintf("%s.d", user) : NULL;
	if (r >= 0 && user_d)
		r = load_dir(ret, user_d, err);
	_cleanup_free_ char *cache = alias_file();
	if (r >= 0 && cache)
		r = load_file(ret, cache, &there, err);
	return r;
}

/* --- looking up ---------------------------------------------------------------------------------- */

/* Length of the part of name that prefix matches, 0 for none. name is "domain/path[:tag][@digest]". */
static size_t match(const char *prefix, const char *name)
{
	if (pm_startswith(prefix, "*.")) {
		size_t host = strcspn(name, "/"), want = strlen(prefix) - 1;
		return host > want && strncmp(name + host - want, prefix + 1, want) == 0 ? host : 0;
	}
	size_t n = strlen(prefix);
	if (strncmp(prefix, name, n) != 0)
		return 0;
	return name[n] == '\0' || strchr("/:@", name[n]) ? n : 0;
}

const struct pm_registry *pm_registries_find(const struct pm_registries *c,
					     const struct pm_reference *r)
{
	_cleanup_free_ char *name = pm_reference_str(r);
	const struct pm_registry *best = NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (match(c->v[i].prefix, name) && strlen(c->v[i].prefix) > best_len) {
			best = &c->v[i];
			best_len = strlen(c->v[i].prefix);
		}
	}
	return best;
}

/* The reference with the matched part of its name replaced by location. */
static int add_endpoint(struct pm_endpoints *e, const struct pm_reference *r, size_t matched,
			const char *loc, bool insecure, struct pm_err *err)
{
	_cleanup_free_ char *full = pm_reference_str(r);
	_cleanup_free_ char *text = loc ? pm_asprintf("%s%s", loc, full + matched) : pm_strdup(full);
	struct pm_reference ref;
	int x = pm_reference_parse(text, &ref, err);
	if (x < 0)
		return pm_wrap(err, "registries.conf rewrites '%s'", full);
	if (!ref.domain) {
		pm_reference_free(&ref);
		return pm_fail(err, PM_E_FORMAT, "registries.conf rewrites '%s' to '%s', which "
						 "names no registry",
			       full, text);
	}
	e->v = pm_reallocarray(e->v, e->n + 1, sizeof(*e->v));
	e->v[e->n++] = (struct pm_endpoint){.ref = ref, .insecure = insecure};
	return 0;
}

int pm_registries_endpoints(const struct pm_registries *c, const struct pm_reference *r,
			    struct pm_endpoints *ret, struct pm_err *err)
{
	const struct pm_registry *reg = pm_registries_find(c, r);
	if (!reg)
		return add_endpoint(ret, r, 0, NULL, false, err);
	_cleanup_free_ char *name = pm_reference_str(r);
	if (reg->blocked)
		return pm_fail(err, PM_E_REMOTE,
			       "registry %s is blocked in registries.conf or its drop-ins",
			       reg->prefix);
	size_t matched = match(reg->prefix, name);
	for (size_t i = 0; i < reg->n_mirrors; i++) {
		const struct pm_mirror *m = &reg->mirrors[i];
		if ((m->digest_only && !r->digest) || (m->tag_only && r->digest))
			continue;
		int x = add_endpoint(ret, r, matched, m->location, m->insecure, err);
		if (x < 0)
			return x;
	}
	return add_endpoint(ret, r, matched, reg->location, reg->insecure, err);
}

const char *pm_registries_alias(const struct pm_registries *c, const char *name)
{
	for (size_t i = 0; i + 1 < c->aliases.n; i += 2) {
		if (strcmp(c->aliases.v[i], name) == 0)
			return c->aliases.v[i + 1];
	}
	return NULL;
}

/* "PREFIX/path:tag@digest", normalised; malformed prefixes are passed over. */
static void add_candidate(struct pm_strv *l, const char *name, const struct pm_reference *r)
{
	struct pm_reference full;
	if (pm_reference_parse(name, &full, NULL) < 0)
		return;
	free(full.tag);
	free(full.digest);
	full.tag = pm_strdup_null(r->tag);
	full.digest = pm_strdup_null(r->digest);
	pm_reference_normalize(&full);
	pm_reference_default_tag(&full);
	char *text = pm_reference_str(&full);
	if (full.domain && !pm_strv_has(l, text))
		pm_strv_add(l, text);
	free(text);
	pm_reference_free(&full);
}

int pm_registries_candidates(const struct pm_registries *c, const struct pm_reference *r, bool local,
			     struct pm_strv *ret, struct pm_err *err)
{
	_cleanup_free_ char *name = pm_reference_name(r);
	if (r->domain) {
		add_candidate(ret, name, r);
		return 0;
	}
	const char *alias = pm_registries_alias(c, name);
	if (alias && *alias)
		add_candidate(ret, alias, r);
	if (ret->n && !local)
		return 0;
	if (local) {
		_cleanup_free_ char *here = pm_asprintf("localhost/%s", name);
		add_candidate(ret, here, r);
	}
	for (size_t i = 0; i < c->search.n; i++) {
		_cleanup_free_ char *full = pm_asprintf("%s/%s", c->search.v[i], name);
		add_candidate(ret, full, r);
	}
	if (local) {
		_cleanup_free_ char *hub = pm_asprintf("docker.io/%s", name);
		add_candidate(ret, hub, r);
	}
	if (ret->n)
		return 0;
	return pm_fail(err, PM_E_USAGE,
		       "short-name \"%s\" did not resolve to an alias and no "
		       "unqualified-search registries are defined in %s: use a full name such as "
		       "docker.io/library/%s",
		       name, c->source ? c->source : "registries.conf", name);
}

int pm_registries_remember(const char *name, const char *value, struct pm_err *err)
{
	_cleanup_free_ char *path = alias_file();
	_cleanup_registries_ struct pm_registries c = PM_REGISTRIES_INIT;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT;
	if (!path)
		return 0;
	_cleanup_free_ char *dir = pm_strndup(path, (size_t)(strrchr(path, '/') - path));
	bool there;
	int r = pm_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	_cleanup_close_ int lock = r < 0 ? r : pm_lock_take(AT_FDCWD, dir, PM_LOCK_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	r = load_file(&c, path, &there, err);
	if (r < 0)
		return r;
	put_alias(&c, name, value);
	/* Names and values are references: no character of theirs needs escaping. */
	pm_buf_add_str(&out, "[aliases]\n");
	for (size_t i = 0; i + 1 < c.aliases.n; i += 2)
		pm_buf_printf(&out, "  \"%s\" = \"%s\"\n", c.aliases.v[i], c.aliases.v[i + 1]);
	return pm_fs_write_file(AT_FDCWD, path, pm_buf_str(&out), out.len, 0600, false, err);
}
