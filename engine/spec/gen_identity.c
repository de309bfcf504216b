#include "engine/spec/gen_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"

#define DEFAULT_LIMIT 1048576
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CAP_BIT_SYS_RESOURCE 24

const char *pm_gen_security_opt(const struct pm_ctr_config *c, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = c->security_opt.n; i > 0; i--) {
		const char *s = c->security_opt.v[i - 1];
		if (strncmp(s, name, n) == 0 && (s[n] == '=' || s[n] == ':'))
			return s + n + 1;
		if (pm_streq(s, name))
			return "true";
	}
	return NULL;
}

bool pm_gen_id_mapped(const struct pm_spec_idmap *m, size_t n, uint32_t id)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (id >= m[i].container && id - m[i].container < m[i].size)
			return true;
	return false;
}

static int check_mapped(const struct pm_gen *g, struct pm_err *err)
{
	const struct pm_spec_env *e = g->env;
	if (!pm_gen_id_mapped(e->uids, e->n_uids, g->user.uid))
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "user id %u is not mapped into the user namespace: more subordinate "
			       "ids are needed in /etc/subuid", g->user.uid);
	uint32_t gid = g->user.gid;
	bool ok = pm_gen_id_mapped(e->gids, e->n_gids, gid);
	for (size_t i = 0; ok && i < g->user.n_groups; i++)
		ok = pm_gen_id_mapped(e->gids, e->n_gids, gid = g->user.groups[i]);
	if (!ok)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "group id %u is not mapped into the user namespace: more subordinate "
			       "ids are needed in /etc/subgid", gid);
	return 0;
}

/* What may be in the container's bounding set at all. In a fresh user namespace: everything. */
static uint64_t caps_limit(const struct pm_spec_env *env)
{
	uint64_t all = pm_caps_all();
	if (env->rootless || env->oci_userns)
		return all;
	for (unsigned int i = 0; i < 64; i++)
		if ((all & (UINT64_C(1) << i)) && prctl(PR_CAPBSET_READ, i) != 1)
			all &= ~(UINT64_C(1) << i);
	return all;
}

static bool is_root_name(const char *user)
{
	if (!user || !*user)
		return true;
	size_t n = strcspn(user, ":");
	return (n == 1 && user[0] == '0') || (n == 4 && strncmp(user, "root", 4) == 0) || n == 0;
}

int pm_gen_identity(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	uint64_t base, limit = caps_limit(g->env);
	int r = pm_spec_user_lookup(g->env->view, c->user, &c->groups, &g->user, err);
	if (r == -PM_E_USAGE && err) /* as far as the caller goes the command cannot be invoked: 126 */
		r = -(err->code = PM_E_NOTEXEC);
	if (r < 0 || (r = check_mapped(g, err)) < 0)
		return r;
	g->root_user = is_root_name(c->user);
	g->systemd = pm_ctr_config_is_systemd(c);
	const char *unmask = pm_gen_security_opt(c, "unmask");
	g->unmask_all = c->privileged || (unmask && strcasecmp(unmask, "all") == 0) ||
			pm_streq(pm_gen_security_opt(c, "systempaths"), "unconfined");
	g->plan->uid = g->user.uid;
	g->plan->gid = g->user.gid;
	if (c->privileged) {
		/* --cap-drop has a meaning beside --privileged, --cap-add none. */
		if ((r = pm_caps_merge(limit, limit, NULL, &c->cap_drop, &g->caps, err)) < 0)
			return r;
		g->user_caps = g->caps;
		return 0;
	}
	if ((r = pm_caps_merge(0, limit, &g->env->conf->default_capabilities, NULL, &base, err)) < 0)
		return pm_wrap(err, "containers.conf: default_capabilities");
	if ((r = pm_caps_merge(base & limit, limit, &c->cap_add, &c->cap_drop, &g->caps, err)) < 0)
		return r;
	if (g->root_user)
		g->user_caps = g->caps;
	else
		/* Only what was asked for by name outlives the change of user, as Podman does it. */
		r = pm_caps_merge(0, limit, &c->cap_add, NULL, &g->user_caps, err);
	g->user_caps &= g->caps;
	return r;
}

