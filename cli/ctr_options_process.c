#include "cli/ctr_options_parts.h"

#include <string.h>

#include "cli/command.h"

int pm_ctr_apply_process(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 char *const *args, struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	pm_strv_add_all(&c->command, args);
	if (o->entrypoint && (r = pm_ctr_parse_entrypoint(o->entrypoint, &c->entrypoint, err)) < 0)
		return r;
	if (o->workdir && o->workdir[0] != '/')
		return pm_fail(err, PM_E_USAGE, "the working directory '%s' is invalid, it needs to be "
						"an absolute path", o->workdir);
	c->workdir = pm_strdup_null(o->workdir);
	c->user = pm_strdup_null(o->user);
	c->hostname = pm_strdup_null(o->hostname);
	c->umask = pm_strdup_null(o->umask);
	c->timezone = pm_strdup_null(o->tz);
	c->http_proxy_off = pm_cli_given(cli, "http-proxy") ? !o->http_proxy : !e->conf.http_proxy;
	c->terminal = o->tty;
	c->stdin_open = o->interactive;
	c->init = o->init;
	c->init_path = pm_strdup_null(o->init_path);
	c->detach_keys = pm_strdup_null(o->detach_keys);
	pm_strv_add_all(&c->groups, o->group_add.v);
	if (o->stop_signal) {
		int sig;
		if ((r = pm_signal_parse(o->stop_signal, &sig, err)) < 0)
			return r;
		c->stop_signal = sig;
	}
	if (pm_cli_given(cli, "stop-timeout"))
		c->stop_timeout = (int64_t)o->stop_timeout;
	return 0;
}
