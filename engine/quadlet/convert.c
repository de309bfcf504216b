#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "engine/quadlet/convert_parts.h"
#include "engine/systemd/unit.h"

static void (*const converters[PM_QUADLET_TYPES])(struct pm_conv *) = {
	[PM_QUADLET_BUILD] = pm_conv_build,
	[PM_QUADLET_CONTAINER] = pm_conv_container,
	[PM_QUADLET_IMAGE] = pm_conv_image,
	[PM_QUADLET_KUBE] = pm_conv_kube,
	[PM_QUADLET_NETWORK] = pm_conv_network,
	[PM_QUADLET_POD] = pm_conv_pod,
	[PM_QUADLET_VOLUME] = pm_conv_volume,
};

/* Keys of [Unit] whose values are units. */
static const char *const dependencies[] = {"After",  "Before",	  "BindsTo",  "Conflicts", "PartOf",
					   "Requires", "Requisite", "Upholds", "Wants",	    NULL};

void pm_conv_fail(struct pm_conv *c, const struct pm_unitline *line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = pm_vasprintf(fmt, ap);
	va_end(ap);
	c->q->failed = true;
	pm_quadlet_note(c->set, c->q, line, true, "%s", text);
}

/* --- values ---------------------------------------------------------------------------------------- */

const struct pm_unitline *pm_conv_line(const struct pm_conv *c, const char *key)
{
	return pm_unitfile_line(&c->q->in, c->q->kind->group, key);
}

char *pm_conv_text(const struct pm_conv *c, const char *key)
{
	const char *value = pm_unitfile_value(&c->q->in, c->q->kind->group, key);
	return value ? pm_unit_text(value) : NULL;
}

static bool bool_of(struct pm_conv *c, const struct pm_unitline *line, bool otherwise)
{
	struct pm_err err = PM_ERR_INIT;
	bool value = otherwise;
	if (line && *line->value && pm_unit_bool(line->value, &value, &err) < 0)
		pm_conv_fail(c, line, "%s: %s", line->key, err.text);
	return value;
}

bool pm_conv_bool(struct pm_conv *c, const char *key, bool otherwise)
{
	return bool_of(c, pm_conv_line(c, key), otherwise);
}

static void add_words(struct pm_conv *c, const struct pm_unitline *line, struct pm_strv *ret)
{
	struct pm_err err = PM_ERR_INIT;
	if (pm_unit_words(line->value, ret, &err) < 0)
		pm_conv_fail(c, line, "%s: %s", line->key, err.text);
}

#define EACH_LINE(c, l, key)                                                                                 \
	const struct pm_unitline *l = NULL;                                                                  \
	(l = pm_unitfile_next(&(c)->q->in, (c)->q->kind->group, key, l)) != NULL;

void pm_conv_words(struct pm_conv *c, const char *key, struct pm_strv *ret)
{
	for (EACH_LINE(c, l, key))
		add_words(c, l, ret);
}

char *pm_conv_path(const struct pm_conv *c, const char *path)
{
	if (*path == '/' || *path == '%')
		return pm_strdup(path);
	_cleanup_free_ char *dir = pm_strndup(c->q->path, (size_t)(strrchr(c->q->path, '/') - c->q->path));
	_cleanup_free_ char *literal = pm_unit_literal(dir, true);
	return pm_path_join(literal, path);
}

/* --- options --------------------------------------------------------------------------------------- */

/* NAME=VALUE; a later one takes the place of an earlier one. */
static void add_pair(struct pm_strv *pairs, const char *pair)
{
	size_t len = strcspn(pair, "=");
	for (size_t i = 0; i < pairs->n; i++) {
		if (strncmp(pairs->v[i], pair, len) == 0 && (!pairs->v[i][len] || pairs->v[i][len] == '=')) {
			free(pairs->v[i]);
			pairs->v[i] = pm_strdup(pair);
			return;
		}
	}
	pm_strv_add(pairs, pair);
}

