#include "engine/spec/gen_devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "engine/spec/cdi.h"

struct devs {
	struct pm_gen *g;
	struct pm_json *mounts, *nodes, *rules;
};

static int add_rule(struct devs *d, const struct stat *st, const char *perm)
{
	struct pm_json_pool *p = d->g->pool;
	struct pm_json *o = pm_json_object(p);
	pm_json_set_bool(p, o, "allow", true);
	pm_json_set_str(p, o, "type", S_ISBLK(st->st_mode) ? "b" : "c");
	pm_json_set_int(p, o, "major", major(st->st_rdev));
	pm_json_set_int(p, o, "minor", minor(st->st_rdev));
	pm_json_set_str(p, o, "access", perm);
	pm_json_add(p, d->rules, o);
	return 0;
}

static void add_node(struct devs *d, const char *host, const char *dest, const struct stat *st)
{
	struct pm_json_pool *p = d->g->pool;
	struct pm_json *o = pm_json_object(p);
	if (d->g->env->rootless || d->g->env->oci_userns) {
		static const char *const opts[] = {"slave", "nosuid", "noexec", "rw", "rbind"};
		struct pm_json *l = pm_json_array(p);
		for (size_t i = 0; i < PM_ARRAY_SIZE(opts); i++)
			pm_json_add(p, l, pm_json_str(p, opts[i]));
		pm_json_set_str(p, o, "destination", dest);
		pm_json_set_str(p, o, "type", "bind");
		pm_json_set_str(p, o, "source", host);
		pm_json_set(p, o, "options", l);
		pm_json_add(p, d->mounts, o);
		return;
	}
	pm_json_set_str(p, o, "path", dest);
	pm_json_set_str(p, o, "type", S_ISBLK(st->st_mode) ? "b" : "c");
	pm_json_set_int(p, o, "major", major(st->st_rdev));
	pm_json_set_int(p, o, "minor", minor(st->st_rdev));
	pm_json_set_int(p, o, "fileMode", st->st_mode & 07777);
	pm_json_set_int(p, o, "uid", st->st_uid);
	pm_json_set_int(p, o, "gid", st->st_gid);
	pm_json_add(p, d->nodes, o);
}

/* All device nodes below a directory, symlinks left out. */
static int add_tree(struct devs *d, const char *host, const char *dest, const char *perm,
		    bool privileged, int level, struct pm_err *err)
{
	static const char *const skip[] = {"pts", "shm", "fd", "mqueue", "console", ".lxc",
					   ".lxd-mounts", ".udev", "ptmx", "tty"};
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	if (level > 8 || pm_fs_list(AT_FDCWD, host, &names, err) < 0) {
		if (!privileged)
			return pm_wrap(err, "device directory %s", host);
		pm_err_clear(err);
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		bool skipped = false;
		for (size_t k = 0; privileged && k < PM_ARRAY_SIZE(skip) && !skipped; k++)
			skipped = pm_streq(skip[k], names.v[i]);
		/* Terminals of the host's console: not in a user namespace, where they cannot work. */
		if (privileged && d->g->env->rootless && pm_startswith(names.v[i], "tty"))
			skipped = true;
		_cleanup_free_ char *h = pm_asprintf("%s/%s", host, names.v[i]);
		_cleanup_free_ char *to = pm_asprintf("%s/%s", dest, names.v[i]);
		if (skipped || lstat(h, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int r = add_tree(d, h, to, perm, privileged, level + 1, err);
			if (r < 0)
				return r;
		} else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && st.st_rdev != 0) {
			add_node(d, h, to, &st);
			if (!privileged)
				add_rule(d, &st, perm);
		}
	}
	return 0;
}

static int add_device(struct devs *d, const struct pm_ctr_device *v, struct pm_err *err)
{
	struct stat st;
	const char *perm = v->perm && *v->perm ? v->perm : "rwm";
	const char *dest = v->container && *v->container ? v->container : v->host;
	if (!v->host || v->host[0] != '/' || dest[0] != '/' || perm[strspn(perm, "rwm")])
		return pm_fail(err, PM_E_USAGE, "invalid device \"%s\"", v->host ? v->host : "");
	if (stat(v->host, &st) < 0)
		return pm_fail_sys(err, "stat %s", v->host);
	if (S_ISDIR(st.st_mode))
		return add_tree(d, v->host, dest, perm, false, 0, err);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return pm_fail(err, PM_E_USAGE, "%s is not a valid device: not a device node", v->host);
	add_node(d, v->host, dest, &st);
	return add_rule(d, &st, perm);
}

