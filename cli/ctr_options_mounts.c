#include "cli/ctr_options_parts.h"

#include <string.h>

#include "base/fs.h"
#include "engine/secret/use.h"

static int set_dest(struct pm_ctr_mount *m, const char *dest, struct pm_err *err)
{
	if (dest[0] != '/')
		return pm_fail(err, PM_E_USAGE,
			       "invalid container path \"%s\", must be an absolute path", dest);
	m->dest = pm_path_clean(dest);
	return 0;
}

int pm_ctr_parse_volume(const char *arg, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	pm_strv_split(&parts, arg, ':');
	if (parts.n > 3 || (parts.n > 1 && !parts.v[0][0]))
		return pm_fail(err, PM_E_USAGE,
			       "incorrect volume format \"%s\", should be "
			       "[host-dir:]ctr-dir[:option]", arg);

	struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
	const char *source = parts.n > 1 ? parts.v[0] : NULL;
	if (source && (source[0] == '/' || source[0] == '.')) {
		m->type = pm_strdup("bind");
		m->source = pm_path_absolute(source);
	} else {
		m->type = pm_strdup("volume");
		m->name = pm_strdup_null(source);
		m->anonymous = !source;
	}
	if (parts.n == 3)
		pm_strv_split(&m->options, parts.v[2], ',');
	return set_dest(m, parts.v[parts.n > 1 ? 1 : 0], err);
}

int pm_ctr_parse_tmpfs(const char *arg, struct pm_ctr_config *c, struct pm_err *err)
{
	const char *colon = strchr(arg, ':');
	_cleanup_free_ char *dest = colon ? pm_strndup(arg, (size_t)(colon - arg)) : pm_strdup(arg);
	struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
	m->type = pm_strdup("tmpfs");
	if (colon && colon[1])
		pm_strv_split(&m->options, colon + 1, ',');
	return set_dest(m, dest, err);
}

/* One key of --mount: the field it sets, or an option of the mount. */
static int mount_key(const char *key, const char *value, struct pm_ctr_mount *m, struct pm_err *err)
{
	static const char *const sources[] = {"source", "src", NULL};
	static const char *const dests[] = {"target", "dst", "destination", NULL};
	static const char *const flags[] = {"ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec",
					    "exec", "U", "z", "Z", "idmap", "notmpcopyup", "tmpcopyup",
					    "nocopy", "copy", NULL};
	if (pm_str_in(key, sources)) {
		free(m->source);
		m->source = pm_strdup(value ? value : "");
		return 0;
	}
	if (pm_str_in(key, dests))
		return set_dest(m, value ? value : "", err);
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0) {
		bool on = true;
		int r = value ? pm_parse_bool(value, &on, err) : 0;
		pm_strv_add(&m->options, on ? "ro" : "rw");
		return r;
	}
	if (strcmp(key, "bind-propagation") == 0 && value) {
		pm_strv_add(&m->options, value);
		return 0;
	}
	if (strcmp(key, "bind-nonrecursive") == 0) {
		pm_strv_add(&m->options, "bind");
		return 0;
	}
	if (strncmp(key, "tmpfs-", 6) == 0 && value) {
		pm_strv_addf(&m->options, "%s=%s", key + 6, value);
		return 0;
	}
	if (pm_str_in(key, flags)) {
		bool on = true;
		int r = value ? pm_parse_bool(value, &on, err) : 0;
		if (on)
			pm_strv_add(&m->options, key);
		return r;
	}
	return pm_fail(err, PM_E_USAGE, "%s: invalid mount option", key);
}

int pm_ctr_parse_mount(const char *arg, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	int r = pm_parse_csv(arg, &parts, err);
	if (r < 0)
		return r;

	struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
	for (size_t i = 0; i < parts.n && r >= 0; i++) {
		char *value = strchr(parts.v[i], '=');
		if (value)
			*value++ = '\0';
		if (strcmp(parts.v[i], "type") == 0) {
			free(m->type);
			m->type = pm_strdup(value ? value : "");
		} else {
			r = mount_key(parts.v[i], value, m, err);
		}
	}
	if (r < 0)
		return pm_wrap(err, "--mount %s", arg);
	if (!m->type)
		m->type = pm_strdup("volume");
	if (!m->dest)
		return pm_fail(err, PM_E_USAGE, "--mount %s: must set a mount destination", arg);
	if (strcmp(m->type, "bind") == 0) {
		if (!m->source)
			return pm_fail(err, PM_E_USAGE, "--mount %s: must set a source", arg);
		char *path = pm_path_absolute(m->source);
		free(m->source);
		m->source = path;
	} else if (strcmp(m->type, "volume") == 0) {
		m->name = m->source && m->source[0] ? pm_strdup(m->source) : NULL;
		free(m->source);
		m->source = NULL;
		m->anonymous = !m->name;
	} else if (strcmp(m->type, "tmpfs") != 0) {
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "--mount %s: invalid filesystem type \"%s\": choose bind, volume or "
			       "tmpfs", arg, m->type);
	}
	return 0;
}

int pm_ctr_apply_mounts(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < o->volume.n && r >= 0; i++)
		r = pm_ctr_parse_volume(o->volume.v[i], c, err);
	for (size_t i = 0; i < o->mount.n && r >= 0; i++)
		r = pm_ctr_parse_mount(o->mount.v[i], c, err);
	for (size_t i = 0; i < o->tmpfs.n && r >= 0; i++)
		r = pm_ctr_parse_tmpfs(o->tmpfs.v[i], c, err);
	for (size_t i = 0; i < o->secret.n && r >= 0; i++) {
		char *use = NULL;
		r = pm_secret_use_parse(e, o->secret.v[i], &use, err);
		if (r >= 0)
			pm_strv_take(&c->secrets, use);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_mounts; i++)
		for (size_t k = i + 1; k < c->n_mounts; k++)
			if (strcmp(c->mounts[i].dest, c->mounts[k].dest) == 0)
				return pm_fail(err, PM_E_USAGE, "%s: duplicate mount destination",
					       c->mounts[i].dest);
	return 0;
}