static void add_caps(struct pm_gen *g)
{
	struct pm_json *o = pm_json_object(g->pool);
	pm_json_set(g->pool, o, "bounding", pm_caps_json(g->pool, g->caps));
	if (g->user_caps) {
		pm_json_set(g->pool, o, "effective", pm_caps_json(g->pool, g->user_caps));
		pm_json_set(g->pool, o, "permitted", pm_caps_json(g->pool, g->user_caps));
		if (!g->root_user && !g->c->privileged) {
			pm_json_set(g->pool, o, "inheritable", pm_caps_json(g->pool, g->user_caps));
			pm_json_set(g->pool, o, "ambient", pm_caps_json(g->pool, g->user_caps));
		}
	}
	pm_json_set(g->pool, g->process, "capabilities", o);
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"AS", RLIMIT_AS},	     {"CORE", RLIMIT_CORE},	  {"CPU", RLIMIT_CPU},
	{"DATA", RLIMIT_DATA},	     {"FSIZE", RLIMIT_FSIZE},	  {"LOCKS", RLIMIT_LOCKS},
	{"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
	{"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},	  {"RSS", RLIMIT_RSS},
	{"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},	  {"SIGPENDING", RLIMIT_SIGPENDING},
	{"STACK", RLIMIT_STACK},
};

static struct pm_json *limit_json(struct pm_json_pool *pool, const char *name, uint64_t soft,
				  uint64_t hard)
{
	_cleanup_free_ char *type = pm_asprintf("RLIMIT_%s", name);
	struct pm_json *o = pm_json_object(pool);
	pm_json_set_str(pool, o, "type", type);
	pm_json_set(pool, o, "hard", pm_json_uint(pool, hard));
	pm_json_set(pool, o, "soft", pm_json_uint(pool, soft));
	return o;
}

/* The hard limit we can set at most: our own, unless we are privileged on the host. */
static uint64_t highest(const struct pm_spec_env *env, int resource)
{
	struct rlimit l;
	bool may_raise = false;
	if (!env->rootless && !env->oci_userns) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		if (pm_fs_read_file(AT_FDCWD, "/proc/self/status", 64 << 10, &b, NULL) >= 0) {
			const char *p = strstr(pm_buf_str(&b), "\nCapEff:");
			may_raise = p && (strtoull(p + 8, NULL, 16) >> CAP_BIT_SYS_RESOURCE & 1);
		}
	}
	if (may_raise || getrlimit((__rlimit_resource_t)resource, &l) < 0 ||
	    l.rlim_max == RLIM_INFINITY)
		return UINT64_MAX;
	return l.rlim_max;
}

static uint64_t pid_max(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(AT_FDCWD, "/proc/sys/kernel/pid_max", 32, &b, NULL) < 0)
		return DEFAULT_LIMIT;
	uint64_t n = strtoull(pm_buf_str(&b), NULL, 10);
	return n ? n : DEFAULT_LIMIT;
}

static int add_limit(struct pm_gen *g, struct pm_json *l, const char *name, int64_t soft,
		     int64_t hard, struct pm_err *err)
{
	size_t i = 0;
	if (strncasecmp(name, "RLIMIT_", 7) == 0)
		name += 7;
	while (i < PM_ARRAY_SIZE(limits) && strcasecmp(limits[i].name, name) != 0)
		i++;
	if (i == PM_ARRAY_SIZE(limits))
		return pm_fail(err, PM_E_USAGE, "ulimit: unknown limit \"%s\"", name);
	uint64_t top = highest(g->env, limits[i].resource);
	uint64_t h = hard < 0 ? UINT64_MAX : (uint64_t)hard, s = soft < 0 ? UINT64_MAX : (uint64_t)soft;
	if (s > h)
		return pm_fail(err, PM_E_USAGE,
			       "ulimit %s: soft limit must be less than or equal to hard limit", name);
	if (h > top)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "ulimit %s: %lld is above what this user may set (%llu)", name,
			       (long long)hard, (unsigned long long)top);
	for (size_t k = 0; k < l->len; k++)
		if (strcmp(pm_json_get_str(l->items[k], "type") + 7, limits[i].name) == 0)
			return 0;
	pm_json_add(g->pool, l, limit_json(g->pool, limits[i].name, s, h));
	return 0;
}

