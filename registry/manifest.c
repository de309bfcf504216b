#include "registry/manifest.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "registry/digest.h"
#include "registry/manifest_make.h"

#define NS_PER_S 1000000000LL

void pm_manifest_free(struct pm_manifest *m)
{
	free(m->layers);
	*m = (struct pm_manifest){0};
}

void pm_config_free(struct pm_config *c)
{
	free(c->diff_ids);
	*c = (struct pm_config){0};
}

/* --- kind ---------------------------------------------------------------------------------------- */

struct known_type {
	const char *media_type;
	enum pm_manifest_kind kind;
};

static const struct known_type known_types[] = {
	{PM_MT_OCI_MANIFEST, PM_MANIFEST_IMAGE},
	{PM_MT_OCI_INDEX, PM_MANIFEST_INDEX},
	{PM_MT_DOCKER_MANIFEST, PM_MANIFEST_IMAGE},
	{PM_MT_DOCKER_LIST, PM_MANIFEST_INDEX},
};

/* Compares only up to a parameter or space in s. */
static const struct known_type *known_type(const char *s)
{
	size_t len = s ? strcspn(s, "; \t") : 0;
	for (size_t i = 0; len && i < PM_ARRAY_SIZE(known_types); i++) {
		const char *t = known_types[i].media_type;
		if (strlen(t) == len && strncmp(t, s, len) == 0)
			return &known_types[i];
	}
	return NULL;
}

static bool is_schema1(const struct pm_json *root, const char *type)
{
	return (type && strstr(type, ".docker.distribution.manifest.v1+")) || pm_json_get(root, "fsLayers") ||
	       pm_json_get_int(root, "schemaVersion", 2) == 1;
}

/* Content types that say nothing about what a document is. */
static bool generic_type(const char *s)
{
	static const char *const generic[] = {"application/json", "application/octet-stream",
					      "text/plain", "binary/octet-stream"};
	size_t len = s ? strcspn(s, "; \t") : 0;
	for (size_t i = 0; len && i < PM_ARRAY_SIZE(generic); i++) {
		if (strlen(generic[i]) == len && strncmp(generic[i], s, len) == 0)
			return true;
	}
	return len == 0;
}

