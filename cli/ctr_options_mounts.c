#include "cli/ctr_options_parts.h"

#include <glob.h>
#include <string.h>

#include "base/fs.h"
#include "engine/container/container.h"
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

/* --- --mount ------------------------------------------------------------------------------------- */

enum {
	T_BIND = 1,
	T_VOLUME = 2,
	T_TMPFS = 4,
	T_IMAGE = 8,
	T_DEVPTS = 16,
	T_RAMFS = 32,
	T_GLOB = 64,
	T_ALL = 127,
};

static const struct {
	const char *name;
	int type;
} mount_types[] = {
	{"bind", T_BIND},     {"volume", T_VOLUME}, {"tmpfs", T_TMPFS}, {"image", T_IMAGE},
	{"devpts", T_DEVPTS}, {"ramfs", T_RAMFS},   {"glob", T_GLOB},
};

/* What a key does. */
enum key_kind {
	K_SOURCE,
	K_DEST,
	K_SUBPATH,
	K_FLAG,     /* the option `to`, or, when it is false, `off` (NULL: none) */
	K_VALUE,    /* the option "to=VALUE"; to "": VALUE alone */
	K_VOLUME_OPT,
	K_VOLUME_LABEL,
	K_VOLUME_DRIVER,
	K_RELABEL,
	K_IDMAP,    /* true, false, or maps */
	K_IGNORED,  /* Docker's, without a meaning here, as in Podman */
};

static const struct mount_key {
	const char *name;
	enum key_kind kind;
	int types;
	const char *to, *off;
} mount_keys[] = {
	{"U", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_GLOB, "U", NULL},
	{"bind-nonrecursive", K_FLAG, T_BIND | T_GLOB, "bind", "rbind"},
	{"bind-propagation", K_VALUE, T_BIND | T_VOLUME | T_GLOB, "", NULL},
	{"chown", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_GLOB, "U", NULL},
	{"consistency", K_IGNORED, T_ALL, NULL, NULL},
	{"copy", K_FLAG, T_VOLUME, "copy", "nocopy"},
	{"destination", K_DEST, T_ALL, NULL, NULL},
	{"dev", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "dev", "nodev"},
	{"dst", K_DEST, T_ALL, NULL, NULL},
	{"exec", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "exec", "noexec"},
	{"gid", K_VALUE, T_DEVPTS, "gid", NULL},
	{"idmap", K_IDMAP, T_BIND | T_VOLUME | T_GLOB, "idmap", NULL},
	{"max", K_VALUE, T_DEVPTS, "max", NULL},
	{"mode", K_VALUE, T_DEVPTS, "mode", NULL},
	{"nocopy", K_FLAG, T_VOLUME, "nocopy", "copy"},
	{"nodev", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "nodev", "dev"},
	{"noexec", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "noexec", "exec"},
	{"nosuid", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "nosuid", "suid"},
	{"notmpcopyup", K_FLAG, T_TMPFS | T_RAMFS, "notmpcopyup", "tmpcopyup"},
	{"readonly", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "ro", "rw"},
	{"readwrite", K_FLAG, T_IMAGE, "rw", NULL},
	{"relabel", K_RELABEL, T_BIND | T_GLOB, NULL, NULL},
	{"ro", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "ro", "rw"},
	{"rw", K_FLAG, T_ALL & ~T_DEVPTS, "rw", "ro"},
	{"source", K_SOURCE, T_ALL & ~(T_TMPFS | T_DEVPTS | T_RAMFS), NULL, NULL},
	{"src", K_SOURCE, T_ALL & ~(T_TMPFS | T_DEVPTS | T_RAMFS), NULL, NULL},
	{"subpath", K_SUBPATH, T_VOLUME | T_IMAGE, NULL, NULL},
	{"suid", K_FLAG, T_BIND | T_VOLUME | T_TMPFS | T_RAMFS | T_GLOB, "suid", "nosuid"},
	{"target", K_DEST, T_ALL, NULL, NULL},
	{"tmpcopyup", K_FLAG, T_TMPFS | T_RAMFS, "tmpcopyup", "notmpcopyup"},
	{"tmpfs-mode", K_VALUE, T_TMPFS | T_RAMFS, "mode", NULL},
	{"tmpfs-size", K_VALUE, T_TMPFS, "size", NULL},
	{"uid", K_VALUE, T_DEVPTS, "uid", NULL},
	{"volume-driver", K_VOLUME_DRIVER, T_VOLUME, NULL, NULL},
	{"volume-label", K_VOLUME_LABEL, T_VOLUME, NULL, NULL},
	{"volume-nocopy", K_FLAG, T_VOLUME, "nocopy", "copy"},
	{"volume-opt", K_VOLUME_OPT, T_VOLUME, NULL, NULL},
	{"volume-subpath", K_SUBPATH, T_VOLUME, NULL, NULL},
	{"z", K_FLAG, T_BIND | T_VOLUME | T_GLOB, "z", NULL},
	{"Z", K_FLAG, T_BIND | T_VOLUME | T_GLOB, "Z", NULL},
};

