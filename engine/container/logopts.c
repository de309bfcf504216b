#include "engine/container/logopts.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/container/logtag.h"
#include "engine/monitor/launch.h"

static int one_option(enum pm_log_driver d, const char *opt, struct pm_ctr_config *c, struct pm_err *err)
{
	static const char *const known[] = {"path", "max-size", "max-file", "tag", "label", NULL};
	const char *eq = strchr(opt, '=');
	_cleanup_free_ char *key = eq ? pm_strndup(opt, (size_t)(eq - opt)) : NULL;
	if (!key || !pm_str_in(key, known))
		return pm_fail(err, PM_E_USAGE, "invalid --log-opt \"%s\": known are path=, max-size=, "
						"max-file=, tag= and label=", opt);
	int64_t size;
	int r = 0;
	if (strcmp(key, "tag") == 0)
		r = pm_log_tag_check(eq + 1, err);
	else if (strcmp(key, "label") == 0)
		r = d == PM_LOG_DRIVER_JOURNALD
			    ? pm_log_label_check(eq + 1, err)
			    : pm_fail(err, PM_E_USAGE, "--log-opt label= is for the log driver journald");
	else if (strcmp(key, "max-size") == 0)
		r = pm_conf_parse_size(eq + 1, &size, err);
	else if (strcmp(key, "max-file") == 0 &&
		 (!eq[1] || strlen(eq + 1) > 9 || eq[1 + strspn(eq + 1, "0123456789")]))
		r = pm_fail(err, PM_E_USAGE, "\"%s\" is not a number of files", eq + 1);
	if (r < 0)
		return pm_wrap(err, "invalid --log-opt");
	pm_strv_add(&c->log_opts, opt);
	if (strcmp(key, "path") == 0) {
		free(c->log_path);
		c->log_path = pm_path_absolute(eq + 1);
	}
	return 0;
}

int pm_log_options_apply(struct pm_engine *e, const char *driver, const struct pm_strv *opts,
			 struct pm_ctr_config *c, struct pm_err *err)
{
	enum pm_log_driver d;
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	if (!driver) {
		driver = e->conf.log_driver;
		if (!driver || strcmp(driver, "journald") == 0)
			driver = "k8s-file"; /* containers.conf's default where there is no journal */
	}
	r = pm_log_driver_parse(driver, &d, err);
	if (r < 0)
		return r;
	free(c->log_driver);
	c->log_driver = pm_strdup(driver);
	if (d == PM_LOG_DRIVER_PASSTHROUGH && (c->terminal || isatty(0) || isatty(1) || isatty(2)))
		return pm_fail(err, PM_E_USAGE, "the '%s' log driver cannot be used on a TTY", driver);
	for (size_t i = 0; i < opts->n && r >= 0; i++)
		r = one_option(d, opts->v[i], c, err);
	return r;
}