int pm_manifest_kind(const struct pm_json *root, const char *content_type,
		     enum pm_manifest_kind *ret_kind, const char **ret_media_type,
		     struct pm_err *err)
{
	if (!pm_json_is(root, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "manifest is not a JSON object");
	const struct pm_json *mt = pm_json_get(root, "mediaType");
	if (mt && !pm_json_is(mt, PM_JSON_STRING) && !pm_json_is(mt, PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "manifest's mediaType is not a string");
	const char *own = pm_json_get_str(root, "mediaType");
	bool layers = pm_json_get(root, "layers") || pm_json_get(root, "config");
	bool manifests = pm_json_get(root, "manifests") != NULL;
	if (is_schema1(root, content_type) || is_schema1(root, own))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "manifest is of Docker's schema 1, which is not supported: push the "
			       "image again with a current tool");
	if (layers && manifests)
		return pm_fail(err, PM_E_FORMAT,
			       "manifest is ambiguous: it has layers and manifests");
	if (!layers && !manifests)
		return pm_fail(err, PM_E_FORMAT, "manifest has neither layers nor manifests");
	const struct known_type *by_header = known_type(content_type), *by_own = known_type(own);
	if (content_type && !by_header && !generic_type(content_type))
		return pm_fail(err, PM_E_FORMAT, "manifest has unknown media type '%.100s'",
			       content_type);
	if (own && *own && !by_own)
		return pm_fail(err, PM_E_FORMAT, "manifest has unknown media type '%.100s'", own);
	if (by_header && by_own && by_header != by_own)
		return pm_fail(err, PM_E_FORMAT,
			       "manifest's mediaType '%s' contradicts its content type '%s'",
			       by_own->media_type, by_header->media_type);
	const struct known_type *t = by_header ? by_header : by_own;
	enum pm_manifest_kind kind = manifests ? PM_MANIFEST_INDEX : PM_MANIFEST_IMAGE;
	if (t && t->kind != kind)
		return pm_fail(err, PM_E_FORMAT, "manifest's media type '%s' does not fit its content",
			       t->media_type);
	*ret_kind = kind;
	if (ret_media_type)
		*ret_media_type = t ? t->media_type
				    : manifests ? PM_MT_OCI_INDEX : PM_MT_OCI_MANIFEST;
	return 0;
}

/* --- descriptors --------------------------------------------------------------------------------- */

int pm_descriptor_parse(const struct pm_json *v, const char *what, struct pm_descriptor *ret,
			struct pm_err *err)
{
	if (!pm_json_is(v, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "%s is not a descriptor", what);
	struct pm_descriptor d = {
		.media_type = pm_json_get_str(v, "mediaType"),
		.digest = pm_json_get_str(v, "digest"),
	};
	int r = pm_digest_check(d.digest, what, err);
	if (r < 0)
		return r;
	if (!d.media_type)
		return pm_fail(err, PM_E_FORMAT, "%s %s has no mediaType", what, d.digest);
	const struct pm_json *size = pm_json_get(v, "size");
	if (!size || pm_json_as_int(size, &d.size, NULL) < 0 || d.size < 0)
		return pm_fail(err, PM_E_FORMAT, "%s %s has no valid size", what, d.digest);
	const struct pm_json *notes = pm_json_get(v, "annotations");
	d.annotations = pm_json_is(notes, PM_JSON_OBJECT) ? notes : NULL;
	*ret = d;
	return 0;
}

bool pm_layer_is_foreign(const char *media_type)
{
	return strstr(media_type, ".foreign.") || strstr(media_type, ".nondistributable.");
}

static int check_layer_type(const struct pm_descriptor *d, unsigned int flags, struct pm_err *err)
{
	if (pm_layer_form_of(d->media_type) != PM_LAYER_OTHER)
		return 0;
	if (pm_layer_is_foreign(d->media_type) && !(flags & PM_MANIFEST_FOREIGN))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "layer %s is foreign (%.100s): fetching from other hosts is not "
			       "supported",
			       d->digest, d->media_type);
	if (flags & (pm_layer_is_foreign(d->media_type) ? PM_MANIFEST_FOREIGN : PM_MANIFEST_ARTIFACTS))
		return 0;
	if (pm_layer_is_encrypted(d->media_type)) {
		if (pm_layer_form_inside(d->media_type) != PM_LAYER_OTHER && (flags & PM_MANIFEST_ENCRYPTED))
			return 0;
		return pm_fail(err, PM_E_UNSUPPORTED, "layer %s is encrypted (%.100s)", d->digest,
			       d->media_type);
	}
	return pm_fail(err, PM_E_FORMAT, "layer %s has unsupported media type '%.100s'", d->digest,
		       d->media_type);
}

int pm_manifest_parse(const struct pm_json *root, const char *media_type, struct pm_manifest *ret,
		      struct pm_err *err)
{
	return pm_manifest_parse_any(root, media_type, 0, ret, err);
}

int pm_manifest_parse_any(const struct pm_json *root, const char *media_type, unsigned int flags,
			  struct pm_manifest *ret, struct pm_err *err)
{
	_cleanup_manifest_ struct pm_manifest m = {.media_type = media_type};
	int64_t version = 0;
	if (pm_json_as_int(pm_json_get(root, "schemaVersion"), &version, NULL) < 0 || version != 2)
		return pm_fail(err, PM_E_FORMAT, "manifest's schemaVersion is not 2");
	int r = pm_descriptor_parse(pm_json_get(root, "config"), "config", &m.config, err);
	if (r < 0)
		return r;
	if (!(flags & PM_MANIFEST_ARTIFACTS) &&
	    strcmp(m.config.media_type, PM_MT_OCI_CONFIG) != 0 &&
	    strcmp(m.config.media_type, PM_MT_DOCKER_CONFIG) != 0)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "it is an artifact of type '%.100s', not a container image",
			       m.config.media_type);
	if (m.config.size > PM_CONFIG_MAX)
		return pm_fail(err, PM_E_FORMAT, "config %s is %lld bytes, larger than %d allowed",
			       m.config.digest, (long long)m.config.size, PM_CONFIG_MAX);
	const struct pm_json *layers = pm_json_get(root, "layers");
	if (layers && !pm_json_is(layers, PM_JSON_ARRAY) && !pm_json_is(layers, PM_JSON_NULL))
		return pm_fail(err, PM_E_FORMAT, "manifest's layers is not an array");
	m.n_layers = pm_json_len(layers);
	if (m.n_layers > PM_LAYERS_MAX)
		return pm_fail(err, PM_E_UNSUPPORTED, "image has %zu layers, more than %d",
			       m.n_layers, PM_LAYERS_MAX);
	m.layers = pm_calloc(m.n_layers, sizeof(*m.layers));
	for (size_t i = 0; i < m.n_layers; i++) {
		char what[32];
		snprintf(what, sizeof(what), "layer %zu", i + 1);
		r = pm_descriptor_parse(pm_json_at(layers, i), what, &m.layers[i], err);
		if (r >= 0)
			r = check_layer_type(&m.layers[i], flags, err);
		if (r < 0)
			return r;
	}
	*ret = m;
	m = (struct pm_manifest){0};
	return 0;
}