static int key_flag(const struct mount_key *k, const char *value, struct pm_ctr_mount *m,
		    struct pm_err *err)
{
	bool on = true;
	int r = value ? pm_parse_bool(value, &on, err) : 0;
	if (r >= 0 && (on || k->off))
		pm_strv_add(&m->options, on ? k->to : k->off);
	return r;
}

static void replace(char **s, const char *value)
{
	free(*s);
	*s = pm_strdup(value);
}

static int apply_key(const struct mount_key *k, const char *value, struct pm_ctr_mount *m,
		     struct pm_err *err)
{
	if (k->kind == K_FLAG)
		return key_flag(k, value, m, err);
	bool flag;
	if (k->kind == K_IDMAP && (!value || pm_parse_bool(value, &flag, NULL) >= 0))
		return key_flag(k, value, m, err);
	if (!value || !*value)
		return k->kind == K_IGNORED
			       ? 0
			       : pm_fail(err, PM_E_USAGE, "%s: must have a value", k->name);
	switch (k->kind) {
	case K_SOURCE:
		replace(&m->source, value);
		return 0;
	case K_DEST:
		free(m->dest);
		m->dest = NULL;
		return set_dest(m, value, err);
	case K_SUBPATH:
		replace(&m->subpath, value);
		return 0;
	case K_IDMAP:
	case K_VALUE:
		if (*k->to)
			pm_strv_addf(&m->options, "%s=%s", k->to, value);
		else
			pm_strv_add(&m->options, value);
		return 0;
	case K_VOLUME_OPT:
		pm_strv_add(&m->driver_options, value);
		return 0;
	case K_VOLUME_LABEL:
		pm_strv_add(&m->labels, value);
		return 0;
	case K_VOLUME_DRIVER:
		replace(&m->driver, value);
		return 0;
	case K_RELABEL:
		if (strcmp(value, "shared") != 0 && strcmp(value, "private") != 0)
			return pm_fail(err, PM_E_USAGE, "relabel=%s: must be shared or private", value);
		pm_strv_add(&m->options, value[0] == 's' ? "z" : "Z");
		return 0;
	case K_FLAG:
	case K_IGNORED:
		break;
	}
	return 0;
}

static int mount_key(const char *key, const char *value, int type, struct pm_ctr_mount *m,
		     struct pm_err *err)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(mount_keys); i++)
		if (strcmp(mount_keys[i].name, key) == 0 && (mount_keys[i].types & type))
			return apply_key(&mount_keys[i], value, m, err);
	return pm_fail(err, PM_E_USAGE, "%s: invalid mount option", key);
}

