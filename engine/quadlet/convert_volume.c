#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "engine/quadlet/convert_parts.h"

/* The id of a user or group: a number as it is, a name by the third field of its line in file. NULL: noted. */
static char *id_of(struct pm_conv *c, const char *key, const char *file)
{
	_cleanup_free_ char *name = pm_conv_text(c, key);
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	if (!name || !name[strspn(name, "0123456789")] || *name == '%')
		return pm_steal(&name);
	pm_fs_read_file(AT_FDCWD, file, PM_UNITFILE_MAX, &text, NULL);
	pm_strv_split(&lines, pm_buf_str(&text), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct pm_strv fields = PM_STRV_INIT;
		pm_strv_split(&fields, lines.v[i], ':');
		if (fields.n > 2 && strcmp(fields.v[0], name) == 0)
			return pm_steal(&fields.v[2]);
	}
	pm_conv_fail(c, pm_conv_line(c, key), "%s: %s is not in %s", key, name, file);
	return NULL;
}

static void add_image(struct pm_conv *c, struct pm_strv *cmd)
{
	_cleanup_free_ char *image = pm_conv_text(c, "Image");
	if (!image) {
		pm_conv_fail(c, pm_conv_line(c, "Driver"), "Driver=image without Image");
		return;
	}
	_cleanup_free_ char *name = pm_conv_image_name(c, pm_conv_line(c, "Image"), image);
	if (name)
		pm_strv_addf(cmd, "--opt=image=%s", name);
}

/* What is mounted: device, type and o. */
static void add_device(struct pm_conv *c, struct pm_strv *cmd)
{
	_cleanup_free_ char *device = pm_conv_text(c, "Device"), *type = pm_conv_text(c, "Type");
	_cleanup_free_ char *options = pm_conv_text(c, "Options");
	_cleanup_free_ char *uid = id_of(c, "User", "/etc/passwd"), *gid = id_of(c, "Group", "/etc/group");
	_cleanup_strv_ struct pm_strv o = PM_STRV_INIT;
	if (!device && (type || options))
		pm_conv_fail(c, pm_conv_line(c, type ? "Type" : "Options"), "%s without Device", type ? "Type" : "Options");
	if (device) {
		pm_strv_addf(cmd, "--opt=device=%s", device);
		if (type && strcmp(type, "bind") == 0)
			pm_conv_needs_path(c, device);
	}
	if (type)
		pm_strv_addf(cmd, "--opt=type=%s", type);
	if (pm_conv_line(c, "Copy"))
		pm_strv_add(cmd, pm_conv_bool(c, "Copy", true) ? "--opt=copy" : "--opt=nocopy");
	if (uid)
		pm_strv_addf(&o, "uid=%s", uid);
	if (gid)
		pm_strv_addf(&o, "gid=%s", gid);
	if (options)
		pm_strv_add(&o, options);
	if (o.n) {
		_cleanup_free_ char *joined = pm_strv_join(&o, ",");
		pm_strv_addf(cmd, "--opt=o=%s", joined);
	}
}

void pm_conv_volume(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *driver = pm_conv_text(c, "Driver");
	pm_conv_command(c, "volume create --ignore", &cmd);
	if (driver && strcmp(driver, "image") == 0)
		add_image(c, &cmd);
	else
		add_device(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	pm_strv_add(&cmd, c->q->resource);
	pm_conv_exec(c, "ExecStart", "", &cmd);
	pm_conv_oneshot(c);
}