/* --- platforms ----------------------------------------------------------------------------------- */

static const struct {
	const char *machine, *arch, *variant;
} machines[] = {
	{"x86_64", "amd64", ""},   {"aarch64", "arm64", "v8"}, {"armv8l", "arm", "v8"},
	{"armv7l", "arm", "v7"},   {"armv6l", "arm", "v6"},    {"armv5tel", "arm", "v5"},
	{"i386", "386", ""},	   {"i686", "386", ""},	       {"ppc64le", "ppc64le", ""},
	{"s390x", "s390x", ""},	   {"riscv64", "riscv64", ""}, {"loongarch64", "loong64", ""},
	{"mips64", "mips64le", ""},
};

void pm_platform_default(struct pm_platform *p)
{
	static struct utsname un; /* its strings are handed out */
	if (!p->os || !*p->os)
		p->os = "linux";
	bool host = !p->arch || !*p->arch;
	if (host) {
		if (uname(&un) < 0)
			un.machine[0] = '\0';
		p->arch = un.machine;
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(machines); i++) {
		if (strcmp(machines[i].machine, p->arch) == 0) {
			p->arch = machines[i].arch;
			if (!p->variant || !*p->variant)
				p->variant = machines[i].variant;
			break;
		}
	}
	if (!p->variant)
		p->variant = "";
}

/* Variants to try, best first, ending with NULL. */
static void wanted_variants(const struct pm_platform *p, const char *ret[8])
{
	static const char *const arm[] = {"v8", "v7", "v6", "v5", NULL};
	size_t n = 0;
	const char *v = p->variant ? p->variant : "";
	if (strcmp(p->arch, "arm") == 0) {
		size_t i = 0;
		while (*v && arm[i] && strcmp(arm[i], v) != 0)
			i++;
		if (!arm[i])
			ret[n++] = v;
		for (; arm[i]; i++)
			ret[n++] = arm[i];
		ret[n++] = "";
	} else if (strcmp(p->arch, "arm64") == 0 && (!*v || strcmp(v, "v8") == 0)) {
		ret[n++] = "v8";
		ret[n++] = "";
	} else {
		ret[n++] = v;
		if (*v)
			ret[n++] = "";
	}
	ret[n] = NULL;
}

static const char *str_or_empty(const struct pm_json *object, const char *name)
{
	const char *s = pm_json_get_str(object, name);
	return s ? s : "";
}