/* Of -PATH the path is resolved; what to do without it is the command's business. */
static char *optional_path(const struct pm_conv *c, const char *path)
{
	const bool optional = *path == '-';
	_cleanup_free_ char *resolved = pm_conv_path(c, path + optional);
	return optional ? pm_asprintf("-%s", resolved) : pm_steal(&resolved);
}

static void values_of(struct pm_conv *c, const struct pm_key *k, struct pm_strv *ret)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	if (k->kind == PM_KEY_TEXT) {
		char *text = pm_conv_text(c, k->name);
		if (text)
			pm_strv_take(ret, text);
	} else if (k->kind == PM_KEY_TEXTS) {
		for (EACH_LINE(c, l, k->name))
			pm_strv_take(ret, pm_unit_text(l->value));
	} else {
		pm_conv_words(c, k->name, &words);
		for (size_t i = 0; i < words.n; i++) {
			if (k->kind == PM_KEY_PAIRS)
				add_pair(ret, words.v[i]);
			else if (k->kind == PM_KEY_PATHS)
				pm_strv_take(ret, optional_path(c, words.v[i]));
			else
				pm_strv_add(ret, words.v[i]);
		}
	}
}

static void add_key(struct pm_conv *c, const struct pm_key *k, const struct pm_unitline *line, struct pm_strv *cmd)
{
	_cleanup_strv_ struct pm_strv values = PM_STRV_INIT;
	bool on;
	switch (k->kind) {
	case PM_KEY_BOOL:
		if (!*line->value)
			return;
		on = bool_of(c, line, false);
		pm_strv_addf(cmd, "--%s%s", k->option, on ? "" : "=false");
		return;
	case PM_KEY_FLAG:
		if (bool_of(c, line, false))
			pm_strv_addf(cmd, "--%s=%s", k->option, k->prefix);
		return;
	case PM_KEY_OTHER:
		return;
	case PM_KEY_TEXT:
	case PM_KEY_TEXTS:
	case PM_KEY_WORDS:
	case PM_KEY_PATHS:
	case PM_KEY_PAIRS:
		values_of(c, k, &values);
		for (size_t i = 0; i < values.n; i++)
			pm_strv_addf(cmd, "--%s=%s%s", k->option, k->prefix ? k->prefix : "", values.v[i]);
		return;
	}
}

void pm_conv_options(struct pm_conv *c, struct pm_strv *cmd)
{
	for (const struct pm_key *k = c->q->kind->keys; k->name; k++) {
		const struct pm_unitline *line = pm_conv_line(c, k->name);
		if (!line)
			continue;
		if (k->refused && *line->value)
			pm_conv_fail(c, line, "%s is not supported: %s", k->name, k->refused);
		else
			add_key(c, k, line, cmd);
	}
}

void pm_conv_command(struct pm_conv *c, const char *verb, struct pm_strv *cmd)
{
	pm_strv_take(cmd, pm_unit_literal(c->set->pm, true));
	for (EACH_LINE(c, l, "ContainersConfModule")) {
		_cleanup_free_ char *module = pm_unit_text(l->value);
		pm_strv_addf(cmd, "--module=%s", module);
	}
	pm_conv_words(c, "GlobalArgs", cmd);
	pm_strv_split(cmd, verb, ' ');
}

void pm_conv_exec(struct pm_conv *c, const char *key, const char *prefix, struct pm_strv *cmd)
{
	_cleanup_buf_ struct pm_buf line = PM_BUF_INIT;
	pm_buf_add_str(&line, prefix);
	for (size_t i = 0; i < cmd->n; i++) {
		_cleanup_free_ char *word = pm_unit_quote(cmd->v[i]);
		pm_buf_printf(&line, "%s%s", i ? " " : "", word);
	}
	pm_unitfile_add(&c->q->out, "Service", key, pm_buf_str(&line));
	pm_strv_free(cmd);
}

