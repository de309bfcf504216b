#include "engine/container/health.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"

#define INTERVAL_DEFAULT INT64_C(30000000000)
#define RETRIES_DEFAULT 3
#define LOG_COUNT_DEFAULT 5
#define LOG_SIZE_DEFAULT 500
#define LOG_MAX (16u << 20) /* a longer log is looked at no further */

void pm_health_merge(char **user, const struct pm_json *image)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	struct pm_json *own = NULL, *all;
	if (*user && pm_json_parse(pool, *user, strlen(*user), &own, NULL) < 0)
		return;
	if (own && pm_json_get(own, "Test"))
		return;
	all = pm_json_is(image, PM_JSON_OBJECT) ? pm_json_copy(pool, image) : pm_json_object(pool);
	for (size_t i = 0; i < pm_json_len(own); i++)
		pm_json_set(pool, all, own->members[i].name, own->members[i].value);
	free(*user);
	*user = NULL;
	if (pm_json_len(pm_json_get(all, "Test")) == 0)
		return;
	struct pm_buf b = PM_BUF_INIT;
	pm_json_write(all, 0, &b);
	*user = pm_buf_take(&b);
}

/* What Test executes: 1, or 0 for "no check". */
static int test_argv(const struct pm_json *check, struct pm_strv *argv, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	int r = pm_json_to_strv(pm_json_get(check, "Test"), &words, err);
	if (r < 0)
		return pm_wrap(err, "health check");
	if (words.n == 0 || strcmp(words.v[0], "NONE") == 0 || strcmp(words.v[0], "") == 0)
		return 0;
	if (strcmp(words.v[0], "CMD-SHELL") == 0 && words.n >= 2) {
		_cleanup_strv_ struct pm_strv rest = PM_STRV_INIT;
		pm_strv_add_all(&rest, words.v + 1);
		pm_strv_add(argv, "/bin/sh");
		pm_strv_add(argv, "-c");
		pm_strv_take(argv, pm_strv_join(&rest, " "));
		return 1;
	}
	/* Podman takes a list without a keyword for a command, too */
	pm_strv_add_all(argv, words.v + (strcmp(words.v[0], "CMD") == 0));
	return argv->n ? 1
		       : pm_fail(err, PM_E_FORMAT, "the health check names no command");
}

/* A test that the monitor makes itself: its words are not a command. */
static bool is_probe(const struct pm_strv *argv)
{
	return argv->n > 1 && (strcmp(argv->v[0], "TCP") == 0 || strcmp(argv->v[0], "HTTP-GET") == 0);
}

/* The check in text (NULL: none): 1 with everything set, 0 when there is none. */
static int parse(struct pm_json_pool *pool, const char *text, struct pm_json **ret,
		 struct pm_strv *argv, struct pm_err *err)
{
	if (!text)
		return 0;
	int r = pm_json_parse(pool, text, strlen(text), ret, err);
	return r < 0 ? pm_wrap(err, "health check") : test_argv(*ret, argv, err);
}

int pm_health_check_config(const struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	struct pm_json *check;
	int r = parse(pool, c->healthcheck, &check, &argv, err);
	if (r < 0)
		return r;
	if (r == 0 && pm_streq(c->sdnotify, "healthy"))
		return pm_fail(err, PM_E_USAGE,
			       "sdnotify policy \"healthy\" requires a healthcheck to be set");
	const char *action = c->health_on_failure;
	if (r == 0 && action && strcmp(action, "none") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "cannot set on-failure action to %s without a health check", action);
	if (r == 0 && c->startup_healthcheck)
		return pm_fail(err, PM_E_USAGE,
			       "cannot set a start-up health check without a health check");
	return r;
}

static int64_t ms(const struct pm_json *check, const char *name, int64_t missing)
{
	int64_t ns = pm_json_get_int(check, name, missing);
	return ns > 0 && ns < 1000000 ? 1 : ns / 1000000;
}

/* The command's OCI process, as a file that the runtime's exec reads. */
static int write_process(const struct pm_container *c, const struct pm_spec_env *env,
			 const struct pm_strv *argv, const char *file, char **ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv none = PM_STRV_INIT;
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	struct pm_json *process;
	int r = pm_spec_exec_process(&c->config, env, argv, NULL, NULL, &none, false, false, pool,
				     &process, err);
	if (r < 0)
		return pm_wrap(err, "health check");
	pm_json_write(process, 0, &b);
	_cleanup_free_ char *path = pm_asprintf("%s/%s", env->run_dir, file);
	r = pm_fs_write_file(AT_FDCWD, path, b.data, b.len, 0600, false, err);
	if (r >= 0)
		*ret = pm_steal(&path);
	return r;
}

