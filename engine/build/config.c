#include "engine/build/config.h"

#include <errno.h>
#include <string.h>

#include "base/fs.h"
#include "base/timefmt.h"
#include "engine/image/changes.h"

struct change {
	struct pm_json_pool *pool;
	struct pm_json *document, *config;
	const struct pm_instruction *i;
};

bool pm_build_config_only(const struct pm_instruction *i)
{
	switch (i->kind) {
	case PM_DF_CMD:
	case PM_DF_ENTRYPOINT:
	case PM_DF_ENV:
	case PM_DF_EXPOSE:
	case PM_DF_HEALTHCHECK:
	case PM_DF_LABEL:
	case PM_DF_MAINTAINER:
	case PM_DF_ONBUILD:
	case PM_DF_SHELL:
	case PM_DF_STOPSIGNAL:
	case PM_DF_USER:
	case PM_DF_VOLUME:
	case PM_DF_ARG:
		return true;
	case PM_DF_ADD:
	case PM_DF_COPY:
	case PM_DF_FROM:
	case PM_DF_RUN:
	case PM_DF_WORKDIR:
		break;
	}
	return false;
}

static struct pm_json *member(struct pm_json_pool *pool, struct pm_json *config, const char *name,
			      enum pm_json_kind kind)
{
	struct pm_json *v = pm_json_get(config, name);
	if (pm_json_is(v, kind))
		return v;
	return pm_json_set(pool, config, name, kind == PM_JSON_ARRAY ? pm_json_array(pool) : pm_json_object(pool));
}

void pm_build_config_env(struct pm_json_pool *pool, struct pm_json *config, const char *name, const char *value)
{
	struct pm_json *list = member(pool, config, "Env", PM_JSON_ARRAY);
	_cleanup_free_ char *pair = pm_asprintf("%s=%s", name, value);
	size_t len = strlen(name) + 1;
	for (size_t i = 0; i < list->len; i++) {
		const char *old = list->items[i]->string;
		if (old && strncmp(old, pair, len) == 0) {
			list->items[i] = pm_json_str(pool, pair);
			return;
		}
	}
	pm_json_add(pool, list, pm_json_str(pool, pair));
}

void pm_build_config_unset_env(struct pm_json *config, const char *name)
{
	struct pm_json *list = pm_json_get(config, "Env");
	size_t len = strlen(name), kept = 0;
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const char *old = list->items[i]->string;
		if (!old || strncmp(old, name, len) != 0 || old[len] != '=')
			list->items[kept++] = list->items[i];
	}
	if (list)
		list->len = kept;
}

void pm_build_config_label(struct pm_json_pool *pool, struct pm_json *config, const char *name, const char *value)
{
	pm_json_set_str(pool, member(pool, config, "Labels", PM_JSON_OBJECT), name, value);
}

void pm_build_config_shell(const struct pm_json *config, struct pm_strv *ret)
{
	size_t had = ret->n;
	const struct pm_json *shell = pm_json_get(config, "Shell");
	for (size_t i = 0; i < pm_json_len(shell); i++)
		if (pm_json_is(pm_json_at(shell, i), PM_JSON_STRING))
			pm_strv_add(ret, pm_json_at(shell, i)->string);
	if (ret->n == had) {
		pm_strv_add(ret, "/bin/sh");
		pm_strv_add(ret, "-c");
	}
}

void pm_build_config_env_list(const struct pm_json *config, struct pm_strv *ret)
{
	const struct pm_json *env = pm_json_get(config, "Env");
	for (size_t i = 0; i < pm_json_len(env); i++)
		if (pm_json_is(pm_json_at(env, i), PM_JSON_STRING))
			pm_strv_add(ret, pm_json_at(env, i)->string);
}

char *pm_build_config_workdir(const struct pm_json *config)
{
	const char *dir = pm_json_get_str(config, "WorkingDir");
	_cleanup_free_ char *rooted = pm_asprintf("/%s", dir ? dir : "");
	return pm_path_clean(rooted);
}