static int find_type(const struct pm_strv *parts, const char **ret_name, int *ret, struct pm_err *err)
{
	*ret_name = "volume";
	for (size_t i = 0; i < parts->n; i++)
		if (pm_startswith(parts->v[i], "type="))
			*ret_name = parts->v[i] + 5;
	for (size_t i = 0; i < PM_ARRAY_SIZE(mount_types); i++) {
		if (strcmp(mount_types[i].name, *ret_name) == 0) {
			*ret = mount_types[i].type;
			return 0;
		}
	}
	if (strcmp(*ret_name, "artifact") == 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "type artifact: the store holds images only, no OCI "
						      "artifacts");
	return pm_fail(err, PM_E_USAGE, "invalid filesystem type \"%s\"", *ret_name);
}

/* Files of the host that fit a pattern, each a bind mount of its own: below the target, or at its own path. */
static int expand_glob(const struct pm_ctr_mount *pattern, struct pm_ctr_config *c, struct pm_err *err)
{
	glob_t g = {0};
	int r = glob(pattern->source, 0, NULL, &g);
	if (r != 0) {
		globfree(&g);
		return r == GLOB_NOMATCH
			       ? pm_fail(err, PM_E_USAGE, "no file paths matching glob \"%s\"",
					 pattern->source)
			       : pm_fail(err, PM_E_USAGE, "glob \"%s\" failed", pattern->source);
	}
	struct pm_ctr_mount p = *pattern; /* the list may move */
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	_cleanup_free_ char *dest = pm_strdup_null(p.dest);
	pm_strv_add_all(&options, pm_strv_argv(&p.options));
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *path = g.gl_pathv[i], *slash = strrchr(path, '/');
		struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
		m->type = pm_strdup("bind");
		m->source = pm_path_absolute(path);
		m->dest = dest ? pm_path_join(dest, slash ? slash + 1 : path) : pm_strdup(m->source);
		pm_strv_add_all(&m->options, pm_strv_argv(&options));
	}
	globfree(&g);
	return 0;
}

/* The source's meaning by type. */
static int finish_mount(int type, struct pm_ctr_mount *m, struct pm_err *err)
{
	bool needs_source = type & (T_BIND | T_IMAGE | T_GLOB);
	if (needs_source && (!m->source || !*m->source))
		return pm_fail(err, PM_E_USAGE, "must set a source");
	if (!m->dest && type != T_GLOB)
		return pm_fail(err, PM_E_USAGE, "must set a mount destination");
	if (type == T_BIND) {
		char *path = pm_path_absolute(m->source);
		free(m->source);
		m->source = path;
	} else if (type == T_VOLUME || type == T_IMAGE) {
		m->name = m->source && *m->source ? m->source : NULL;
		if (m->source && !*m->source)
			free(m->source);
		m->source = NULL;
		m->anonymous = type == T_VOLUME && !m->name;
	}
	return 0;
}

int pm_ctr_parse_mount(const char *arg, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	const char *name;
	int type = 0, r = pm_parse_csv(arg, &parts, err);
	if (r >= 0)
		r = find_type(&parts, &name, &type, err);
	if (r < 0)
		return pm_wrap(err, "--mount %s", arg);

	struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
	m->type = pm_strdup(name);
	for (size_t i = 0; i < parts.n && r >= 0; i++) {
		if (pm_startswith(parts.v[i], "type="))
			continue;
		char *value = strchr(parts.v[i], '=');
		if (value)
			*value++ = '\0';
		r = mount_key(parts.v[i], value, type, m, err);
	}
	if (r >= 0)
		r = finish_mount(type, m, err);
	if (r >= 0 && type == T_GLOB) {
		size_t at = c->n_mounts - 1;
		r = expand_glob(m, c, err);
		if (r >= 0)
			pm_ctr_config_remove_mount(c, at);
	}
	return r < 0 ? pm_wrap(err, "--mount %s", arg) : 0;
}

/* --- --volumes-from ------------------------------------------------------------------------------ */

static bool has_dest(const struct pm_ctr_config *c, const char *dest)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (strcmp(c->mounts[i].dest, dest) == 0)
			return true;
	return false;
}

