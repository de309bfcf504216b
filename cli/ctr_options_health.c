#include "cli/ctr_options_parts.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "cli/command.h"

static int duration(const char *text, const char *what, int64_t *ret, struct pm_err *err)
{
	int r = pm_duration_parse(text, ret, err);
	return r < 0 ? pm_wrap(err, "invalid healthcheck-%s", what) : 0;
}

/* "disable" or 0: no check but those that are asked for. */
static int interval(const char *text, const char *what, int64_t *ret, struct pm_err *err)
{
	if (strcmp(text, "disable") == 0) {
		*ret = 0;
		return 0;
	}
	return duration(text, what, ret, err);
}

static void add_words(struct pm_json_pool *pool, struct pm_json *list, const char *line)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	pm_strv_split(&words, line, ' ');
	for (size_t i = 0; i < words.n; i++)
		if (*words.v[i])
			pm_json_add(pool, list, pm_json_str(pool, words.v[i]));
}

/* A JSON array is a command (one word: a line for the container's shell), "none" no check, anything else a line for
 * that shell; unless the first word says which: CMD, CMD-SHELL or NONE. */
static int test(struct pm_json_pool *pool, const char *cmd, struct pm_json **ret, struct pm_err *err)
{
	struct pm_json *list = pm_json_array(pool), *words = NULL;
	size_t n = strcspn(cmd, " ");
	_cleanup_free_ char *first = pm_strndup(cmd, n);
	bool array = pm_json_parse(pool, cmd, strlen(cmd), &words, NULL) >= 0 && pm_json_is(words, PM_JSON_ARRAY);
	*ret = list;
	if (array) {
		for (size_t i = 0; i < words->len; i++)
			if (!pm_json_is(words->items[i], PM_JSON_STRING))
				return pm_fail(err, PM_E_USAGE, "health check %s: must be an array of strings", cmd);
		if (!words->len)
			return pm_fail(err, PM_E_USAGE, "must define a healthcheck command for all healthchecks");
		free(pm_steal(&first));
		first = pm_strdup(words->items[0]->string);
	}
	bool named = strcasecmp(first, "CMD") == 0 || strcasecmp(first, "CMD-SHELL") == 0;
	if (strcasecmp(first, "none") == 0) {
		pm_json_add(pool, list, pm_json_str(pool, "NONE"));
	} else if (array) {
		if (!named)
			pm_json_add(pool, list, pm_json_str(pool, words->len > 1 ? "CMD" : "CMD-SHELL"));
		for (size_t i = 0; i < words->len; i++)
			pm_json_add(pool, list, words->items[i]);
	} else if (strcasecmp(first, "CMD") == 0) {
		add_words(pool, list, cmd);
	} else {
		pm_json_add(pool, list, pm_json_str(pool, "CMD-SHELL"));
		pm_json_add(pool, list, pm_json_str(pool, named && cmd[n] ? cmd + n + 1 : cmd));
	}
	return 0;
}

static char *text_of(const struct pm_json *o)
{
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(o, 0, &b);
	return pm_buf_take(&b);
}

/* With a command all members have their defaults; without one only those that were given, which go over
 * the image's. */
static int regular(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		   struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *h = pm_json_object(pool);
	struct pm_json *command;
	bool all = o->health_cmd && *o->health_cmd;
	int64_t ns;
	int r = all ? test(pool, o->health_cmd, &command, err) : 0;

	if (r < 0)
		return r;
	if (all)
		pm_json_set(pool, h, "Test", command);
	if (pm_cli_given(cli, "health-start-period")) {
		r = duration(o->health_start_period, "start-period", &ns, err);
		if (r < 0)
			return r;
		if (ns < 0)
			return pm_fail(err, PM_E_USAGE,
				       "healthcheck-start-period must be 0 seconds or greater");
		pm_json_set_int(pool, h, "StartPeriod", ns);
	}
	if (all || pm_cli_given(cli, "health-interval")) {
		r = interval(o->health_interval, "interval", &ns, err);
		if (r < 0)
			return r;
		pm_json_set_int(pool, h, "Interval", ns);
	}
	if (all || pm_cli_given(cli, "health-timeout")) {
		r = duration(o->health_timeout, "timeout", &ns, err);
		if (r < 0)
			return r;
		if (ns <= 0)
			return pm_fail(err, PM_E_USAGE, "healthcheck-timeout must be greater than 0");
		pm_json_set_int(pool, h, "Timeout", ns);
	}
	if (all || pm_cli_given(cli, "health-retries")) {
		if (o->health_retries < 1)
			return pm_fail(err, PM_E_USAGE, "healthcheck-retries must be greater than 0");
		pm_json_set_int(pool, h, "Retries", (int64_t)o->health_retries);
	}
	if (pm_json_len(h))
		c->healthcheck = text_of(h);
	return 0;
}