/* --- the service ----------------------------------------------------------------------------------- */

void pm_conv_default(struct pm_conv *c, const char *key, const char *value)
{
	if (!pm_unitfile_line(&c->q->out, "Service", key))
		pm_unitfile_add(&c->q->out, "Service", key, value);
}

void pm_conv_oneshot(struct pm_conv *c)
{
	pm_conv_default(c, "Type", "oneshot");
	pm_conv_default(c, "RemainAfterExit", "yes");
	pm_conv_default(c, "SyslogIdentifier", "%N");
}

bool pm_conv_notify(struct pm_conv *c)
{
	static const char *const kills[] = {"mixed", "control-group", NULL};
	const struct pm_unitline *type = pm_unitfile_line(&c->q->in, "Service", "Type");
	const struct pm_unitline *kill = pm_unitfile_line(&c->q->in, "Service", "KillMode");
	const bool oneshot = type && strcmp(type->value, "oneshot") == 0;
	if (type && *type->value && !oneshot && strcmp(type->value, "notify") != 0)
		pm_conv_fail(c, type, "Type=%s does not work here: notify or oneshot", type->value);
	if (kill && *kill->value && !pm_str_in(kill->value, kills))
		pm_conv_fail(c, kill, "KillMode=%s does not work here: mixed or control-group", kill->value);
	pm_unitfile_add(&c->q->out, "Service", "Environment", "PODMAN_SYSTEMD_UNIT=%n");
	pm_conv_default(c, "KillMode", "mixed");
	if (!oneshot) {
		pm_conv_default(c, "Type", "notify");
		pm_conv_default(c, "NotifyAccess", "all");
	}
	pm_conv_default(c, "SyslogIdentifier", "%N");
	return !oneshot;
}

void pm_conv_needs_path(struct pm_conv *c, const char *path)
{
	/* specifiers that are absolute paths */
	if (*path != '/' && !(*path == '%' && path[1] && strchr("CEhLStTVY", path[1])))
		return;
	const struct pm_unitline *how = pm_unitfile_line(&c->q->in, "Quadlet", "SetMountsDependency");
	_cleanup_free_ char *word = pm_unit_quote(path);
	if (!how || strcmp(how->value, "Requires") == 0)
		pm_unitfile_add(&c->q->out, "Unit", "RequiresMountsFor", word);
	else if (strcmp(how->value, "Wants") == 0)
		pm_unitfile_add(&c->q->out, "Unit", "WantsMountsFor", word);
}

/* The unit that another unit depends on: of a template the instance that has this one's name. */
static char *service_of(struct pm_conv *c, const struct pm_unitline *line, const struct pm_quadlet *other)
{
	const char *at = strchr(other->service, '@');
	if (!at || at[1] != '.')
		return pm_strdup(other->service);
	if (!strchr(c->q->service, '@'))
		pm_conv_fail(c, line, "%s is a template, and this is none: it has no instance", other->name);
	return pm_asprintf("%.*s@%%i.service", (int)(at - other->service), other->service);
}

const struct pm_quadlet *pm_conv_needs(struct pm_conv *c, const struct pm_unitline *line, const char *name)
{
	const struct pm_quadlet *other = pm_quadlet_find(c->set, name);
	if (!other || !other->service) {
		pm_conv_fail(c, line, "%s: there is no %s", line->key, name);
		return NULL;
	}
	_cleanup_free_ char *service = service_of(c, line, other);
	pm_unitfile_add(&c->q->out, "Unit", "Requires", service);
	pm_unitfile_add(&c->q->out, "Unit", "After", service);
	return other;
}

char *pm_conv_image_name(struct pm_conv *c, const struct pm_unitline *line, const char *image)
{
	if (!pm_endswith(image, ".image") && !pm_endswith(image, ".build"))
		return pm_strdup(image);
	const struct pm_quadlet *other = pm_conv_needs(c, line, image);
	if (other && !other->resource)
		pm_conv_fail(c, line, "%s: %s does not say what its image is called", line->key, image);
	return other ? pm_strdup_null(other->resource) : NULL;
}

