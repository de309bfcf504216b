#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/quadlet/convert_parts.h"

/* What is run, after all options: "--rootfs DIR", or an image. */
static void add_what(struct pm_conv *c, struct pm_strv *cmd)
{
	_cleanup_free_ char *image = pm_conv_text(c, "Image"), *rootfs = pm_conv_text(c, "Rootfs");
	if (!image == !rootfs) {
		pm_conv_fail(c, pm_conv_line(c, "Rootfs"), "%s", image ? "Image and Rootfs cannot both be set"
								       : "there is neither Image nor Rootfs");
		return;
	}
	if (rootfs) {
		pm_conv_needs_path(c, rootfs);
		pm_strv_add(cmd, "--rootfs");
		pm_strv_add(cmd, rootfs);
		return;
	}
	char *name = pm_conv_image_name(c, pm_conv_line(c, "Image"), image);
	if (name)
		pm_strv_take(cmd, name);
}

static void add_user(struct pm_conv *c, struct pm_strv *cmd)
{
	_cleanup_free_ char *user = pm_conv_text(c, "User"), *group = pm_conv_text(c, "Group");
	if (user)
		pm_strv_addf(cmd, "--user=%s%s%s", user, group ? ":" : "", group ? group : "");
	else if (group)
		pm_conv_fail(c, pm_conv_line(c, "Group"), "Group without User");
}

static void add_devices(struct pm_conv *c, struct pm_strv *cmd)
{
	_cleanup_strv_ struct pm_strv devices = PM_STRV_INIT;
	pm_conv_words(c, "AddDevice", &devices);
	for (size_t i = 0; i < devices.n; i++) {
		const char *device = devices.v[i];
		if (*device == '-') {
			_cleanup_free_ char *host = pm_strndup(device + 1, strcspn(device + 1, ":"));
			if (access(host, F_OK) < 0)
				continue;
			device++;
		}
		pm_strv_addf(cmd, "--device=%s", device);
	}
}

/* The fields of a --mount: commas separate, but for those within double quotes. */
static void split_mount(const char *mount, struct pm_strv *fields)
{
	while (*mount) {
		size_t n = 0;
		for (bool quoted = false; mount[n] && (quoted || mount[n] != ','); n++)
			if (mount[n] == '"')
				quoted = !quoted;
		pm_strv_take(fields, pm_strndup(mount, n));
		mount += n + (mount[n] == ',');
	}
}

static void add_mount(struct pm_conv *c, const struct pm_unitline *line, struct pm_strv *cmd)
{
	_cleanup_strv_ struct pm_strv fields = PM_STRV_INIT;
	_cleanup_free_ char *text = pm_unit_text(line->value);
	const char *type = "volume";
	size_t source = 0, skip = 0;
	split_mount(text, &fields);
	for (size_t i = 0; i < fields.n; i++) {
		const char *f = fields.v[i];
		if (pm_startswith(f, "type="))
			type = f + strlen("type=");
		else if (pm_startswith(f, "source=") || pm_startswith(f, "src="))
			source = i, skip = strcspn(f, "=") + 1;
	}
	const char *from = skip ? fields.v[source] + skip : "";
	_cleanup_free_ char *to = NULL;
	if (strcmp(type, "volume") == 0 && pm_endswith(from, ".volume")) {
		const struct pm_quadlet *other = pm_conv_needs(c, line, from);
		to = other ? pm_strdup(other->resource) : NULL;
	} else if (strcmp(type, "image") == 0) {
		to = pm_conv_image_name(c, line, from);
	} else if (strcmp(type, "bind") == 0 || strcmp(type, "glob") == 0) {
		to = *from == '.' ? pm_conv_path(c, from) : pm_strdup(from);
		if (strcmp(type, "bind") == 0)
			pm_conv_needs_path(c, to);
	}
	if (to && skip) {
		char *field = pm_asprintf("%.*s%s", (int)skip, fields.v[source], to);
		free(fields.v[source]);
		fields.v[source] = field;
	}
	_cleanup_free_ char *joined = pm_strv_join(&fields, ",");
	pm_strv_addf(cmd, "--mount=%s", joined);
}

