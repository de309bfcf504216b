#include "engine/image/changes.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/timefmt.h"

struct change {
	struct pm_json_pool *pool;
	struct pm_json *config;
	const char *text;  /* the whole, for messages */
	const char *value; /* trimmed, not empty */
};

static int bad(const struct change *c, const char *why, struct pm_err *err)
{
	return pm_fail(err, PM_E_USAGE, "invalid change \"%.300s\": %s", c->text, why);
}

static struct pm_json *member(struct change *c, const char *name, enum pm_json_kind kind)
{
	struct pm_json *v = pm_json_get(c->config, name);
	if (!pm_json_is(v, kind)) {
		v = kind == PM_JSON_ARRAY ? pm_json_array(c->pool) : pm_json_object(c->pool);
		pm_json_set(c->pool, c->config, name, v);
	}
	return v;
}

static int set_string(struct change *c, const char *name, struct pm_err *err)
{
	(void)err;
	pm_json_set_str(c->pool, c->config, name, c->value);
	return 0;
}

/* A JSON array of strings, or NULL when value is none. */
static struct pm_json *json_array(struct change *c)
{
	struct pm_json *v;
	if (c->value[0] != '[' ||
	    pm_json_parse(c->pool, c->value, strlen(c->value), &v, NULL) < 0 ||
	    v->kind != PM_JSON_ARRAY)
		return NULL;
	for (size_t i = 0; i < v->len; i++) {
		if (v->items[i]->kind != PM_JSON_STRING)
			return NULL;
	}
	return v;
}

static int set_command(struct change *c, const char *name, struct pm_err *err)
{
	(void)err;
	struct pm_json *v = json_array(c);
	if (!v) {
		v = pm_json_array(c->pool);
		pm_json_add(c->pool, v, pm_json_str(c->pool, "/bin/sh"));
		pm_json_add(c->pool, v, pm_json_str(c->pool, "-c"));
		pm_json_add(c->pool, v, pm_json_str(c->pool, c->value));
	}
	pm_json_set(c->pool, c->config, name, v);
	return 0;
}

/* Takes the next word off *p, without its quotes and backslashes, as a Dockerfile's ENV and LABEL have
 * them. 1; 0 at the end; -1 for a quote that is not closed. */
static int next_word(const char **p, struct pm_buf *ret)
{
	const char *s = *p + strspn(*p, " \t\n");
	char quote = '\0';
	pm_buf_cut(ret, 0);
	if (!*s)
		return 0;
	for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? '\0' : *s;
		else if (*s == '\\' && s[1] && (!quote || (quote == '"' && strchr("\"\\$", s[1]))))
			pm_buf_add(ret, ++s, 1);
		else
			pm_buf_add(ret, s, 1);
	}
	*p = s;
	return quote ? -1 : 1;
}

/* "NAME=VALUE..." with quotes, or one "NAME VALUE" or "NAME=VALUE" whose value is the rest as it is. */
static int each_pair(struct change *c, const char *name,
		     void (*add)(struct change *c, const char *name, const char *pair), const char *none,
		     struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv pairs = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf word = PM_BUF_INIT;
	const char *p = c->value;
	bool all = true;
	int r;
	while ((r = next_word(&p, &word)) > 0) {
		all = all && strchr(pm_buf_str(&word), '=');
		pm_strv_add(&pairs, pm_buf_str(&word));
	}
	if (r < 0)
		return bad(c, "a quote is not closed", err);
	if (!all) {
		size_t n = strcspn(c->value, " \t=");
		const char *rest = c->value + n;
		rest += *rest == '=' ? 1 : strspn(rest, " \t");
		pm_strv_free(&pairs);
		pm_strv_addf(&pairs, "%.*s=%s", (int)n, c->value, rest);
	}
	for (size_t i = 0; i < pairs.n; i++)
		if (pairs.v[i][0] == '=')
			return bad(c, none, err);
	for (size_t i = 0; i < pairs.n; i++)
		add(c, name, pairs.v[i]);
	return 0;
}

static void env_pair(struct change *c, const char *name, const char *pair)
{
	size_t len = strcspn(pair, "=");
	struct pm_json *list = member(c, name, PM_JSON_ARRAY);
	for (size_t i = 0; i < list->len; i++) {
		const char *old = list->items[i]->string;
		if (old && strncmp(old, pair, len + 1) == 0) {
			list->items[i] = pm_json_str(c->pool, pair);
			return;
		}
	}
	pm_json_add(c->pool, list, pm_json_str(c->pool, pair));
}

static int add_env(struct change *c, const char *name, struct pm_err *err)
{
	return each_pair(c, name, env_pair, "the variable has no name", err);
}

static int add_port(struct change *c, const char *name, struct pm_err *err)
{
	const char *slash = strchr(c->value, '/');
	char *end;
	errno = 0;
	unsigned long port = strtoul(c->value, &end, 10);
	if (errno || end == c->value || c->value[0] < '0' || c->value[0] > '9' || port < 1 ||
	    port > 65535 || (slash ? end != slash : *end != '\0'))
		return bad(c, "the port must be NUMBER[/PROTOCOL]", err);
	const char *proto = slash ? slash + 1 : "tcp";
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
		return bad(c, "the protocol must be tcp, udp or sctp", err);
	_cleanup_free_ char *key = pm_asprintf("%lu/%s", port, proto);
	pm_json_set(c->pool, member(c, name, PM_JSON_OBJECT), key, pm_json_object(c->pool));
	return 0;
}