void pm_conv_networks(struct pm_conv *c, struct pm_strv *cmd)
{
	for (EACH_LINE(c, l, "Network")) {
		_cleanup_free_ char *value = pm_unit_text(l->value);
		char *options = strchr(value, ':');
		_cleanup_free_ char *name = options ? pm_strndup(value, (size_t)(options - value)) : pm_strdup(value);
		const bool container = pm_endswith(name, ".container");
		if (!container && !pm_endswith(name, ".network")) {
			pm_strv_addf(cmd, "--network=%s", value);
			continue;
		}
		if (container && (options || c->q->kind->type != PM_QUADLET_CONTAINER)) {
			pm_conv_fail(c, l, "Network: %s: another container's network takes no options, and is for containers", value);
			continue;
		}
		const struct pm_quadlet *other = pm_conv_needs(c, l, name);
		if (other && container)
			pm_strv_addf(cmd, "--network=container:%s", other->resource);
		else if (other)
			pm_strv_addf(cmd, "--network=%s%s", other->resource, options ? options : "");
	}
}

void pm_conv_volumes(struct pm_conv *c, struct pm_strv *cmd)
{
	for (EACH_LINE(c, l, "Volume")) {
		_cleanup_free_ char *value = pm_unit_text(l->value);
		char *rest = strchr(value, ':');
		_cleanup_free_ char *source = rest ? pm_strndup(value, (size_t)(rest - value)) : NULL;
		if (!source) {
			pm_strv_addf(cmd, "--volume=%s", value);
			continue;
		}
		if (pm_endswith(source, ".volume") && *source != '/' && *source != '.') {
			const struct pm_quadlet *other = pm_conv_needs(c, l, source);
			if (other)
				pm_strv_addf(cmd, "--volume=%s%s", other->resource, rest);
			continue;
		}
		_cleanup_free_ char *path = *source == '.' ? pm_conv_path(c, source) : pm_strdup(source);
		pm_conv_needs_path(c, path);
		pm_strv_addf(cmd, "--volume=%s%s", path, rest);
	}
}

/* --- all ------------------------------------------------------------------------------------------- */

/* NAME@INSTANCE.EXT: where the '@' is, and what follows it up to the dot. */
static char *base_of(const struct pm_quadlet *q, const char **ret_instance)
{
	char *base = pm_strndup(q->name, strlen(q->name) - strlen(q->kind->ext));
	char *at = strchr(base, '@');
	*ret_instance = at ? at + 1 : NULL;
	if (at)
		*at = '\0';
	return base;
}

/* What it makes is called systemd-NAME, a template's systemd-NAME-INSTANCE. */
static char *default_name(const struct pm_quadlet *q)
{
	const char *instance;
	_cleanup_free_ char *base = base_of(q, &instance);
	_cleanup_free_ char *literal = pm_unit_literal(base, true);
	if (!instance)
		return pm_asprintf("systemd-%s", literal);
	if (q->kind->type == PM_QUADLET_CONTAINER)
		return pm_asprintf("systemd-%%p_%%i");
	return pm_asprintf("systemd-%s-%s", literal, *instance ? instance : "%i");
}

static char *resource_of(const struct pm_conv *c)
{
	static const char *const named_by[PM_QUADLET_TYPES] = {
		[PM_QUADLET_CONTAINER] = "ContainerName", [PM_QUADLET_NETWORK] = "NetworkName",
		[PM_QUADLET_POD] = "PodName", [PM_QUADLET_VOLUME] = "VolumeName"};
	const enum pm_quadlet_type type = c->q->kind->type;
	if (named_by[type]) {
		char *name = pm_conv_text(c, named_by[type]);
		return name ? name : default_name(c->q);
	}
	if (type == PM_QUADLET_BUILD) {
		const struct pm_unitline *tag = pm_unitfile_next(&c->q->in, "Build", "ImageTag", NULL);
		return tag ? pm_unit_text(tag->value) : NULL;
	}
	if (type != PM_QUADLET_IMAGE)
		return NULL;
	char *tag = pm_conv_text(c, "ImageTag");
	return tag ? tag : pm_conv_text(c, "Image");
}