static int add_cdi_node(void *arg, const char *host, const char *dest, const char *perm,
			struct pm_err *err)
{
	struct pm_ctr_device v = {.host = (char *)(uintptr_t)host,
				  .container = (char *)(uintptr_t)dest,
				  .perm = (char *)(uintptr_t)perm};
	return add_device(arg, &v, err);
}

static int add_any(struct devs *d, const struct pm_ctr_device *v, struct pm_err *err)
{
	if (!v->host || !pm_cdi_is_name(v->host))
		return add_device(d, v, err);
	struct pm_cdi_sink sink = {.mounts = d->mounts, .device = add_cdi_node, .arg = d};
	return pm_cdi_add(d->g, v->host, &sink, err);
}

/* "TYPE MAJOR:MINOR PERM", as the cgroup documentation has it: "c 1:3 mr", "a *:* rwm" */
static int add_cgroup_rule(struct devs *d, const char *text, struct pm_err *err)
{
	struct pm_json_pool *p = d->g->pool;
	struct pm_json *o = pm_json_object(p);
	_cleanup_strv_ struct pm_strv w = PM_STRV_INIT, n = PM_STRV_INIT;
	pm_strv_split(&w, text, ' ');
	if (w.n != 3 || strlen(w.v[0]) != 1 || !strchr("abc", w.v[0][0]) || !w.v[2][0] ||
	    w.v[2][strspn(w.v[2], "rwm")])
		goto bad;
	pm_strv_split(&n, w.v[1], ':');
	if (n.n != 2)
		goto bad;
	pm_json_set_bool(p, o, "allow", true);
	pm_json_set_str(p, o, "type", w.v[0]);
	for (size_t i = 0; i < 2; i++) {
		uint32_t id;
		if (pm_streq(n.v[i], "*"))
			continue;
		if (!pm_spec_parse_id(n.v[i], &id))
			goto bad;
		pm_json_set_int(p, o, i == 0 ? "major" : "minor", id);
	}
	pm_json_set_str(p, o, "access", w.v[2]);
	pm_json_add(p, d->rules, o);
	return 0;
bad:
	return pm_fail(err, PM_E_USAGE, "invalid device cgroup rule \"%s\"", text);
}

int pm_gen_devices(struct pm_gen *g, struct pm_json *mounts, struct pm_json *resources,
		   struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	struct pm_json_pool *p = g->pool;
	struct devs d = {g, mounts, pm_json_array(p), pm_json_array(p)};
	struct pm_json *first = pm_json_object(p);
	int r;

	pm_json_set_bool(p, first, "allow", c->privileged);
	pm_json_set_str(p, first, "access", "rwm");
	pm_json_add(p, d.rules, first);
	if (c->privileged && (r = add_tree(&d, "/dev", "/dev", "rwm", true, 0, err)) < 0)
		return r;
	for (size_t i = 0; i < c->n_devices; i++)
		if ((r = add_any(&d, &c->devices[i], err)) < 0)
			return r;
	for (size_t i = 0; i < g->env->conf->devices.n; i++) {
		_cleanup_strv_ struct pm_strv w = PM_STRV_INIT;
		if (pm_cdi_is_name(g->env->conf->devices.v[i]))
			pm_strv_add(&w, g->env->conf->devices.v[i]);
		else
			pm_strv_split(&w, g->env->conf->devices.v[i], ':');
		struct pm_ctr_device v = {w.v[0], w.n > 1 ? w.v[1] : NULL, w.n > 2 ? w.v[2] : NULL};
		if (v.container && v.container[0] != '/') { /* HOST:PERM */
			v.perm = v.container;
			v.container = NULL;
		}
		if ((r = add_any(&d, &v, err)) < 0)
			return pm_wrap(err, "containers.conf: devices");
	}
	/* Access rules need the devices controller (v1) or BPF (v2): both only for root. */
	bool possible = !g->env->rootless && g->env->cgroup != PM_SPEC_CGROUP_NONE &&
			!g->env->no_devices_controller;
	if (c->device_cgroup_rules.n && !possible)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       g->env->rootless ? "device cgroup rules are not supported in rootless mode"
						: "device cgroup rules cannot be set on this host");
	for (size_t i = 0; i < c->device_cgroup_rules.n; i++)
		if ((r = add_cgroup_rule(&d, c->device_cgroup_rules.v[i], err)) < 0)
			return r;
	if (d.nodes->len)
		pm_json_set(p, g->linux_, "devices", d.nodes);
	if (possible)
		pm_json_set(p, resources, "devices", d.rules);
	return 0;
}