/* containers.conf: "nofile=1024:2048" */
static int add_conf_limit(struct pm_gen *g, struct pm_json *l, const char *text, struct pm_err *err)
{
	const char *eq = strchr(text, '=');
	_cleanup_free_ char *name = NULL;
	char *end = NULL;
	if (!eq)
		goto bad;
	int64_t soft = strtoll(eq + 1, &end, 10), hard = soft;
	if (end == eq + 1)
		goto bad;
	if (*end == ':')
		hard = strtoll(end + 1, &end, 10);
	if (*end)
		goto bad;
	name = pm_strndup(text, (size_t)(eq - text));
	return add_limit(g, l, name, soft, hard, err);
bad:
	return pm_fail(err, PM_E_USAGE, "invalid ulimit \"%s\" in containers.conf", text);
}

static bool has_limit(const struct pm_json *l, const char *type)
{
	for (size_t i = 0; i < l->len; i++)
		if (pm_streq(pm_json_get_str(l->items[i], "type"), type))
			return true;
	return false;
}

static int add_limits(struct pm_gen *g, struct pm_err *err)
{
	struct pm_json *l = pm_json_array(g->pool);
	const struct pm_ctr_config *c = g->c;
	for (size_t i = 0; i < c->n_ulimits; i++) {
		if (pm_streq(c->ulimits[i].name, "host"))
			return 0; /* none is set: the runtime has, and passes on, the caller's */
		int r = add_limit(g, l, c->ulimits[i].name, c->ulimits[i].soft, c->ulimits[i].hard, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < g->env->conf->default_ulimits.n && c->n_ulimits == 0; i++) {
		int r = add_conf_limit(g, l, g->env->conf->default_ulimits.v[i], err);
		if (r < 0)
			return r;
	}
	static const struct {
		const char *type;
		int resource;
	} defaults[] = {{"NOFILE", RLIMIT_NOFILE}, {"NPROC", RLIMIT_NPROC}};
	for (size_t i = 0; i < PM_ARRAY_SIZE(defaults); i++) {
		_cleanup_free_ char *type = pm_asprintf("RLIMIT_%s", defaults[i].type);
		if (has_limit(l, type))
			continue;
		uint64_t n = defaults[i].resource == RLIMIT_NPROC ? pid_max() : DEFAULT_LIMIT;
		uint64_t top = highest(g->env, defaults[i].resource);
		n = n < top ? n : top;
		pm_json_add(g->pool, l, limit_json(g->pool, defaults[i].type, n, n));
	}
	pm_json_set(g->pool, g->process, "rlimits", l);
	return 0;
}

static void env_all(struct pm_strv *to, const struct pm_strv *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *s = from->v[i], *eq = strchr(s, '=');
		_cleanup_free_ char *name = eq ? pm_strndup(s, (size_t)(eq - s)) : pm_strdup(s);
		if (eq)
			pm_env_set(to, name, eq + 1);
	}
}