/* systemd.unit(5) */
static bool is_unit_name(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")] == '\0' &&
	       strlen(s) < 256 - sizeof("-container.service");
}

static void name_it(struct pm_conv *c)
{
	struct pm_quadlet *q = c->q;
	const char *instance;
	_cleanup_free_ char *base = base_of(q, &instance);
	_cleanup_free_ char *given = pm_conv_text(c, "ServiceName");
	if (!is_unit_name(q->name))
		pm_conv_fail(c, NULL, "%s is not the name of a unit", q->name);
	if (given && (!is_unit_name(given) || pm_endswith(given, ".service")))
		pm_conv_fail(c, pm_conv_line(c, "ServiceName"), "ServiceName: not the name of a unit without .service: %s",
			     given);
	q->service = given ? pm_asprintf("%s.service", given)
			   : pm_asprintf("%s%s%s%s.service", base, q->kind->suffix, instance ? "@" : "",
					 instance ? instance : "");
	for (size_t i = 0; c->set->v[i] != q; i++) {
		const struct pm_quadlet *other = c->set->v[i];
		if (other->service && strcmp(other->service, q->service) == 0)
			pm_conv_fail(c, NULL, "%s comes of %s already", q->service, other->path);
	}
	q->resource = resource_of(c);
}

/* A container that its pod's service starts says so there. */
static void tell_pod(struct pm_conv *c)
{
	_cleanup_free_ char *pod = pm_conv_text(c, "Pod");
	struct pm_quadlet *other = pod ? pm_quadlet_find(c->set, pod) : NULL;
	if (!other || c->q->failed || !pm_conv_bool(c, "StartWithPod", true))
		return;
	const char *at = strchr(c->q->service, '@');
	if (at && at[1] == '.')
		pm_strv_addf(&other->started, "%.*s@%%i.service", (int)(at - c->q->service), c->q->service);
	else
		pm_strv_add(&other->started, c->q->service);
}

static void check_keys(struct pm_conv *c, const char *group, const struct pm_key *keys)
{
	const struct pm_unitgroup *g = pm_unitfile_group(&c->q->in, group);
	for (size_t i = 0; g && i < g->n; i++) {
		const char *near = NULL;
		if (!pm_key_find(keys, g->lines[i].key, &near))
			pm_quadlet_note(c->set, c->q, &g->lines[i], false, "unknown key '%s' in section [%s]%s%s",
					g->lines[i].key, group, near ? ": did you mean " : "", near ? near : "");
	}
}

/* Words that are Quadlet files become their services. */
static void add_dependencies(struct pm_conv *c, const struct pm_unitline *line)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT, units = PM_STRV_INIT;
	pm_unit_words(line->value, &words, NULL);
	bool changed = false;
	for (size_t i = 0; i < words.n; i++) {
		if (!pm_quadlet_kind_of(words.v[i])) {
			pm_strv_take(&units, pm_unit_quote(words.v[i]));
			continue;
		}
		const struct pm_quadlet *other = pm_quadlet_find(c->set, words.v[i]);
		changed = true;
		if (other && other->service)
			pm_strv_take(&units, service_of(c, line, other));
		else
			pm_conv_fail(c, line, "%s: there is no %s", line->key, words.v[i]);
	}
	_cleanup_free_ char *joined = changed ? pm_strv_join(&units, " ") : NULL;
	pm_unitfile_add(&c->q->out, "Unit", line->key, changed ? joined : line->value);
}