static void add_notify(struct pm_conv *c, struct pm_strv *cmd)
{
	const struct pm_unitline *line = pm_conv_line(c, "Notify");
	if (line && strcmp(line->value, "healthy") == 0)
		pm_strv_add(cmd, "--sdnotify=healthy");
	else
		pm_strv_addf(cmd, "--sdnotify=%s", pm_conv_bool(c, "Notify", false) ? "container" : "conmon");
	pm_strv_add(cmd, "-d");
}

static void add_pod(struct pm_conv *c, struct pm_strv *cmd)
{
	const struct pm_unitline *line = pm_conv_line(c, "Pod");
	_cleanup_free_ char *pod = pm_conv_text(c, "Pod");
	if (!pod)
		return;
	if (!pm_endswith(pod, ".pod")) {
		pm_conv_fail(c, line, "Pod: %s is no .pod file", pod);
		return;
	}
	const struct pm_quadlet *other = pm_quadlet_find(c->set, pod);
	if (!other || !other->service) {
		pm_conv_fail(c, line, "Pod: there is no %s", pod);
		return;
	}
	const char *at = strchr(other->service, '@');
	_cleanup_free_ char *service =
		at && at[1] == '.' ? pm_asprintf("%.*s@%%i.service", (int)(at - other->service), other->service)
				   : pm_strdup(other->service);
	pm_strv_addf(cmd, "--pod=%s", other->resource);
	pm_unitfile_add(&c->q->out, "Unit", "BindsTo", service);
	pm_unitfile_add(&c->q->out, "Unit", "After", service);
}

static void add_reload(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *signal = pm_conv_text(c, "ReloadSignal");
	const struct pm_unitline *exec = pm_conv_line(c, "ReloadCmd");
	if (exec && !*exec->value)
		exec = NULL;
	if (signal && exec)
		pm_conv_fail(c, exec, "ReloadCmd and ReloadSignal cannot both be set");
	if (!signal && !exec)
		return;
	pm_conv_command(c, exec ? "exec" : "kill", &cmd);
	if (signal)
		pm_strv_addf(&cmd, "--signal=%s", signal);
	pm_strv_add(&cmd, c->q->resource);
	pm_conv_words(c, "ReloadCmd", &cmd);
	pm_conv_exec(c, "ExecReload", "", &cmd);
}

static void add_removal(struct pm_conv *c, const char *key, const char *prefix)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	pm_conv_command(c, "rm -v -f -i", &cmd);
	pm_strv_add(&cmd, c->q->resource);
	pm_conv_exec(c, key, prefix, &cmd);
}

void pm_conv_container(struct pm_conv *c)
{
	_cleanup_strv_ struct pm_strv cmd = PM_STRV_INIT;
	_cleanup_free_ char *cgroups = pm_conv_text(c, "CgroupsMode"), *entrypoint = pm_conv_text(c, "Entrypoint");
	const bool notify = pm_conv_notify(c);
	pm_conv_command(c, "run", &cmd);
	pm_strv_addf(&cmd, "--name=%s", c->q->resource);
	pm_strv_add(&cmd, "--replace");
	pm_strv_add(&cmd, "--rm");
	pm_strv_addf(&cmd, "--cgroups=%s", cgroups ? cgroups : "split");
	if (!cgroups || strcmp(cgroups, "split") == 0)
		pm_conv_default(c, "Delegate", "yes");
	if (notify)
		add_notify(c, &cmd);
	if (pm_conv_line(c, "Entrypoint"))
		pm_strv_addf(&cmd, "--entrypoint=%s", entrypoint ? entrypoint : "");
	add_user(c, &cmd);
	add_devices(c, &cmd);
	pm_conv_networks(c, &cmd);
	pm_conv_volumes(c, &cmd);
	for (const struct pm_unitline *l = NULL; (l = pm_unitfile_next(&c->q->in, "Container", "Mount", l));)
		add_mount(c, l, &cmd);
	add_pod(c, &cmd);
	pm_conv_options(c, &cmd);
	pm_conv_words(c, "PodmanArgs", &cmd);
	add_what(c, &cmd);
	pm_conv_words(c, "Exec", &cmd);
	pm_conv_exec(c, "ExecStart", "", &cmd);
	add_removal(c, "ExecStop", "");
	add_removal(c, "ExecStopPost", "-");
	add_reload(c);
}