static int plan_check(const struct pm_container *c, const struct pm_spec_env *env, const char *text,
		      const char *file, struct pm_launch_check *ret, struct pm_err *err)
{
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_strv_ struct pm_strv argv = PM_STRV_INIT;
	struct pm_json *check;
	int r = parse(pool, text, &check, &argv, err);
	if (r <= 0)
		return r;
	if (is_probe(&argv) && strcmp(pm_json_get(check, "Test")->items[0]->string, "CMD") != 0) {
		pm_strv_add_all(&ret->probe, argv.v);
	} else {
		r = write_process(c, env, &argv, file, &ret->process, err);
		if (r < 0)
			return r;
	}
	ret->interval = ms(check, "Interval", INTERVAL_DEFAULT);
	ret->timeout = ms(check, "Timeout", INTERVAL_DEFAULT);
	ret->start_period = ms(check, "StartPeriod", 0);
	ret->retries = pm_json_get_int(check, "Retries", 0);
	ret->successes = pm_json_get_int(check, "Successes", 0);
	return 1;
}

static enum pm_health_action action(const char *word)
{
	return pm_streq(word, "kill")	   ? PM_HEALTH_KILL
	       : pm_streq(word, "restart") ? PM_HEALTH_RESTART
	       : pm_streq(word, "stop")	   ? PM_HEALTH_STOP
					   : PM_HEALTH_NONE;
}

static char *log_path(const struct pm_engine *e, const struct pm_container *c)
{
	const char *where = c->config.health_log_destination;
	if (where && *where == '/')
		return pm_asprintf("%s/%s-healthcheck.log", where, c->row.id);
	return pm_asprintf("%s/containers/%s/healthcheck.log", e->store->root, c->row.id);
}

int pm_health_plan(struct pm_engine *e, const struct pm_container *c, const struct pm_spec_env *env,
		   struct pm_launch_plan *plan, struct pm_err *err)
{
	const struct pm_ctr_config *k = &c->config;
	if (!k->healthcheck)
		return 0;
	int r = plan_check(c, env, k->healthcheck, "health.json", &plan->check, err);
	if (r <= 0)
		return r;
	if (plan->check.retries <= 0)
		plan->check.retries = RETRIES_DEFAULT;
	r = plan_check(c, env, k->startup_healthcheck, "startup.json", &plan->startup, err);
	if (r < 0)
		return r;
	plan->health_action = action(k->health_on_failure);
	plan->health_log = log_path(e, c);
	plan->health_events = pm_streq(k->health_log_destination, "events_logger");
	plan->health_log_count = k->health_max_log_count == PM_UNSET ? LOG_COUNT_DEFAULT
								      : k->health_max_log_count;
	plan->health_log_size = k->health_max_log_size == PM_UNSET ? LOG_SIZE_DEFAULT
								    : k->health_max_log_size;
	return 0;
}

const char *pm_health_name(enum pm_ctr_health h)
{
	switch (h) {
	case PM_CTR_HEALTH_NONE:
		return "";
	case PM_CTR_HEALTH_STARTING:
		return "starting";
	case PM_CTR_HEALTH_HEALTHY:
		return "healthy";
	case PM_CTR_HEALTH_UNHEALTHY:
		return "unhealthy";
	}
	return "";
}

/* The last entries of the log; null when there is none. */
static struct pm_json *read_log(struct pm_engine *e, const struct pm_container *c,
				struct pm_json_pool *pool)
{
	_cleanup_free_ char *path = log_path(e, c);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int64_t count = c->config.health_max_log_count == PM_UNSET ? LOG_COUNT_DEFAULT
								   : c->config.health_max_log_count;
	if (pm_fs_read_file(AT_FDCWD, path, LOG_MAX, &b, NULL) < 0)
		return pm_json_null(pool);
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	/* what follows the last newline is "" or half an entry */
	size_t n = lines.n - 1, from = count > 0 && n > (size_t)count ? n - (size_t)count : 0;
	struct pm_json *log = pm_json_array(pool), *entry;
	for (size_t i = from; i < n; i++)
		if (pm_json_parse(pool, lines.v[i], strlen(lines.v[i]), &entry, NULL) >= 0)
			pm_json_add(pool, log, entry);
	return log;
}

struct pm_json *pm_health_json(struct pm_engine *e, const struct pm_container *c,
			       struct pm_json_pool *pool)
{
	struct pm_json *h = pm_json_object(pool);
	pm_json_set_str(pool, h, "Status", pm_health_name(c->state.health));
	pm_json_set_int(pool, h, "FailingStreak", c->state.health_streak);
	pm_json_set(pool, h, "Log", c->config.healthcheck ? read_log(e, c, pool) : pm_json_null(pool));
	return h;
}