static void copy_groups(struct pm_conv *c)
{
	const struct pm_unitfile *in = &c->q->in;
	const struct pm_unitgroup *unit = pm_unitfile_group(in, "Unit");
	for (size_t i = 0; unit && i < unit->n; i++) {
		if (pm_str_in(unit->lines[i].key, dependencies))
			add_dependencies(c, &unit->lines[i]);
		else
			pm_unitfile_add(&c->q->out, "Unit", unit->lines[i].key, unit->lines[i].value);
	}
	for (size_t i = 0; i < in->n; i++) {
		const char *name = in->groups[i].name;
		const bool own = strcmp(name, c->q->kind->group) == 0 || strcmp(name, "Quadlet") == 0;
		_cleanup_free_ char *hidden = pm_asprintf("X-%s", name);
		if (strcmp(name, "Unit") != 0)
			pm_unitfile_copy_group(&c->q->out, &in->groups[i], own ? hidden : name);
	}
}

/* systemd would warn of them as well, but not say whose mistake it is. */
static void check_sections(struct pm_conv *c)
{
	static const char *const known[] = {"Unit", "Service", "Install", "Quadlet", NULL};
	for (size_t i = 0; i < c->q->in.n; i++) {
		const struct pm_unitgroup *g = &c->q->in.groups[i];
		const struct pm_unitline at = {.file = g->file, .line = g->line};
		if (strcmp(g->name, c->q->kind->group) != 0 && !pm_str_in(g->name, known) && !pm_startswith(g->name, "X-"))
			pm_quadlet_note(c->set, c->q, &at, false, "unknown section [%s]", g->name);
	}
}

static void check_service(struct pm_conv *c)
{
	static const char *const no_users[] = {"User", "Group", "DynamicUser"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(no_users); i++) {
		const struct pm_unitline *l = pm_unitfile_line(&c->q->in, "Service", no_users[i]);
		if (l && *l->value)
			pm_conv_fail(c, l, "%s= of [Service] does not work: put the file where that user's are", no_users[i]);
	}
	const struct pm_unitline *how = pm_unitfile_line(&c->q->in, "Quadlet", "SetMountsDependency");
	static const char *const known[] = {"Requires", "Wants", "None", NULL};
	if (how && !pm_str_in(how->value, known))
		pm_conv_fail(c, how, "SetMountsDependency: %s is none of Requires, Wants and None", how->value);
}

static void convert_one(struct pm_conv *c)
{
	struct pm_quadlet *q = c->q;
	_cleanup_free_ char *source = pm_unit_literal(q->path, false);
	const char *network = c->set->user ? "pm-user-wait-network-online.service" : "network-online.target";
	pm_unitfile_add(&q->out, "Unit", "SourcePath", source);
	pm_unitfile_add(&q->out, "Unit", "RequiresMountsFor", "%t/pm");
	copy_groups(c);
	if (bool_of(c, pm_unitfile_line(&q->in, "Quadlet", "DefaultDependencies"), true)) {
		/* in front: an empty assignment of the file takes them back */
		pm_unitfile_prepend(&q->out, "Unit", "After", network);
		pm_unitfile_prepend(&q->out, "Unit", "Wants", network);
	}
	check_keys(c, q->kind->group, q->kind->keys);
	check_keys(c, "Quadlet", pm_quadlet_keys);
	check_sections(c);
	check_service(c);
	converters[q->kind->type](c);
}

void pm_quadlet_convert(struct pm_quadlet_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		struct pm_conv c = {.set = set, .q = set->v[i]};
		if (!c.q->masked)
			name_it(&c);
	}
	for (size_t i = 0; i < set->n; i++) {
		struct pm_conv c = {.set = set, .q = set->v[i]};
		if (!c.q->masked && c.q->kind->type == PM_QUADLET_CONTAINER)
			tell_pod(&c);
	}
	for (size_t i = 0; i < set->n; i++) {
		struct pm_conv c = {.set = set, .q = set->v[i]};
		if (!c.q->masked && !c.q->failed)
			convert_one(&c);
	}
}