/* --- the instructions ------------------------------------------------------------------------------ */

static void set_command(struct change *c, const char *name, size_t from)
{
	const struct pm_instruction *i = c->i;
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	if (!i->json && from < i->n_words)
		pm_build_config_shell(c->config, &words);
	for (size_t k = from; k < i->n_words; k++)
		pm_strv_add(&words, i->words[k]);
	pm_json_set(c->pool, c->config, name, pm_json_strv(c->pool, &words));
}

/* One of engine/image/changes.h for each word. */
static int change_each(struct change *c, struct pm_err *err)
{
	for (size_t k = 0; k < c->i->n_words; k++) {
		_cleanup_strv_ struct pm_strv one = PM_STRV_INIT;
		struct pm_err why = PM_ERR_INIT;
		pm_strv_addf(&one, "%s %s", pm_instruction_name(c->i->kind), c->i->words[k]);
		int r = pm_changes_apply(c->pool, c->config, &one, &why);
		if (r < 0)
			return pm_instruction_fail(c->i, err, why.code, "%s", why.text);
	}
	return 0;
}

static int parse_port(const char *text, unsigned long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoul(text, &end, 10);
	return errno || end == text || *end || text[0] < '0' || text[0] > '9' || *ret < 1 || *ret > 65535 ? -1 : 0;
}

/* "8000-8010/udp" is each of these. */
static int expose_range(struct change *c, const char *word, struct pm_err *err)
{
	_cleanup_free_ char *from = pm_strdup(word);
	char *proto = strchr(from, '/'), *to;
	unsigned long a, b;
	if (proto)
		*proto++ = '\0';
	to = strchr(from, '-');
	if (to)
		*to++ = '\0';
	if (parse_port(from, &a) < 0 || (to ? parse_port(to, &b) : (b = a, 0)) < 0 || b < a)
		return pm_instruction_fail(c->i, err, PM_E_USAGE, "invalid port \"%s\": must be NUMBER[-NUMBER]"
					   "[/PROTOCOL]", word);
	for (unsigned long p = a; p <= b; p++) {
		_cleanup_strv_ struct pm_strv one = PM_STRV_INIT;
		struct pm_err why = PM_ERR_INIT;
		pm_strv_addf(&one, "EXPOSE %lu/%s", p, proto && *proto ? proto : "tcp");
		int r = pm_changes_apply(c->pool, c->config, &one, &why);
		if (r < 0)
			return pm_instruction_fail(c->i, err, why.code, "%s", why.text);
	}
	return 0;
}

static int set_duration(struct change *c, struct pm_json *check, const char *flag, const char *name,
			struct pm_err *err)
{
	const char *text = pm_instruction_flag(c->i, flag);
	int64_t ns;
	if (!text)
		return 0;
	if (pm_duration_parse(text, &ns, NULL) < 0 || ns < 0)
		return pm_instruction_fail(c->i, err, PM_E_USAGE, "invalid --%s \"%s\"", flag, text);
	pm_json_set_int(c->pool, check, name, ns);
	return 0;
}

static int set_healthcheck(struct change *c, struct pm_err *err)
{
	static const struct {
		const char *flag, *name;
	} durations[] = {{"interval", "Interval"},
			 {"timeout", "Timeout"},
			 {"start-period", "StartPeriod"},
			 {"start-interval", "StartInterval"}};
	const struct pm_instruction *i = c->i;
	struct pm_json *check = pm_json_object(c->pool), *test = pm_json_array(c->pool);
	bool none = strcasecmp(i->words[0], "NONE") == 0;
	pm_json_add(c->pool, test, pm_json_str(c->pool, none ? "NONE" : i->json ? "CMD" : "CMD-SHELL"));
	for (size_t k = 1; !none && k < i->n_words; k++)
		pm_json_add(c->pool, test, pm_json_str(c->pool, i->words[k]));
	pm_json_set(c->pool, check, "Test", test);
	for (size_t k = 0; k < PM_ARRAY_SIZE(durations); k++) {
		int r = set_duration(c, check, durations[k].flag, durations[k].name, err);
		if (r < 0)
			return r;
	}
	const char *retries = pm_instruction_flag(i, "retries");
	if (retries) {
		char *end;
		errno = 0;
		long n = strtol(retries, &end, 10);
		if (errno || end == retries || *end || n < 0)
			return pm_instruction_fail(i, err, PM_E_USAGE, "invalid --retries \"%s\"", retries);
		pm_json_set_int(c->pool, check, "Retries", n);
	}
	pm_json_set(c->pool, c->config, "Healthcheck", check);
	return 0;
}