static int startup(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		   struct pm_err *err)
{
	static const char *const need[] = {"health-startup-interval", "health-startup-retries",
					   "health-startup-success", "health-startup-timeout"};
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *h = pm_json_object(pool);
	int64_t every, limit;
	if (!o->health_startup_cmd || !*o->health_startup_cmd) {
		for (size_t i = 0; i < PM_ARRAY_SIZE(need); i++)
			if (pm_cli_given(cli, need[i]))
				return pm_fail(err, PM_E_USAGE, "--%s needs --health-startup-cmd", need[i]);
		return 0;
	}
	int r = interval(o->health_startup_interval, "startup-interval", &every, err);
	if (r >= 0)
		r = duration(o->health_startup_timeout, "startup-timeout", &limit, err);
	if (r < 0)
		return r;
	if (limit <= 0)
		return pm_fail(err, PM_E_USAGE, "healthcheck-startup-timeout must be greater than 0");
	struct pm_json *command;
	if ((r = test(pool, o->health_startup_cmd, &command, err)) < 0)
		return r;
	pm_json_set(pool, h, "Test", command);
	pm_json_set_int(pool, h, "Interval", every);
	pm_json_set_int(pool, h, "Timeout", limit);
	pm_json_set_int(pool, h, "Retries", (int64_t)o->health_startup_retries);
	pm_json_set_int(pool, h, "Successes", (int64_t)o->health_startup_success);
	c->startup_healthcheck = text_of(h);
	return 0;
}

static int health_log(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		      struct pm_err *err)
{
	const char *where = o->health_log_destination;
	if (where && strcmp(where, "local") != 0) {
		if (*where != '/' && strcmp(where, "events_logger") != 0)
			return pm_fail(err, PM_E_USAGE, "--health-log-destination %s: must be local, "
							"events_logger or an absolute directory", where);
		c->health_log_destination = pm_strdup(where);
	}
	if (pm_cli_given(cli, "health-max-log-count"))
		c->health_max_log_count = (int64_t)o->health_max_log_count;
	if (pm_cli_given(cli, "health-max-log-size"))
		c->health_max_log_size = (int64_t)o->health_max_log_size;
	return 0;
}

int pm_ctr_apply_health(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err)
{
	static const char *const actions[] = {"none", "kill", "restart", "stop", NULL};
	if (o->no_healthcheck) {
		if (o->health_cmd && *o->health_cmd)
			return pm_fail(err, PM_E_USAGE, "cannot specify both --no-healthcheck and --health-cmd");
		c->healthcheck = pm_strdup("{\"Test\":[\"NONE\"]}");
		return 0;
	}
	if (o->health_on_failure) {
		if (!pm_str_in(o->health_on_failure, actions))
			return pm_fail(err, PM_E_USAGE,
				       "invalid on-failure action \"%s\" for health check: supported "
				       "actions are none,kill,restart,stop", o->health_on_failure);
		c->health_on_failure = pm_strdup(o->health_on_failure);
	}
	int r = regular(cli, o, c, err);
	if (r >= 0)
		r = startup(cli, o, c, err);
	return r < 0 ? r : health_log(cli, o, c, err);
}
