#include <stdlib.h>
#include <string.h>

#include "engine/quadlet/convert_parts.h"

/* "pod VERB ... NAME" as key. */
static void add_verb(struct pm_conv *c, const char *key, const char *verb, const char *option)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	pm_conv_command(c, verb, &cmd);
	if (option)
		pm_strv_add(&cmd, option);
	pm_strv_add(&cmd, c->q->resource);
	pm_conv_exec(c, key, "", &cmd);
}

void pm_conv_pod(struct pm_conv *c)
{
	struct pm_quadlet *q = c->q;
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *policy = pm_conv_text(c, "ExitPolicy"), *timeout = pm_conv_text(c, "StopTimeout");
	_cleanup_free_ char *time = pm_asprintf("--time=%s", timeout ? timeout : "10");
	const struct pm_unitline *type = pm_unitfile_line(&q->in, "Service", "Type");
	if (type && strcmp(type->value, "forking") != 0)
		pm_conv_fail(c, type, "Type=%s does not work here: forking", type->value);
	for (size_t i = 0; i < q->started.n; i++) {
		pm_unitfile_add(&q->out, "Unit", "Wants", q->started.v[i]);
		pm_unitfile_add(&q->out, "Unit", "Before", q->started.v[i]);
	}
	pm_unitfile_add(&q->out, "Service", "Environment", "PODMAN_SYSTEMD_UNIT=%n");
	pm_conv_command(c, "pod create", &cmd);
	pm_strv_add(&cmd, "--infra-conmon-pidfile=%t/%N.pid");
	pm_strv_add(&cmd, "--replace");
	pm_strv_addf(&cmd, "--exit-policy=%s", policy ? policy : "stop");
	pm_strv_addf(&cmd, "--infra-name=%s-infra", q->resource);
	pm_strv_addf(&cmd, "--name=%s", q->resource);
	pm_conv_networks(c, &cmd);
	pm_conv_volumes(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	pm_conv_exec(c, "ExecStartPre", "", &cmd);
	add_verb(c, "ExecStart", "pod start", NULL);
	add_verb(c, "ExecStop", "pod stop --ignore", time);
	add_verb(c, "ExecStopPost", "pod rm --ignore --force", NULL);
	pm_conv_default(c, "Type", "forking");
	pm_conv_default(c, "Restart", "on-failure");
	pm_conv_default(c, "PIDFile", "%t/%N.pid");
	pm_conv_default(c, "SyslogIdentifier", "%N");
}