/* CONTAINER[:ro|rw|z|Z,...]: its volumes and directories, but where this one has its own. */
static int volumes_from(struct pm_engine *e, const char *arg, struct pm_ctr_config *c,
			struct pm_err *err)
{
	static const char *const known[] = {"ro", "rw", "z", "Z", NULL};
	_cleanup_container_ struct pm_container other;
	_cleanup_strv_ struct pm_strv options = PM_STRV_INIT;
	const char *colon = strchr(arg, ':');
	_cleanup_free_ char *name = colon ? pm_strndup(arg, (size_t)(colon - arg)) : pm_strdup(arg);
	pm_container_init(&other);
	if (colon)
		pm_strv_split(&options, colon + 1, ',');
	for (size_t i = 0; i < options.n; i++)
		if (!pm_str_in(options.v[i], known))
			return pm_fail(err, PM_E_USAGE,
				       "invalid options \"%s\", can only specify 'ro', 'rw', 'z' and 'Z'",
				       options.v[i]);
	int r = pm_container_load(e, name, &other, err);
	if (r < 0)
		return pm_wrap(err, "volumes-from");
	for (size_t i = 0; i < other.config.n_mounts; i++) {
		const struct pm_ctr_mount *from = &other.config.mounts[i];
		bool volume = strcmp(from->type, "volume") == 0;
		if ((!volume && strcmp(from->type, "bind") != 0) || has_dest(c, from->dest))
			continue;
		struct pm_ctr_mount *m = pm_ctr_config_add_mount(c);
		m->type = pm_strdup(from->type);
		m->name = pm_strdup_null(from->name);
		m->source = volume ? NULL : pm_strdup_null(from->source);
		m->dest = pm_strdup(from->dest);
		m->subpath = pm_strdup_null(from->subpath);
		for (size_t k = 0; k < from->options.n; k++)
			if (!(options.n && (strcmp(from->options.v[k], "ro") == 0 ||
					    strcmp(from->options.v[k], "rw") == 0)))
				pm_strv_add(&m->options, from->options.v[k]);
		pm_strv_add_all(&m->options, pm_strv_argv(&options));
	}
	return 0;
}

int pm_ctr_parse_rootfs(const char *arg, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_free_ char *path = pm_strdup(arg);
	for (char *colon; (colon = strrchr(path, ':')) != NULL && !strchr(colon, '/'); *colon = '\0') {
		if (strcmp(colon, ":O") == 0)
			c->rootfs_overlay = true;
		else if (strcmp(colon, ":idmap") == 0 || pm_startswith(colon, ":idmap="))
			replace(&c->rootfs_idmap, colon[6] ? colon + 7 : "");
		else
			return pm_fail(err, PM_E_USAGE, "--rootfs %s: unknown option \"%s\"", arg,
				       colon + 1);
	}
	c->rootfs = pm_path_absolute(path);
	return 0;
}

/* The same once more is no contradiction. */
static bool said_before(const struct pm_strv *l, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(l->v[k], l->v[i]) == 0)
			return true;
	return false;
}

int pm_ctr_apply_mounts(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
			struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < o->volume.n && r >= 0; i++)
		if (!said_before(&o->volume, i))
			r = pm_ctr_parse_volume(o->volume.v[i], c, err);
	for (size_t i = 0; i < o->mount.n && r >= 0; i++)
		r = pm_ctr_parse_mount(o->mount.v[i], c, err);
	for (size_t i = 0; i < o->tmpfs.n && r >= 0; i++)
		if (!said_before(&o->tmpfs, i))
			r = pm_ctr_parse_tmpfs(o->tmpfs.v[i], c, err);
	for (size_t i = 0; i < o->volumes_from.n && r >= 0; i++)
		if ((r = volumes_from(e, o->volumes_from.v[i], c, err)) >= 0)
			pm_strv_add(&c->volumes_from, o->volumes_from.v[i]);
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
