#include "engine/spec/gen_mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fs.h"

static bool user_mounted(const struct pm_gen *g, const char *dest)
{
	for (size_t i = 0; i < g->c->n_mounts; i++)
		if (pm_streq(g->c->mounts[i].dest, dest))
			return true;
	return false;
}

/* What the user mounts himself is his; a /dev of his has its own pts and mqueue. */
static void add(struct pm_gen *g, struct pm_json *l, const char *dest, const char *type,
		const char *source, const char *options)
{
	_cleanup_strv_ struct pm_strv o = PM_STRV_INIT;
	if (user_mounted(g, dest) || ((pm_streq(type, "devpts") || pm_streq(type, "mqueue")) && user_mounted(g, "/dev")))
		return;
	pm_strv_split(&o, options, ',');
	struct pm_json *m = pm_json_object(g->pool);
	pm_json_set_str(g->pool, m, "destination", dest);
	pm_json_set_str(g->pool, m, "type", type);
	pm_json_set_str(g->pool, m, "source", source);
	pm_json_set(g->pool, m, "options", pm_json_strv(g->pool, &o));
	pm_json_add(g->pool, l, m);
}

bool pm_gen_is_crun(const struct pm_gen *g)
{
	return pm_streq(pm_conf_runtime_name(g->env->runtime), "crun");
}

bool pm_gen_knows_rro(const struct pm_gen *g)
{
	const char *name = pm_conf_runtime_name(g->env->runtime);
	return pm_streq(name, "crun") || pm_streq(name, "runc");
}

/* sysfs belongs to a network namespace: only who owns that may mount it. */
static bool can_mount_sys(const struct pm_gen *g)
{
	const struct pm_spec_env *e = g->env;
	if (!e->rootless && !e->oci_userns)
		return true;
	if (e->netns == PM_SPEC_NETNS_HOST || (e->oci_userns && e->netns == PM_SPEC_NETNS_PATH))
		return false;
	return !(g->c->network && pm_startswith(g->c->network, "ns:"));
}

static void add_cgroup(struct pm_gen *g, struct pm_json *l)
{
	const char *unmask = pm_gen_security_opt(g->c, "unmask");
	bool rw = g->c->privileged || g->unmask_all ||
		  (unmask && strstr(unmask, "/sys/fs/cgroup")) ||
		  (g->systemd && !g->env->cgroup_v1);
	if (g->env->cgroup_mount_off || g->sys_bound)
		return;
	add(g, l, "/sys/fs/cgroup", "cgroup", "cgroup",
	    rw ? "rprivate,nosuid,noexec,nodev,relatime,rw"
	       : "rprivate,nosuid,noexec,nodev,relatime,ro");
	if (g->systemd && g->env->cgroup_v1)
		add(g, l, "/sys/fs/cgroup/systemd", "bind", "/sys/fs/cgroup/systemd", "bind,rprivate");
}