int pm_index_choose(const struct pm_json *root, const struct pm_platform *platform,
		    struct pm_descriptor *ret, struct pm_err *err)
{
	const struct pm_json *list = pm_json_get(root, "manifests");
	if (!pm_json_is(list, PM_JSON_ARRAY))
		return pm_fail(err, PM_E_FORMAT, "index's manifests is not an array");
	const char *wanted[8];
	wanted_variants(platform, wanted);
	for (size_t w = 0; wanted[w]; w++) {
		for (size_t i = 0; i < list->len; i++) {
			const struct pm_json *p = pm_json_get(list->items[i], "platform");
			if (strcmp(str_or_empty(p, "os"), platform->os) != 0 ||
			    strcmp(str_or_empty(p, "architecture"), platform->arch) != 0 ||
			    strcmp(str_or_empty(p, "variant"), wanted[w]) != 0)
				continue;
			return pm_descriptor_parse(list->items[i], "image in index", ret, err);
		}
	}
	return pm_fail(err, PM_E_NOSUCH,
		       "no image found in image index for architecture %s, variant \"%s\", OS %s",
		       platform->arch, platform->variant ? platform->variant : "", platform->os);
}

/* --- config -------------------------------------------------------------------------------------- */

/* Members that later code reads, with the kind they must have when they are there and not null. */
static int check_kinds(const struct pm_json *root, struct pm_err *err)
{
	static const struct {
		const char *in, *name;
		enum pm_json_kind kind, item;
	} members[] = {
		{NULL, "created", PM_JSON_STRING, PM_JSON_NULL},
		{NULL, "author", PM_JSON_STRING, PM_JSON_NULL},
		{NULL, "os", PM_JSON_STRING, PM_JSON_NULL},
		{NULL, "architecture", PM_JSON_STRING, PM_JSON_NULL},
		{NULL, "variant", PM_JSON_STRING, PM_JSON_NULL},
		{NULL, "config", PM_JSON_OBJECT, PM_JSON_NULL},
		{NULL, "history", PM_JSON_ARRAY, PM_JSON_OBJECT},
		{"config", "User", PM_JSON_STRING, PM_JSON_NULL},
		{"config", "WorkingDir", PM_JSON_STRING, PM_JSON_NULL},
		{"config", "StopSignal", PM_JSON_STRING, PM_JSON_NULL},
		{"config", "Env", PM_JSON_ARRAY, PM_JSON_STRING},
		{"config", "Cmd", PM_JSON_ARRAY, PM_JSON_STRING},
		{"config", "Entrypoint", PM_JSON_ARRAY, PM_JSON_STRING},
		{"config", "Volumes", PM_JSON_OBJECT, PM_JSON_NULL},
		{"config", "ExposedPorts", PM_JSON_OBJECT, PM_JSON_NULL},
		{"config", "Labels", PM_JSON_OBJECT, PM_JSON_STRING},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(members); i++) {
		const struct pm_json *o = members[i].in ? pm_json_get(root, members[i].in) : root;
		const struct pm_json *v = pm_json_get(o, members[i].name);
		if (!v || v->kind == PM_JSON_NULL)
			continue;
		bool good = v->kind == members[i].kind;
		for (size_t k = 0; good && members[i].item != PM_JSON_NULL && k < v->len; k++)
			good = (v->kind == PM_JSON_ARRAY ? v->items[k] : v->members[k].value)->kind ==
			       members[i].item;
		if (!good)
			return pm_fail(err, PM_E_FORMAT, "config's %s%s%s is of the wrong kind",
				       members[i].in ? members[i].in : "",
				       members[i].in ? "." : "", members[i].name);
	}
	return 0;
}

