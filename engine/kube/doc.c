#include "engine/kube/doc.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/yaml.h"
#include "engine/kube/schema.h"
#include "engine/secret/secret.h"
#include "registry/auth.h"

enum { FILE_MAX = 16 << 20 };

void pm_kube_set_free(struct pm_kube_set *s)
{
	pm_json_pool_free(s->pool);
	free(s->v);
	pm_strv_free(&s->warnings);
	pm_secret_wipe(&s->text);
	*s = (struct pm_kube_set){0};
}

/* Kinds that shut something in: to go on without them would open it. */
static bool is_guard(const char *kind)
{
	static const char *const guards[] = {"NetworkPolicy", "PodSecurityPolicy", NULL};
	return pm_str_in(kind, guards);
}

static int check_object(struct pm_kube_set *s, const struct pm_kube_object *o, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv warnings = PM_STRV_INIT;
	int r = pm_kube_check(pm_kube_type_of(o->kind), o->v, &warnings, err);
	for (size_t i = 0; i < warnings.n; i++)
		pm_strv_addf(&s->warnings, "%s %s: %s", o->kind, o->name, warnings.v[i]);
	return r < 0 ? pm_wrap(err, "%s %s", o->kind, o->name) : 0;
}

/* A null is as good as nothing, and needs no look by anybody behind. */
static void prune(struct pm_json *v)
{
	for (size_t i = 0; v->kind == PM_JSON_ARRAY && i < v->len; i++)
		prune(v->items[i]);
	for (size_t i = 0; v->kind == PM_JSON_OBJECT && i < v->len;) {
		if (v->members[i].value->kind == PM_JSON_NULL) {
			pm_json_unset(v, v->members[i].name);
			continue;
		}
		prune(v->members[i++].value);
	}
}

static void append(struct pm_kube_set *s, const char *kind, const char *name, struct pm_json *v)
{
	s->v = pm_reallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct pm_kube_object){.kind = kind, .name = name, .v = v};
}

static int add_document(struct pm_kube_set *s, struct pm_json *v, bool check, unsigned int depth,
			struct pm_err *err);

/* kind: List */
static int add_list(struct pm_kube_set *s, struct pm_json *v, bool check, unsigned int depth,
		    struct pm_err *err)
{
	struct pm_json *items = pm_json_get(v, "items");
	for (size_t i = 0; i < pm_json_len(items); i++) {
		int r = depth > 0 || items->kind != PM_JSON_ARRAY
				? pm_fail(err, PM_E_FORMAT, "line %u: a List holds a list of objects", v->line)
				: add_document(s, items->items[i], check, depth + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_document(struct pm_kube_set *s, struct pm_json *v, bool check, unsigned int depth,
			struct pm_err *err)
{
	if (v->kind == PM_JSON_NULL) /* nothing between two "---" */
		return 0;
	const char *kind = pm_json_get_str(v, "kind");
	const char *name = pm_json_get_str(pm_json_get(v, "metadata"), "name");
	if (!kind)
		return pm_fail(err, PM_E_FORMAT, "line %u: a Kubernetes object has a kind", v->line);
	if (strcmp(kind, "List") == 0)
		return add_list(s, v, check, depth, err);
	if (!pm_kube_type_of(kind)) {
		if (is_guard(kind))
			return pm_fail(err, PM_E_UNSUPPORTED,
				       "line %u: kind %s is not supported: what it forbids would be allowed",
				       v->line, kind);
		pm_strv_addf(&s->warnings, "line %u: kind %s is not supported: left out", v->line, kind);
		return 0;
	}
	if (!name || !*name)
		return pm_fail(err, PM_E_FORMAT, "line %u: the %s has no name", v->line, kind);
	if (pm_kube_set_find(s, kind, name))
		return pm_fail(err, PM_E_FORMAT, "line %u: %s %s is given twice", v->line, kind, name);
	append(s, kind, name, v);
	int r = check ? check_object(s, &s->v[s->n - 1], err) : 0;
	prune(v);
	return r;
}

int pm_kube_set_parse(struct pm_kube_set *s, const char *file, const char *text, size_t len,
		      bool check, struct pm_err *err)
{
	struct pm_json *documents;
	if (!s->pool)
		s->pool = pm_json_pool_new();
	pm_buf_add(&s->text, text, len);
	int r = pm_yaml_parse_all(s->pool, text, len, &documents, err);
	for (size_t i = 0; r >= 0 && i < documents->len; i++)
		r = add_document(s, documents->items[i], check, 0, err);
	return r < 0 ? pm_wrap(err, "%s", file) : 0;
}

int pm_kube_set_read(struct pm_kube_set *s, const char *file, bool check, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	int r;
	if (strcmp(file, "-") == 0)
		r = pm_fs_read_fd(0, FILE_MAX, &text, err);
	else if (pm_startswith(file, "http://") || pm_startswith(file, "https://"))
		r = pm_fail(err, PM_E_UNSUPPORTED,
			    "%s: URLs are not read: fetch the file and look at it first", file);
	else
		r = pm_fs_read_file(AT_FDCWD, file, FILE_MAX, &text, err);
	return r < 0 ? r
		     : pm_kube_set_parse(s, strcmp(file, "-") == 0 ? "standard input" : file,
					 pm_buf_str(&text), text.len, check, err);
}

const struct pm_kube_object *pm_kube_set_find(const struct pm_kube_set *s, const char *kind,
					      const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].kind, kind) == 0 && strcmp(s->v[i].name, name) == 0)
			return &s->v[i];
	return NULL;
}