static void label_pair(struct change *c, const char *name, const char *pair)
{
	_cleanup_free_ char *key = pm_strndup(pair, strcspn(pair, "="));
	pm_json_set_str(c->pool, member(c, name, PM_JSON_OBJECT), key, pair + strlen(key) + 1);
}

static int add_label(struct change *c, const char *name, struct pm_err *err)
{
	return each_pair(c, name, label_pair, "the label has no name", err);
}

static int add_volume(struct change *c, const char *name, struct pm_err *err)
{
	(void)err;
	struct pm_json *list = json_array(c), *map = member(c, name, PM_JSON_OBJECT);
	for (size_t i = 0; list && i < list->len; i++)
		pm_json_set(c->pool, map, list->items[i]->string, pm_json_object(c->pool));
	if (!list)
		pm_json_set(c->pool, map, c->value, pm_json_object(c->pool));
	return 0;
}

static int add_onbuild(struct change *c, const char *name, struct pm_err *err)
{
	(void)err;
	pm_json_add(c->pool, member(c, name, PM_JSON_ARRAY), pm_json_str(c->pool, c->value));
	return 0;
}

static bool is_signal(const char *s)
{
	char *end;
	errno = 0;
	long n = strtol(s, &end, 10);
	if (end != s && !*end)
		return !errno && n > 0 && n <= SIGRTMAX;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN", 5) == 0 || strncasecmp(s, "RTMAX", 5) == 0) {
		s += 5;
		if (!*s)
			return true;
		n = strtol(s + 1, &end, 10);
		return (*s == '+' || *s == '-') && end != s + 1 && !*end && n >= 0 && n <= 30;
	}
	for (int i = 1; i < 32; i++) {
		const char *name = sigabbrev_np(i);
		if (name && strcasecmp(name, s) == 0)
			return true;
	}
	return false;
}

static int set_signal(struct change *c, const char *name, struct pm_err *err)
{
	return is_signal(c->value) ? set_string(c, name, err) : bad(c, "no such signal", err);
}

static const struct {
	const char *word, *member;
	int (*apply)(struct change *c, const char *name, struct pm_err *err);
} instructions[] = {
	{"CMD", "Cmd", set_command},	     {"ENTRYPOINT", "Entrypoint", set_command},
	{"ENV", "Env", add_env},	     {"EXPOSE", "ExposedPorts", add_port},
	{"LABEL", "Labels", add_label},	     {"ONBUILD", "OnBuild", add_onbuild},
	{"STOPSIGNAL", "StopSignal", set_signal}, {"USER", "User", set_string},
	{"VOLUME", "Volumes", add_volume},   {"WORKDIR", "WorkingDir", set_string},
};

/* "KEY VALUE", or "KEY=VALUE" when there is no space before the '='. */
static int apply(struct change *c, struct pm_err *err)
{
	size_t n = strcspn(c->text, " =");
	const char *value = c->text + n;
	if (*value)
		value++;
	value += strspn(value, " \t");
	size_t len = strlen(value);
	while (len && strchr(" \t\n", value[len - 1]))
		len--;
	if (!len)
		return bad(c, "it must be KEY VALUE", err);
	_cleanup_free_ char *trimmed = pm_strndup(value, len);
	c->value = trimmed;
	for (size_t i = 0; i < PM_ARRAY_SIZE(instructions); i++) {
		if (strlen(instructions[i].word) == n &&
		    strncasecmp(instructions[i].word, c->text, n) == 0)
			return instructions[i].apply(c, instructions[i].member, err);
	}
	return bad(c, "the instruction must be one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
		      "STOPSIGNAL, USER, VOLUME, WORKDIR",
		   err);
}

int pm_changes_apply(struct pm_json_pool *pool, struct pm_json *config,
		     const struct pm_strv *changes, struct pm_err *err)
{
	for (size_t i = 0; changes && i < changes->n; i++) {
		struct change c = {.pool = pool, .config = config, .text = changes->v[i]};
		int r = apply(&c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pm_json_member *)a)->name,
		      ((const struct pm_json_member *)b)->name);
}

struct pm_json *pm_changes_canonical(struct pm_json_pool *pool, const struct pm_json *config)
{
	static const char *const order[] = {"User",	  "ExposedPorts", "Env",
					    "Entrypoint", "Cmd",	  "Volumes",
					    "WorkingDir", "Labels",	  "StopSignal"};
	struct pm_json *ret = pm_json_object(pool);
	for (size_t i = 0; i < PM_ARRAY_SIZE(order); i++) {
		const struct pm_json *v = pm_json_get(config, order[i]);
		if (!v)
			continue;
		struct pm_json *copy = pm_json_copy(pool, v);
		if (copy->kind == PM_JSON_OBJECT && copy->len)
			qsort(copy->members, copy->len, sizeof(*copy->members), by_name);
		pm_json_set(pool, ret, order[i], copy);
	}
	for (size_t i = 0; i < pm_json_len(config); i++) {
		const struct pm_json_member *m = &config->members[i];
		if (!pm_json_get(ret, m->name))
			pm_json_set(pool, ret, m->name, pm_json_copy(pool, m->value));
	}
	return ret;
}

int64_t pm_image_now(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char *end;
	errno = 0;
	long long sec = epoch && *epoch ? strtoll(epoch, &end, 10) : -1;
	if (epoch && *epoch && !errno && !*end && sec >= 0 && sec < INT64_MAX / PM_NS_PER_SEC)
		return sec * PM_NS_PER_SEC;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * PM_NS_PER_SEC + t.tv_nsec;
}