int pm_config_parse(const struct pm_json *root, int64_t n_layers, struct pm_config *ret,
		    struct pm_err *err)
{
	_cleanup_config_ struct pm_config c = {0};
	if (!pm_json_is(root, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "config is not a JSON object");
	int r = check_kinds(root, err);
	if (r < 0)
		return r;
	const struct pm_json *rootfs = pm_json_get(root, "rootfs");
	const char *type = pm_json_get_str(rootfs, "type");
	if (!type || strcmp(type, "layers") != 0)
		return pm_fail(err, PM_E_FORMAT, "config's rootfs is not of type \"layers\"");
	const struct pm_json *ids = pm_json_get(rootfs, "diff_ids");
	if (ids && ids->kind != PM_JSON_ARRAY && ids->kind != PM_JSON_NULL)
		return pm_fail(err, PM_E_FORMAT, "config's diff_ids is not an array");
	c.n_diff_ids = pm_json_len(ids);
	if (n_layers >= 0 && (int64_t)c.n_diff_ids != n_layers)
		return pm_fail(err, PM_E_FORMAT,
			       "config names %zu layers but the manifest has %lld", c.n_diff_ids,
			       (long long)n_layers);
	if (c.n_diff_ids > PM_LAYERS_MAX)
		return pm_fail(err, PM_E_UNSUPPORTED, "image has %zu layers, more than %d",
			       c.n_diff_ids, PM_LAYERS_MAX);
	c.diff_ids = pm_calloc(c.n_diff_ids, sizeof(*c.diff_ids));
	for (size_t i = 0; i < c.n_diff_ids; i++) {
		const struct pm_json *v = ids->items[i];
		c.diff_ids[i] = v->kind == PM_JSON_STRING ? v->string : NULL;
		r = pm_digest_check(c.diff_ids[i], "config's diff id", err);
		if (r < 0)
			return r;
	}
	c.os = str_or_empty(root, "os");
	c.arch = str_or_empty(root, "architecture");
	c.variant = str_or_empty(root, "variant");
	const char *created = pm_json_get_str(root, "created");
	if (created && pm_time_parse(created, &c.created, NULL) < 0)
		c.created = 0;
	*ret = c;
	c = (struct pm_config){0};
	return 0;
}

/* --- times --------------------------------------------------------------------------------------- */

static int digits(const char **s, size_t n, int *ret)
{
	int v = 0;
	for (size_t i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return 0;
}

static int expect(const char **s, const char *any)
{
	if (!**s || !strchr(any, **s))
		return -1;
	(*s)++;
	return 0;
}

int pm_time_parse(const char *text, int64_t *ret, struct pm_err *err)
{
	const char *s = text;
	struct tm tm = {0};
	int64_t ns = 0;
	if (digits(&s, 4, &tm.tm_year) || expect(&s, "-") || digits(&s, 2, &tm.tm_mon) ||
	    expect(&s, "-") || digits(&s, 2, &tm.tm_mday) || expect(&s, "Tt ") ||
	    digits(&s, 2, &tm.tm_hour) || expect(&s, ":") || digits(&s, 2, &tm.tm_min) ||
	    expect(&s, ":") || digits(&s, 2, &tm.tm_sec))
		goto bad;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		goto bad;
	if (*s == '.') {
		int64_t unit = NS_PER_S / 10;
		if (*++s < '0' || *s > '9')
			goto bad;
		for (; *s >= '0' && *s <= '9'; s++, unit /= 10)
			ns += unit * (*s - '0');
	}
	int64_t offset = 0;
	if (*s == '+' || *s == '-') {
		int sign = *s++ == '-' ? -1 : 1, h, m;
		if (digits(&s, 2, &h) || expect(&s, ":") || digits(&s, 2, &m) || h > 23 || m > 59)
			goto bad;
		offset = sign * (h * 3600 + m * 60);
	} else if (expect(&s, "Zz")) {
		goto bad;
	}
	if (*s)
		goto bad;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	int64_t sec = timegm(&tm) - offset;
	/* Beyond what 64 bits of nanoseconds hold (years 1678 to 2262): before the epoch is "none" to
	 * every reader of it, Go's zero time 0001-01-01 among them. */
	if (sec > INT64_MAX / NS_PER_S - 1)
		goto bad;
	*ret = sec < 0 ? 0 : sec * NS_PER_S + ns;
	return 0;
bad:
	return pm_fail(err, PM_E_FORMAT, "'%.60s' is not a time (RFC 3339)", text);
}

void pm_time_format(int64_t ns, char ret[40])
{
	time_t sec = (time_t)(ns / NS_PER_S);
	long frac = (long)(ns % NS_PER_S);
	struct tm tm;
	gmtime_r(&sec, &tm);
	size_t n = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac) {
		n += (size_t)snprintf(ret + n, 40 - n, ".%09ld", frac);
		while (ret[n - 1] == '0')
			n--;
	}
	snprintf(ret + n, 40 - n, "Z");
}
