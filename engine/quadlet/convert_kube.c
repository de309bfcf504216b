#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "engine/quadlet/convert_parts.h"

static void add_updates(struct pm_conv *c, struct pm_strv *cmd)
{
	const char *const label = "io.containers.autoupdate";
	for (const struct pm_unitline *l = NULL; (l = pm_unitfile_next(&c->q->in, "Kube", "AutoUpdate", l));) {
		_cleanup_free_ char *text = pm_unit_text(l->value);
		char *slash = strrchr(text, '/');
		if (slash)
			pm_strv_addf(cmd, "--annotation=%s/%.*s=%s", label, (int)(slash - text), text, slash + 1);
		else
			pm_strv_addf(cmd, "--annotation=%s=%s", label, text);
	}
}

/* WorkingDirectory=, where the file does not say it. */
static void add_directory(struct pm_conv *c, const struct pm_strv *yamls)
{
	_cleanup_free_ char *how = pm_conv_text(c, "SetWorkingDirectory");
	const struct pm_unitline *line = pm_conv_line(c, "SetWorkingDirectory");
	_cleanup_free_ char *dir = NULL;
	if (!how)
		return;
	if (strcmp(how, "unit") == 0)
		dir = pm_conv_path(c, ".");
	else if (strcmp(how, "yaml") == 0 && yamls->n == 1)
		dir = pm_path_join(yamls->v[0], "..");
	else
		pm_conv_fail(c, line, "SetWorkingDirectory: %s", strcmp(how, "yaml") == 0
			     ? "yaml is for one Yaml only" : "neither yaml nor unit");
	if (dir)
		pm_conv_default(c, "WorkingDirectory", dir);
}

static void add_down(struct pm_conv *c, const char *key, const char *prefix, bool force,
		     const struct pm_strv *yamls)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	pm_conv_command(c, "kube down", &cmd);
	if (force)
		pm_strv_add(&cmd, "--force");
	pm_strv_add_all(&cmd, pm_strv_argv(yamls));
	pm_conv_exec(c, key, prefix, &cmd);
}

void pm_conv_kube(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT, words = PM_STRV_INIT, yamls = PM_STRV_INIT;
	const bool force = pm_conv_bool(c, "KubeDownForce", false);
	pm_conv_words(c, "Yaml", &words);
	for (size_t i = 0; i < words.n; i++)
		pm_strv_take(&yamls, pm_conv_path(c, words.v[i]));
	if (!yamls.n)
		pm_conv_fail(c, NULL, "there is no Yaml");
	pm_conv_notify(c);
	pm_conv_command(c, "kube play", &cmd);
	pm_strv_add(&cmd, "--replace");
	pm_strv_add(&cmd, "--service-container=true");
	add_updates(c, &cmd);
	pm_conv_networks(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	pm_strv_add_all(&cmd, pm_strv_argv(&yamls));
	pm_conv_exec(c, "ExecStart", "", &cmd);
	/* before the service container's monitor is told to end, and again for what did not come up */
	add_down(c, "ExecStop", "", force, &yamls);
	add_down(c, "ExecStopPost", "-", force, &yamls);
	add_directory(c, &yamls);
}