static void add_env(struct pm_gen *g)
{
	const struct pm_ctr_config *c = g->c;
	_cleanup_strv_ struct pm_strv env = PM_STRV_INIT;
	env_all(&env, &g->env->conf->env);
	if (!pm_env_get(&env, "PATH")) /* a containers.conf that sets other variables */
		pm_env_set(&env, "PATH", DEFAULT_PATH);
	pm_env_set(&env, "container", "podman");
	for (size_t i = 0; i < c->env_unset.n; i++)
		pm_env_unset(&env, c->env_unset.v[i]);
	if (c->env_unset_all)
		pm_strv_free(&env);
	env_all(&env, &c->env);
	if (g->env->extra_env)
		env_all(&env, g->env->extra_env);
	if (g->env->notify_dir)
		pm_env_set(&env, "NOTIFY_SOCKET", "/run/notify/notify.sock");
	if (g->env->watchdog_usec)
		pm_env_set(&env, "WATCHDOG_USEC", g->env->watchdog_usec);
	if (g->env->listen_fds > 0) {
		char n[16];
		snprintf(n, sizeof(n), "%d", g->env->listen_fds);
		pm_env_set(&env, "LISTEN_FDS", n);
		pm_env_set(&env, "LISTEN_PID", "1");
		if (g->env->listen_names)
			pm_env_set(&env, "LISTEN_FDNAMES", g->env->listen_names);
	}
	if (!pm_env_get(&env, "HOME"))
		pm_env_set(&env, "HOME",
			   g->user.home	  ? g->user.home
			   : g->user.name ? "/"
			   : c->workdir	  ? c->workdir
			   : g->user.uid  ? "/"
					  : "/root");
	if (!pm_env_get(&env, "HOSTNAME"))
		pm_env_set(&env, "HOSTNAME", g->hostname);
	if (g->systemd) {
		_cleanup_free_ char *id = pm_strndup(c->id ? c->id : "", 32);
		pm_env_set(&env, "container_uuid", id);
	}
	pm_json_set(g->pool, g->process, "env", pm_json_strv(g->pool, &env));
}

static int add_user(struct pm_gen *g, struct pm_err *err)
{
	const char *umask_text = g->c->umask ? g->c->umask : g->env->conf->umask;
	char *end;
	unsigned long mask = strtoul(umask_text, &end, 8);
	if (end == umask_text || *end || mask > 07777)
		return pm_fail(err, PM_E_USAGE, "invalid umask \"%s\"", umask_text);
	struct pm_json *o = pm_json_object(g->pool);
	pm_json_set_int(g->pool, o, "uid", g->user.uid);
	pm_json_set_int(g->pool, o, "gid", g->user.gid);
	pm_json_set_int(g->pool, o, "umask", (int64_t)(mask & 0777));
	/* The primary group is repeated, so that dropping it by setgid() does not gain what a "deny
	 * this group" mode forbids (CVE-2022-2989). */
	if ((g->c->user && *g->c->user) || g->user.n_groups) {
		struct pm_json *l = pm_json_array(g->pool);
		pm_json_add(g->pool, l, pm_json_int(g->pool, g->user.gid));
		for (size_t i = 0; i < g->user.n_groups; i++)
			pm_json_add(g->pool, l, pm_json_int(g->pool, g->user.groups[i]));
		if (!g->user.keep_groups)
			pm_json_set(g->pool, o, "additionalGids", l);
	}
	if (g->user.keep_groups)
		pm_json_set_str(g->pool, g->annotations, "run.oci.keep_original_groups", "1");
	pm_json_set(g->pool, g->process, "user", o);
	return 0;
}

/* One that every container has, whatever its files. */
static bool is_kernels(const char *dir)
{
	static const char *const top[] = {"/dev", "/proc", "/run", "/sys", "/tmp"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(top); i++)
		if (pm_startswith(dir, top[i]) && (!dir[strlen(top[i])] || dir[strlen(top[i])] == '/'))
			return true;
	return false;
}

/* An image's working directory is made when neither the image nor a mount has it; one that the user gave
 * must be there. */
