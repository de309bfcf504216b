#include "cli/ctr_options_parts.h"

#include <string.h>

#include "cli/value.h"
#include "engine/container/logopts.h"
#include "engine/container/service.h"

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
	return r < 0 ? r : pm_log_options_apply(e, o->log_driver, &o->log_opt, c, err);
}