static void add_kernel(struct pm_gen *g, struct pm_json *l)
{
	const struct pm_spec_env *e = g->env;
	bool in_userns = e->rootless || e->oci_userns;
	bool host_pid = pm_streq(g->c->pidns, "host"), host_ipc = pm_streq(g->c->ipcns, "host");

	/* A fresh proc is the pid namespace's owner's to mount. */
	if (in_userns && host_pid) {
		add(g, l, "/proc", "bind", "/proc", "rbind,nosuid,noexec,nodev");
	} else {
		const char *more = pm_gen_security_opt(g->c, "proc-opts");
		_cleanup_free_ char *opts =
			pm_asprintf("nosuid,noexec,nodev%s%s", more ? "," : "", more ? more : "");
		add(g, l, "/proc", "proc", "proc", opts);
	}
	add(g, l, "/dev", "tmpfs", "tmpfs", "nosuid,noexec,strictatime,mode=755,size=65536k");
	g->sys_bound = !can_mount_sys(g);
	/* What is mounted below, as the cgroups, must be read-only with it (CVE-2023-25809): crun and
	 * runc can do that, for others gen_linux.c masks the cgroups. */
	if (g->sys_bound)
		add(g, l, "/sys", "bind", "/sys",
		    g->c->privileged   ? "rprivate,nosuid,noexec,nodev,rw,rbind"
		    : pm_gen_knows_rro(g) ? "rprivate,nosuid,noexec,nodev,ro,rro,rbind"
					  : "rprivate,nosuid,noexec,nodev,ro,rbind");
	else
		add(g, l, "/sys", "sysfs", "sysfs",
		    g->c->privileged ? "rprivate,nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	add(g, l, "/dev/pts", "devpts", "devpts",
	    pm_gen_id_mapped(e->gids, e->n_gids, 5)
		    ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"
		    : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	struct stat st;
	if (!in_userns || !host_ipc)
		add(g, l, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	else if (stat("/dev/mqueue", &st) == 0)
		add(g, l, "/dev/mqueue", "bind", "/dev/mqueue", "bind,nosuid,noexec,nodev");
}

static int add_shm(struct pm_gen *g, struct pm_json *l, struct pm_err *err)
{
	const char *opts = "bind,rprivate,nosuid,noexec,nodev";
	if (pm_streq(g->c->ipcns, "none"))
		return 0;
	if (pm_streq(g->c->ipcns, "host")) {
		add(g, l, "/dev/shm", "bind", "/dev/shm", opts);
		return 0;
	}
	if (g->env->shm) {
		add(g, l, "/dev/shm", "bind", g->env->shm, opts);
		return 0;
	}
	int64_t size = g->c->shm_size;
	if (size == PM_UNSET) {
		int r = pm_conf_parse_size(g->env->conf->shm_size, &size, err);
		if (r < 0)
			return pm_wrap(err, "containers.conf: shm_size");
	}
	_cleanup_free_ char *o = pm_asprintf("nosuid,noexec,nodev,mode=1777,size=%lld",
					     (long long)size);
	add(g, l, "/dev/shm", "tmpfs", "shm", o);
	return 0;
}

static void add_etc(struct pm_gen *g, struct pm_json *l)
{
	static const struct {
		const char *file, *dest;
	} t[] = {
		{"resolv.conf", "/etc/resolv.conf"},
		{"hosts", "/etc/hosts"},
		{"hostname", "/etc/hostname"},
		{".containerenv", "/run/.containerenv"},
		{"localtime", "/etc/localtime"},
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(t); i++) {
		const char *path = pm_gen_file(g, t[i].file);
		if (i == 0 && g->env->resolv_from)
			path = g->env->resolv_from;
		if (i == 1 && g->env->hosts_from && !g->c->no_hosts)
			path = g->env->hosts_from;
		if (!path)
			continue;
		/* /run is a tmpfs on a read-only container; the file there may stay writable. */
		bool ro = g->c->read_only && !(i == 3 && !g->c->read_only_tmpfs_off);
		const char *opts = ro ? "bind,rprivate,ro,nosuid,noexec,nodev" : "bind,rprivate";
		add(g, l, t[i].dest, "bind", path, opts);
		for (size_t k = 0; k < g->c->chrootdirs.n; k++) {
			_cleanup_free_ char *dest = pm_path_join(g->c->chrootdirs.v[k], t[i].dest);
			add(g, l, dest, "bind", path, opts);
		}
	}
	if (g->env->notify_dir)
		add(g, l, "/run/notify", "bind", g->env->notify_dir,
		    "bind,rprivate,ro,nosuid,noexec,nodev");
	for (size_t i = 0; i < g->env->n_binds; i++)
		add(g, l, g->env->binds[i].dest, "bind", g->env->binds[i].source,
		    "bind,rprivate,ro,nosuid,noexec,nodev");
	if (g->c->init) /* where Podman has it: a /dev may be the host's */
		add(g, l, "/run/podman-init", "bind", g->env->init_path, "bind,rprivate,ro,nosuid,nodev");
}

static void add_tmpfs_defaults(struct pm_gen *g, struct pm_json *l)
{
	static const char *const systemd[] = {"/run", "/run/lock", "/tmp", "/var/log/journal"};
	static const char *const read_only[] = {"/run", "/tmp", "/var/tmp"};
	const char *opts = "rw,rprivate,nosuid,nodev,tmpcopyup";
	_cleanup_free_ char *sized =
		g->c->shm_size_systemd == PM_UNSET
			? pm_strdup(opts)
			: pm_asprintf("%s,size=%lld", opts, (long long)g->c->shm_size_systemd);
	if (g->systemd)
		for (size_t i = 0; i < PM_ARRAY_SIZE(systemd); i++)
			add(g, l, systemd[i], "tmpfs", "tmpfs", sized);
	if (g->c->read_only && !g->c->read_only_tmpfs_off)
		for (size_t i = 0; i < PM_ARRAY_SIZE(read_only); i++)
			if (!g->systemd || i == 2)
				add(g, l, read_only[i], "tmpfs", "tmpfs", opts);
}

/* --- mounts of the user ---------------------------------------------------------------------- */

enum group {
	G_NONE,
	G_ACCESS,
	G_PROPAGATION,
	G_BIND,
	G_EXEC,
	G_SUID,
	G_DEV,
	G_COPYUP,
	G_RELABEL, /* of no effect without SELinux */
	G_VALUE, /* NAME=VALUE */
	G_OURS,  /* acted on here */
	G_OURS_VALUE,
	N_GROUPS,
};

enum {
	FOR_BIND = 1,
	FOR_TMPFS = 2,
	FOR_VOLUME = 4,
	FOR_IMAGE = 8,
	FOR_ALL = 15,
};

static const struct {
	const char *name;
	enum group group;
	int kinds;
} options[] = {
	{"ro", G_ACCESS, FOR_ALL},
	{"rw", G_ACCESS, FOR_ALL},
	{"private", G_PROPAGATION, FOR_ALL},
	{"rprivate", G_PROPAGATION, FOR_ALL},
	{"slave", G_PROPAGATION, FOR_ALL},
	{"rslave", G_PROPAGATION, FOR_ALL},
	{"shared", G_PROPAGATION, FOR_ALL},
	{"rshared", G_PROPAGATION, FOR_ALL},
	{"unbindable", G_PROPAGATION, FOR_ALL},
	{"runbindable", G_PROPAGATION, FOR_ALL},
	{"bind", G_BIND, FOR_BIND | FOR_VOLUME},
	{"rbind", G_BIND, FOR_BIND | FOR_VOLUME},
	{"exec", G_EXEC, FOR_ALL},
	{"noexec", G_EXEC, FOR_ALL},
	{"suid", G_SUID, FOR_ALL},
	{"nosuid", G_SUID, FOR_ALL},
	{"dev", G_DEV, FOR_ALL},
	{"nodev", G_DEV, FOR_ALL},
	{"noatime", G_NONE, FOR_ALL},
	{"relatime", G_NONE, FOR_ALL},
	{"strictatime", G_NONE, FOR_ALL},
	{"nodiratime", G_NONE, FOR_ALL},
	{"sync", G_NONE, FOR_ALL},
	{"async", G_NONE, FOR_ALL},
	{"idmap", G_OURS, FOR_BIND | FOR_VOLUME}, /* engine/container/mounts.c */
	{"idmap", G_OURS_VALUE, FOR_BIND | FOR_VOLUME},
	{"tmpcopyup", G_COPYUP, FOR_TMPFS},
	{"notmpcopyup", G_COPYUP, FOR_TMPFS},
	{"size", G_VALUE, FOR_TMPFS},
	{"mode", G_VALUE, FOR_TMPFS},
	{"uid", G_VALUE, FOR_TMPFS},
	{"gid", G_VALUE, FOR_TMPFS},
	{"nr_inodes", G_VALUE, FOR_TMPFS},
	{"nr_blocks", G_VALUE, FOR_TMPFS},
	{"O", G_OURS, FOR_BIND | FOR_VOLUME}, /* engine/container/mounts.c */
	{"upperdir", G_OURS_VALUE, FOR_BIND | FOR_VOLUME},
	{"workdir", G_OURS_VALUE, FOR_BIND | FOR_VOLUME},
	{"z", G_RELABEL, FOR_BIND | FOR_VOLUME},
	{"Z", G_RELABEL, FOR_BIND | FOR_VOLUME},
	{"U", G_OURS, FOR_ALL},
	{"copy", G_OURS, FOR_BIND | FOR_VOLUME}, /* a host directory is never filled */
	{"nocopy", G_OURS, FOR_BIND | FOR_VOLUME},
};

static int check_option(const char *o, int kind, bool seen[], struct pm_strv *out,
			const struct pm_ctr_mount *m, struct pm_err *err)
{
	const char *eq = strchr(o, '=');
	size_t n = eq ? (size_t)(eq - o) : strlen(o);
	for (size_t i = 0; i < PM_ARRAY_SIZE(options); i++) {
		enum group gr = options[i].group;
		if (strlen(options[i].name) != n || strncmp(options[i].name, o, n) != 0 ||
		    !(options[i].kinds & kind) ||
		    (gr == G_VALUE || gr == G_OURS_VALUE) != (eq != NULL))
			continue;
		if (gr == G_ACCESS || gr == G_PROPAGATION || gr == G_BIND || gr == G_EXEC ||
		    gr == G_SUID || gr == G_DEV || gr == G_RELABEL) {
			if (seen[gr])
				return pm_fail(err, PM_E_USAGE,
					       "mount at %s: option %s contradicts or repeats another",
					       m->dest, o);
		}
		seen[gr] = true;
		if (gr != G_OURS && gr != G_OURS_VALUE && gr != G_RELABEL && !pm_streq(o, "notmpcopyup"))
			pm_strv_add(out, o);
		return 0;
	}
	return pm_fail(err, PM_E_USAGE, "mount at %s: invalid mount option \"%s\"", m->dest, o);
}

/* What m is, FOR_BIND ...; 0 for a devpts, whose options are the kernel's. */
static int check_mount(const struct pm_ctr_mount *m, bool seen[], struct pm_strv *out, struct pm_err *err)
{
	static const struct {
		const char *type;
		int kind;
	} types[] = {
		{"bind", FOR_BIND},   {"volume", FOR_VOLUME}, {"tmpfs", FOR_TMPFS},
		{"ramfs", FOR_TMPFS}, {"image", FOR_IMAGE},   {"devpts", 0},
	};
	int kind = -1;
	if (!m->dest || m->dest[0] != '/' || !m->dest[1])
		return pm_fail(err, PM_E_USAGE, "invalid container path \"%s\": must be absolute, and "
						"not the root", m->dest ? m->dest : "");
	for (size_t i = 0; i < PM_ARRAY_SIZE(types); i++)
		if (pm_streq(types[i].type, m->type))
			kind = types[i].kind;
	if (kind < 0)
		return pm_fail(err, PM_E_UNSUPPORTED, "mount at %s: type \"%s\" is not supported",
			       m->dest, m->type ? m->type : "");
	for (size_t i = 0; kind && i < m->options.n; i++) {
		int r = check_option(m->options.v[i], kind, seen, out, m, err);
		if (r < 0)
			return r;
	}
	return kind;
}

int pm_spec_mount_check(const struct pm_ctr_mount *m, struct pm_err *err)
{
	bool seen[N_GROUPS] = {false};
	_cleanup_strv_ struct pm_strv out = PM_STRV_INIT;
	int r = check_mount(m, seen, &out, err);
	return r < 0 ? r : 0;
}

/* Flags that the source's own mount has may not be lost in a user namespace: the kernel refuses the
 * remount (locked flags), so they are asked for. */
static void source_flags(const char *source, bool seen[], struct pm_strv *out)
{
	struct statvfs st;
	if (statvfs(source, &st) < 0)
		return;
	if (!seen[G_EXEC] && (st.f_flag & ST_NOEXEC))
		pm_strv_add(out, "noexec");
	if (!seen[G_SUID] && (st.f_flag & ST_NOSUID))
		pm_strv_add(out, "nosuid");
	if (!seen[G_DEV] && (st.f_flag & ST_NODEV))
		pm_strv_add(out, "nodev");
}

/* Runtimes make a missing mount point, but stop at a symlink that leads to nothing: that is made good here, inside
 * of the root. */
static void make_target(struct pm_gen *g, const char *dest)
{
	mode_t type;
	_cleanup_free_ char *path = NULL;
	if (pm_rootfs_type(g->env->view, dest, &type, NULL) == -ENOENT &&
	    pm_rootfs_resolve(g->env->view, dest, &path, NULL) >= 0 && strcmp(path, dest) != 0)
		pm_strv_add(&g->plan->mkdirs, dest);
}

/* Directories whose files are never given to a container's user, whatever was typed. */
static int check_chown(const char *source, struct pm_err *err)
{
	static const char *const never[] = {
		"/",	  "/bin",  "/boot", "/dev",  "/etc",	 "/etc/passwd", "/etc/pki", "/etc/shadow", "/home",
		"/lib",	  "/lib32", "/lib64", "/media", "/mnt",	 "/opt",	"/proc",    "/root",	   "/run",
		"/sbin",  "/srv",  "/sys",  "/tmp",  "/usr",	 "/usr/bin",	"/usr/lib", "/usr/sbin",   "/var",
		"/var/lib", "/var/log", NULL};
	_cleanup_free_ char *real = realpath(source, NULL);
	if (!pm_str_in(real ? real : source, never))
		return 0;
	return pm_fail(err, PM_E_USAGE, "chowning host path \"%s\" is not allowed: do it by chown -R on the host "
					"if it is really meant", real ? real : source);
}

/* Such a volume's files have ids of their own: it is not filled from the image. */
static bool is_idmapped(const struct pm_ctr_mount *m)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (pm_streq(m->options.v[i], "idmap") || pm_startswith(m->options.v[i], "idmap="))
			return true;
	return false;
}

/* prepared: where the monitor mounts what m means; NULL: m's own source. */
static int add_user_mount(struct pm_gen *g, struct pm_json *l, const struct pm_ctr_mount *m,
			  const char *prepared, struct pm_err *err)
{
	bool seen[N_GROUPS] = {false};
	bool tmpfs = pm_streq(m->type, "tmpfs") || pm_streq(m->type, "ramfs");
	bool volume = pm_streq(m->type, "volume");
	_cleanup_strv_ struct pm_strv o = PM_STRV_INIT;
	struct stat st;

	int kind = check_mount(m, seen, &o, err);
	if (kind < 0)
		return kind;
	if (pm_streq(m->type, "devpts")) {
		struct pm_json *d = pm_json_object(g->pool);
		pm_json_set_str(g->pool, d, "destination", m->dest);
		pm_json_set_str(g->pool, d, "type", "devpts");
		pm_json_set_str(g->pool, d, "source", "devpts");
		pm_json_set(g->pool, d, "options", pm_json_strv(g->pool, &m->options));
		pm_json_add(g->pool, l, d);
		return 0;
	}
	bool image = pm_streq(m->type, "image");
	const char *source = prepared ? prepared : m->source;
	if (!tmpfs && (!source || source[0] != '/'))
		return pm_fail(err, PM_E_USAGE, "mount at %s: no source", m->dest);
	if (!tmpfs && !prepared && stat(source, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return pm_fail(err, PM_E_USAGE, "statfs %s: %s", source, strerror(errno));
	if (!seen[G_ACCESS])
		pm_strv_add(&o, image ? "ro" : "rw");
	if (!seen[G_PROPAGATION])
		pm_strv_add(&o, "rprivate");
	if (kind == FOR_BIND) {
		source_flags(m->source, seen, &o);
	} else {
		if (!seen[G_SUID])
			pm_strv_add(&o, "nosuid");
		if (!seen[G_DEV])
			pm_strv_add(&o, "nodev");
	}
	if (pm_streq(m->type, "tmpfs") && !seen[G_COPYUP])
		pm_strv_add(&o, "tmpcopyup");
	if (!tmpfs && !seen[G_BIND])
		pm_strv_add(&o, "rbind");
	bool chown = pm_strv_has(&m->options, "U");
	if (tmpfs && chown) {
		pm_strv_addf(&o, "uid=%u", g->plan->uid);
		pm_strv_addf(&o, "gid=%u", g->plan->gid);
	}

	struct pm_json *j = pm_json_object(g->pool);
	pm_json_set_str(g->pool, j, "destination", m->dest);
	pm_json_set_str(g->pool, j, "type", tmpfs ? m->type : "bind");
	pm_json_set_str(g->pool, j, "source", tmpfs ? "tmpfs" : source);
	pm_json_set(g->pool, j, "options", pm_json_strv(g->pool, &o));
	pm_json_add(g->pool, l, j);

	struct pm_spec_plan *p = g->plan;
	if (tmpfs || prepared || S_ISDIR(st.st_mode))
		make_target(g, m->dest);
	if (volume && !is_idmapped(m)) {
		p->copyups = pm_reallocarray(p->copyups, p->n_copyups + 1, sizeof(*p->copyups));
		p->copyups[p->n_copyups++] = (struct pm_spec_copyup){
			.volume = pm_strdup(m->source),
			.dest = pm_strdup(pm_strv_has(&m->options, "nocopy") ? "" : m->dest),
			.uid = m->owned ? UINT32_MAX : p->uid,
			.gid = m->owned ? UINT32_MAX : p->gid};
	}
	if (!tmpfs && !image && chown) {
		int r = prepared || volume ? 0 : check_chown(source, err);
		if (r < 0)
			return r;
		p->chowns = pm_reallocarray(p->chowns, p->n_chowns + 1, sizeof(*p->chowns));
		p->chowns[p->n_chowns++] = (struct pm_spec_chown){
			.path = pm_strdup(source), .uid = p->uid, .gid = p->gid};
	}
	return 0;
}

static size_t depth(const struct pm_json *m)
{
	size_t n = 0;
	for (const char *s = pm_json_get_str(m, "destination"); *s; s++)
		n += *s == '/' && s[1] && s[1] != '/';
	return n;
}

/* What holds another comes first; otherwise the order stays. */
static void sort_mounts(struct pm_json *l)
{
	for (size_t i = 1; i < l->len; i++) {
		struct pm_json *m = l->items[i];
		size_t d = depth(m), k = i;
		for (; k > 0 && depth(l->items[k - 1]) > d; k--)
			l->items[k] = l->items[k - 1];
		l->items[k] = m;
	}
}

int pm_gen_mounts(struct pm_gen *g, struct pm_err *err)
{
	struct pm_json *l = pm_json_array(g->pool);
	int r;
	add_kernel(g, l);
	if ((r = add_shm(g, l, err)) < 0)
		return r;
	add_tmpfs_defaults(g, l);
	for (size_t i = 0; i < g->c->n_mounts; i++) {
		for (size_t k = 0; k < i; k++)
			if (pm_streq(g->c->mounts[k].dest, g->c->mounts[i].dest))
				return pm_fail(err, PM_E_USAGE, "%s: duplicate mount destination",
					       g->c->mounts[i].dest);
		const struct pm_strv *prepared = g->env->mount_sources;
		const char *at = prepared && i < prepared->n && *prepared->v[i] ? prepared->v[i] : NULL;
		if ((r = add_user_mount(g, l, &g->c->mounts[i], at, err)) < 0)
			return r;
	}
	add_etc(g, l);
	add_cgroup(g, l);
	pm_json_set(g->pool, g->root, "mounts", l);
	struct pm_json *resources = pm_json_object(g->pool);
	pm_json_set(g->pool, g->linux_, "resources", resources);
	if ((r = pm_gen_devices(g, l, resources, err)) < 0)
		return r;
	sort_mounts(l);
	return 0;
}