static int add_cwd(struct pm_gen *g, struct pm_err *err)
{
	const char *dir = g->c->workdir && *g->c->workdir ? g->c->workdir : "/";
	mode_t type;
	if (*dir != '/')
		return pm_fail(err, PM_E_USAGE,
			       "the working directory \"%s\" is invalid, it needs to be an absolute path",
			       dir);
	pm_json_set_str(g->pool, g->process, "cwd", dir);
	for (size_t i = 0; i < g->c->n_mounts; i++) {
		const char *dest = g->c->mounts[i].dest;
		size_t n = strlen(dest);
		if (strncmp(dir, dest, n) == 0 && (dir[n] == 0 || dir[n] == '/'))
			return 0;
	}
	int r = pm_rootfs_type(g->env->view, dir, &type, err);
	if (r == -ENOENT) {
		pm_err_clear(err);
		if (!g->c->workdir_made && !is_kernels(dir) && dir[1])
			return pm_fail(err, PM_E_NOTEXEC,
				       "workdir \"%s\" does not exist on container %s", dir, g->c->id);
		pm_strv_add(&g->plan->mkdirs, dir);
		return 0;
	}
	if (r == -EACCES) { /* below a directory of another id: exists, the kernel will tell more */
		pm_err_clear(err);
		return 0;
	}
	if (r < 0)
		return pm_wrap(err, "working directory");
	if (!S_ISDIR(type))
		return pm_fail(err, PM_E_NOTEXEC,
			       "workdir \"%s\" exists on container %s, but is not a directory", dir,
			       g->c->id);
	return 0;
}

static bool apparmor_enabled(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	return pm_fs_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &b, NULL) >= 0 &&
	       b.len > 0 && b.data[0] == 'Y';
}

static int add_apparmor(struct pm_gen *g, struct pm_err *err)
{
	const char *asked = pm_gen_security_opt(g->c, "apparmor");
	const char *profile = asked ? asked : g->env->conf->apparmor_profile;
	if (!profile || !*profile || pm_streq(profile, "unconfined"))
		return 0;
	bool enabled = apparmor_enabled();
	if (enabled && !g->env->rootless) {
		pm_json_set_str(g->pool, g->process, "apparmorProfile", profile);
		return 0;
	}
	if (!asked) /* the administrator's default, where it can be had */
		return 0;
	return pm_fail(err, PM_E_UNSUPPORTED, "AppArmor profile \"%s\" specified, but %s", profile,
		       enabled ? "an unprivileged user cannot apply one"
			       : "AppArmor is not enabled on this system");
}

int pm_gen_process(struct pm_gen *g, struct pm_err *err)
{
	const struct pm_ctr_config *c = g->c;
	_cleanup_strv_ struct pm_strv args = PM_STRV_INIT;
	int r;
	if (c->terminal)
		pm_json_set_bool(g->pool, g->process, "terminal", true);
	if (c->terminal && g->env->console_rows && g->env->console_cols) {
		struct pm_json *size = pm_json_object(g->pool);
		pm_json_set_int(g->pool, size, "height", g->env->console_rows);
		pm_json_set_int(g->pool, size, "width", g->env->console_cols);
		pm_json_set(g->pool, g->process, "consoleSize", size);
	}
	if ((r = add_user(g, err)) < 0)
		return r;
	bool holds = pm_ctr_config_only_holds(c);
	if (c->init)
		pm_strv_add(&args, "/run/podman-init");
	if (c->init && !holds) /* alone it holds the pod's namespaces */
		pm_strv_add(&args, "--");
	pm_strv_add_all(&args, pm_strv_argv(&c->entrypoint));
	pm_strv_add_all(&args, pm_strv_argv(&c->command));
	if (c->entrypoint.n + c->command.n == 0 && !holds)
		return pm_fail(err, PM_E_USAGE, "no command or entrypoint provided, and no CMD or "
						"ENTRYPOINT from image");
	pm_json_set(g->pool, g->process, "args", pm_json_strv(g->pool, &args));
	add_env(g);
	if ((r = add_cwd(g, err)) < 0)
		return r;
	add_caps(g);
	if ((r = add_limits(g, err)) < 0)
		return r;
	const char *nnp = pm_gen_security_opt(c, "no-new-privileges");
	if (nnp && !pm_streq(nnp, "false"))
		pm_json_set_bool(g->pool, g->process, "noNewPrivileges", true);
	if ((r = add_apparmor(g, err)) < 0)
		return r;
	if (c->oom_score_adj != PM_UNSET)
		pm_json_set_int(g->pool, g->process, "oomScoreAdj", c->oom_score_adj);
	return 0;
}