static void set_workdir(struct change *c)
{
	_cleanup_free_ char *now = pm_build_config_workdir(c->config);
	const char *to = c->i->words[0];
	_cleanup_free_ char *joined = to[0] == '/' ? pm_strdup(to) : pm_asprintf("%s/%s", now, to);
	_cleanup_free_ char *clean = pm_path_clean(joined);
	pm_json_set_str(c->pool, c->config, "WorkingDir", clean);
}

static int apply(struct change *c, bool *cmd_set, struct pm_err *err)
{
	const struct pm_instruction *i = c->i;
	switch (i->kind) {
	case PM_DF_CMD:
		set_command(c, "Cmd", 0);
		*cmd_set = true;
		break;
	case PM_DF_ENTRYPOINT:
		set_command(c, "Entrypoint", 0);
		if (!*cmd_set)
			pm_json_unset(c->config, "Cmd");
		break;
	case PM_DF_ENV:
		for (size_t k = 0; k + 1 < i->n_words; k += 2)
			pm_build_config_env(c->pool, c->config, i->words[k], i->words[k + 1]);
		break;
	case PM_DF_LABEL:
		for (size_t k = 0; k + 1 < i->n_words; k += 2)
			pm_build_config_label(c->pool, c->config, i->words[k], i->words[k + 1]);
		break;
	case PM_DF_EXPOSE:
		for (size_t k = 0; k < i->n_words; k++) {
			int r = expose_range(c, i->words[k], err);
			if (r < 0)
				return r;
		}
		break;
	case PM_DF_VOLUME:
		for (size_t k = 0; k < i->n_words; k++)
			pm_json_set(c->pool, member(c->pool, c->config, "Volumes", PM_JSON_OBJECT), i->words[k],
				    pm_json_object(c->pool));
		break;
	case PM_DF_STOPSIGNAL:
		return change_each(c, err);
	case PM_DF_USER:
		pm_json_set_str(c->pool, c->config, "User", i->words[0]);
		break;
	case PM_DF_WORKDIR:
		set_workdir(c);
		break;
	case PM_DF_HEALTHCHECK:
		return set_healthcheck(c, err);
	case PM_DF_SHELL: {
		_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
		pm_strv_add_all(&words, (char *const *)i->words);
		pm_json_set(c->pool, c->config, "Shell", pm_json_strv(c->pool, &words));
		break;
	}
	case PM_DF_ONBUILD:
		pm_json_add(c->pool, member(c->pool, c->config, "OnBuild", PM_JSON_ARRAY),
			    pm_json_str(c->pool, i->words[0]));
		break;
	case PM_DF_MAINTAINER:
		pm_json_set_str(c->pool, c->document, "author", i->words[0]);
		break;
	case PM_DF_ADD:
	case PM_DF_ARG:
	case PM_DF_COPY:
	case PM_DF_FROM:
	case PM_DF_RUN:
		break;
	}
	return 0;
}

int pm_build_config_apply(struct pm_json_pool *pool, struct pm_json *document, const struct pm_instruction *i,
			  bool *cmd_set, struct pm_err *err)
{
	struct change c = {.pool = pool,
			   .document = document,
			   .config = member(pool, document, "config", PM_JSON_OBJECT),
			   .i = i};
	return apply(&c, cmd_set, err);
}