/* --- data ---------------------------------------------------------------------------------------- */

void pm_kube_data_free(struct pm_kube_data *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].key);
		pm_secret_wipe(&d->v[i].value);
	}
	free(d->v);
	*d = (struct pm_kube_data){0};
}

const struct pm_kube_datum *pm_kube_data_get(const struct pm_kube_data *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->v[i].key, key) == 0)
			return &d->v[i];
	return NULL;
}

/* Keys are names of files and variables: letters, digits, '-', '_' and '.', as in Kubernetes. */
static bool key_is_good(const char *key)
{
	return *key && strlen(key) <= 253 && strcmp(key, ".") != 0 && strcmp(key, "..") != 0 &&
	       key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] ==
		       '\0';
}

/* Base64 with line breaks anywhere, appended to out. */
static bool decode(const char *text, struct pm_buf *out)
{
	_cleanup_secret_ struct pm_buf joined = PM_BUF_INIT;
	size_t len;
	for (const char *p = text; *p; p++)
		if (!strchr(" \t\r\n", *p))
			pm_buf_add_char(&joined, *p);
	char *raw = pm_base64_decode(pm_buf_str(&joined), &len);
	if (!raw)
		return false;
	pm_buf_add(out, raw, len);
	explicit_bzero(raw, len);
	free(raw);
	return true;
}

static int add_map(const struct pm_json *map, bool encoded, bool binary, struct pm_kube_data *ret,
		   struct pm_err *err)
{
	for (size_t i = 0; i < pm_json_len(map); i++) {
		const char *key = map->members[i].name;
		const struct pm_json *v = map->members[i].value;
		if (!key_is_good(key))
			return pm_fail(err, PM_E_FORMAT, "line %u: \"%s\" is no key of data", v->line, key);
		struct pm_kube_datum *d = (struct pm_kube_datum *)(uintptr_t)pm_kube_data_get(ret, key);
		if (!d) {
			ret->v = pm_reallocarray(ret->v, ret->n + 1, sizeof(*ret->v));
			d = &ret->v[ret->n++];
			*d = (struct pm_kube_datum){.key = pm_strdup(key)};
		}
		pm_secret_wipe(&d->value);
		d->binary = binary;
		if (!encoded) {
			pm_buf_add(&d->value, v->string, v->len);
			continue;
		}
		if (!decode(v->string, &d->value))
			return pm_fail(err, PM_E_FORMAT, "line %u: the value of %s is not base64", v->line,
				       key);
	}
	return 0;
}

int pm_kube_object_data(const struct pm_kube_object *o, struct pm_kube_data *ret, struct pm_err *err)
{
	bool secret = strcmp(o->kind, "Secret") == 0;
	int r = add_map(pm_json_get(o->v, "data"), secret, false, ret, err);
	if (r >= 0)
		r = add_map(pm_json_get(o->v, secret ? "stringData" : "binaryData"), !secret, !secret,
			    ret, err);
	return r < 0 ? pm_wrap(err, "%s %s", o->kind, o->name) : 0;
}

/* pm's secret of that name holds a Secret document, as kube play (and Podman's) stores it. */
static int stored_secret(struct pm_engine *e, const char *name, struct pm_kube_data *ret,
			 struct pm_err *err)
{
	_cleanup_secret_row_ struct pm_secret_row row = {0};
	_cleanup_secret_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_kube_set_ struct pm_kube_set own = {0};
	int r = pm_secret_find(e->store, name, &row, err);
	if (r >= 0 && strcmp(row.name, name) != 0)
		r = pm_fail(err, PM_E_NOSUCH, "no secret with name %s", name);
	if (r >= 0)
		r = pm_secret_data(e, &row, &text, err);
	if (r >= 0)
		r = pm_kube_set_parse(&own, "its data", pm_buf_str(&text), text.len, true, err);
	if (r == -PM_E_NOSUCH)
		return r;
	if (r < 0 || own.n != 1 || strcmp(own.v[0].kind, "Secret") != 0)
		return pm_fail(err, PM_E_FORMAT,
			       "secret %s is not a Kubernetes Secret: its data must be the YAML of one", name);
	return pm_kube_object_data(&own.v[0], ret, err);
}

int pm_kube_data(struct pm_engine *e, const struct pm_kube_set *s, const char *kind, const char *name,
		 struct pm_kube_data *ret, struct pm_err *err)
{
	const struct pm_kube_object *o = pm_kube_set_find(s, kind, name);
	if (o)
		return pm_kube_object_data(o, ret, err);
	if (strcmp(kind, "Secret") == 0)
		return stored_secret(e, name, ret, err);
	return pm_fail(err, PM_E_NOSUCH, "no %s %s: it must be in the file, or in one of --configmap",
		       kind, name);
}
