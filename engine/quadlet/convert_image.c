#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "engine/quadlet/convert_parts.h"

void pm_conv_image(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *image = pm_conv_text(c, "Image");
	if (!image) {
		pm_conv_fail(c, NULL, "there is no Image");
		return;
	}
	pm_conv_command(c, "image pull", &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	pm_strv_add(&cmd, image);
	pm_conv_exec(c, "ExecStart", "", &cmd);
	pm_conv_oneshot(c);
}

static bool is_url(const char *s)
{
	return pm_startswith(s, "http://") || pm_startswith(s, "https://") || pm_startswith(s, "git://") ||
	       pm_startswith(s, "git@") || pm_startswith(s, "github.com/");
}

/* The directory (or URL) that is built; NULL: it is the service's WorkingDirectory=. */
static char *context_of(struct pm_conv *c, const char *file)
{
	_cleanup_free_ char *how = pm_conv_text(c, "SetWorkingDirectory");
	_cleanup_free_ char *dir = NULL;
	if (!how)
		return NULL;
	if (is_url(how))
		return pm_steal(&how);
	if (strcmp(how, "file") == 0) {
		if (!file || is_url(file)) {
			pm_conv_fail(c, pm_conv_line(c, "SetWorkingDirectory"), "SetWorkingDirectory=file without the path of a File");
			return NULL;
		}
		_cleanup_free_ char *path = pm_conv_path(c, file);
		dir = pm_path_join(path, "..");
	} else {
		dir = pm_conv_path(c, strcmp(how, "unit") == 0 ? "." : how);
	}
	if (strcmp(how, "unit") == 0 || strcmp(how, "file") == 0)
		pm_conv_default(c, "WorkingDirectory", dir);
	return pm_steal(&dir);
}

void pm_conv_build(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *file = pm_conv_text(c, "File");
	const bool directory = pm_unitfile_value(&c->q->in, "Service", "WorkingDirectory") != NULL;
	if (!c->q->resource)
		pm_conv_fail(c, NULL, "there is no ImageTag");
	_cleanup_free_ char *context = context_of(c, file);
	if (!file && !context && !directory && !pm_conv_line(c, "SetWorkingDirectory"))
		pm_conv_fail(c, NULL, "there is neither File nor SetWorkingDirectory");
	if (file && !context && !directory && (is_url(file) || *file != '/'))
		pm_conv_fail(c, pm_conv_line(c, "File"), "File: %s needs SetWorkingDirectory", file);
	pm_conv_command(c, "build", &cmd);
	if (file) {
		/* which is not found from its own directory by a path that is relative to the unit's */
		_cleanup_free_ char *how = pm_conv_text(c, "SetWorkingDirectory");
		_cleanup_free_ char *path = pm_streq(how, "file") ? pm_conv_path(c, file) : pm_strdup(file);
		pm_strv_addf(&cmd, "--file=%s", path);
	}
	pm_conv_networks(c, &cmd);
	pm_conv_volumes(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	if (context)
		pm_strv_add(&cmd, context);
	else if (file && !directory)
		pm_strv_take(&cmd, pm_path_join(file, ".."));
	else
		pm_strv_add(&cmd, ".");
	pm_conv_exec(c, "ExecStart", "", &cmd);
	pm_conv_oneshot(c);
}
