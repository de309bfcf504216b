#include "cli/ctr_options_parts.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/value.h"
#include "engine/container/logtag.h"
#include "engine/container/service.h"

static int log_options(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		       struct pm_err *err)
{
	static const char *const known[] = {"path", "max-size", "max-file", "tag", "label", NULL};
	const char *driver = o->log_driver ? o->log_driver : e->conf.log_driver;
	if (!o->log_driver && (!driver || strcmp(driver, "journald") == 0))
		driver = "k8s-file"; /* containers.conf's default where there is no journal */
	enum pm_log_driver d;
	int r = pm_log_driver_parse(driver, &d, err);
	if (r < 0)
		return r;
	c->log_driver = pm_strdup(driver);
	if (d == PM_LOG_DRIVER_PASSTHROUGH && (c->terminal || isatty(0) || isatty(1) || isatty(2)))
		return pm_fail(err, PM_E_USAGE,
			       "the '%s' log driver cannot be used on a TTY", driver);
	for (size_t i = 0; i < o->log_opt.n; i++) {
		const char *eq = strchr(o->log_opt.v[i], '=');
		_cleanup_free_ char *key =
			eq ? pm_strndup(o->log_opt.v[i], (size_t)(eq - o->log_opt.v[i])) : NULL;
		if (!key || !pm_str_in(key, known))
			return pm_fail(err, PM_E_USAGE, "invalid --log-opt \"%s\": known are path=, "
							"max-size=, max-file=, tag= and label=",
				       o->log_opt.v[i]);
		int64_t size;
		if (strcmp(key, "tag") == 0)
			r = pm_log_tag_check(eq + 1, err);
		else if (strcmp(key, "label") == 0)
			r = d == PM_LOG_DRIVER_JOURNALD
				    ? pm_log_label_check(eq + 1, err)
				    : pm_fail(err, PM_E_USAGE, "--log-opt label= is for the log driver journald");
		else if (strcmp(key, "max-size") == 0)
			r = pm_conf_parse_size(eq + 1, &size, err);
		else if (strcmp(key, "max-file") == 0)
			r = pm_parse_int(eq + 1, &size, err);
		if (r < 0)
			return pm_wrap(err, "invalid --log-opt");
		pm_strv_add(&c->log_opts, o->log_opt.v[i]);
		if (strcmp(key, "path") == 0)
			c->log_path = pm_path_absolute(eq + 1);
	}
	return 0;
}

static int restart_policy(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	static const char *const known[] = {"", "no", "on-failure", "always", "unless-stopped", NULL};
	if (!o->restart)
		return 0;
	const char *colon = strchr(o->restart, ':');
	c->restart_policy = colon ? pm_strndup(o->restart, (size_t)(colon - o->restart))
				  : pm_strdup(o->restart);
	if (!pm_str_in(c->restart_policy, known))
		return pm_fail(err, PM_E_USAGE, "\"%s\" is not a valid restart policy: invalid argument",
			       c->restart_policy);
	if (c->rm && *c->restart_policy && strcmp(c->restart_policy, "no") != 0)
		return pm_fail(err, PM_E_USAGE, "the --rm option conflicts with --restart, when the "
						"restartPolicy is not \"\" and \"no\"");
	if (!colon)
		return 0;
	if (strcmp(c->restart_policy, "on-failure") != 0)
		return pm_fail(err, PM_E_USAGE, "restart policy retries can only be specified with "
						"on-failure restart policy");
	int r = pm_parse_int(colon + 1, &c->restart_retries, err);
	if (r >= 0 && c->restart_retries < 0)
		r = pm_fail(err, PM_E_USAGE, "%s is negative", colon + 1);
	return r < 0 ? pm_wrap(err, "parsing restart policy retry count") : 0;
}

int pm_ctr_apply_life(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		      struct pm_err *err)
{
	enum pm_notify_mode mode;
	int r = restart_policy(o, c, err);
	if (r >= 0 && o->sdnotify) {
		r = pm_service_notify_mode(o->sdnotify, &mode, err);
		c->sdnotify = mode == PM_NOTIFY_CONTAINER ? NULL : pm_strdup(o->sdnotify);
	}
	return r < 0 ? r : log_options(e, o, c, err);
}
