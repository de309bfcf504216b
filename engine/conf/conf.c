#include "engine/conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/toml.h"

#define MAX_CONF_SIZE (1 << 20)

enum kind {
	K_STR,
	K_STRV,
	K_BOOL,
	K_INT,
	K_SIZE_STR, /* a string, or a number kept as text */
};

struct key {
	const char *table, *name;
	enum kind kind;
	size_t offset;
};

#define KEY(t, n, k, m) {t, n, k, offsetof(struct pm_conf, m)}
static const struct key keys[] = {
	KEY("containers", "annotations", K_STRV, annotations),
	KEY("containers", "cgroupns", K_STR, cgroupns),
	KEY("containers", "cgroup_conf", K_STRV, cgroup_conf),
	KEY("containers", "cgroups", K_STR, cgroups),
	KEY("containers", "ipcns", K_STR, ipcns),
	KEY("containers", "netns", K_STR, netns),
	KEY("containers", "pidns", K_STR, pidns),
	KEY("containers", "userns", K_STR, userns),
	KEY("containers", "utsns", K_STR, utsns),
	KEY("containers", "default_capabilities", K_STRV, default_capabilities),
	KEY("containers", "default_sysctls", K_STRV, default_sysctls),
	KEY("containers", "default_ulimits", K_STRV, default_ulimits),
	KEY("containers", "devices", K_STRV, devices),
	KEY("containers", "dns_options", K_STRV, dns_options),
	KEY("containers", "dns_searches", K_STRV, dns_searches),
	KEY("containers", "dns_servers", K_STRV, dns_servers),
	KEY("containers", "env", K_STRV, env),
	KEY("containers", "env_host", K_BOOL, env_host),
	KEY("containers", "http_proxy", K_BOOL, http_proxy),
	KEY("containers", "init", K_BOOL, init),
	KEY("containers", "init_path", K_STR, init_path),
	KEY("containers", "keyring", K_BOOL, keyring),
	KEY("containers", "label", K_BOOL, label),
	KEY("containers", "log_driver", K_STR, log_driver),
	KEY("containers", "log_tag", K_STR, log_tag),
	KEY("containers", "log_size_max", K_INT, log_size_max),
	KEY("containers", "no_hosts", K_BOOL, no_hosts),
	KEY("containers", "read_only", K_BOOL, read_only),
	KEY("containers", "base_hosts_file", K_STR, base_hosts_file),
	KEY("containers", "host_containers_internal_ip", K_STR, host_containers_internal_ip),
	KEY("containers", "oom_score_adj", K_INT, oom_score_adj),
	KEY("containers", "privileged", K_BOOL, privileged),
	KEY("containers", "pids_limit", K_INT, pids_limit),
	KEY("containers", "prepare_volume_on_create", K_BOOL, prepare_volume_on_create),
	KEY("containers", "seccomp_profile", K_STR, seccomp_profile),
	KEY("containers", "apparmor_profile", K_STR, apparmor_profile),
	KEY("containers", "shm_size", K_SIZE_STR, shm_size),
	KEY("containers", "tz", K_STR, tz),
	KEY("containers", "umask", K_STR, umask),
	KEY("containers", "volumes", K_STRV, volumes),
	KEY("engine", "cdi_spec_dirs", K_STRV, cdi_spec_dirs),
	KEY("engine", "cgroup_manager", K_STR, cgroup_manager),
	KEY("engine", "detach_keys", K_STR, detach_keys),
	KEY("engine", "runtime", K_STR, runtime),
	KEY("engine", "helper_binaries_dir", K_STRV, helper_binaries_dir),
	KEY("engine", "hooks_dir", K_STRV, hooks_dir),
	KEY("engine", "image_volume_mode", K_STR, image_volume_mode),
	KEY("engine", "no_pivot_root", K_BOOL, no_pivot_root),
	KEY("engine", "image_default_transport", K_STR, image_default_transport),
	KEY("engine", "pull_policy", K_STR, pull_policy),
	KEY("engine", "stop_timeout", K_INT, stop_timeout),
	KEY("engine", "num_locks", K_INT, num_locks),
	KEY("engine", "events_logfile_max_size", K_SIZE_STR, events_logfile_max_size),
	KEY("engine", "events_logfile_path", K_STR, events_logfile_path),
	KEY("engine", "events_logger", K_STR, events_logger),
	KEY("engine", "env", K_STRV, env_engine),
	KEY("engine", "network_cmd_options", K_STRV, network_cmd_options),
	KEY("engine", "volume_path", K_STR, volume_path),
	KEY("network", "default_network", K_STR, default_network),
	KEY("network", "default_subnet", K_STR, default_subnet),
	KEY("network", "network_config_dir", K_STR, network_config_dir),
	KEY("network", "default_rootless_network_cmd", K_STR, default_rootless_network_cmd),
	KEY("network", "pasta_options", K_STRV, pasta_options),
};

/* Keys of containers.conf(5) that say nothing to pm: about conmon, CNI, netavark, remote clients, services, locks,
 * machines. They are taken without a word; what is in no list is told once. */
static const char *const unused[] = {
	"containers.default_mounts", "containers.interface_name", "containers.log_path",
	"containers.netns", "containers.userns_size", "containers.no_hostname",
	"engine.active_service", "engine.add_compression", "engine.chown_copied_files",
	"engine.compat_api_enforce_docker_hub", "engine.compose_providers",
	"engine.compose_warning_logs", "engine.compression_format", "engine.compression_level",
	"engine.conmon_env_vars", "engine.conmon_path", "engine.conmonrs_path",
	"engine.database_backend", "engine.enable_port_reservation",
	"engine.events_container_create_inspect_data", "engine.exit_command_delay",
	"engine.healthcheck_events", "engine.helper_binaries_dir", "engine.image_build_format",
	"engine.image_copy_tmp_dir", "engine.image_default_format", "engine.image_parallel_copies",
	"engine.infra_command", "engine.infra_image", "engine.kube_generate_type",
	"engine.lock_type", "engine.machine_enabled", "engine.multi_image_archive",
	"engine.namespace", "engine.network_cmd_path", "engine.platform_to_oci_runtime",
	"engine.pod_exit_policy", "engine.podmansh_timeout", "engine.remote", "engine.retry",
	"engine.retry_delay", "engine.runtime_supports_json", "engine.runtime_supports_kvm",
	"engine.runtime_supports_nocgroups", "engine.service_destinations",
	"engine.service_timeout", "engine.static_dir", "engine.tmp_dir", "engine.volume_plugin_timeout",
	"engine.volume_plugins", "network.cni_plugin_dirs", "network.default_host_ips",
	"network.default_subnet_pools", "network.dns_bind_port", "network.firewall_driver",
	"network.netavark_plugin_dirs", "network.network_backend", "network.network_config_dir", NULL,
};

/* As containers-common 0.50 (Podman 4.3) has them. */
static const char *const default_caps[] = {
	"CAP_CHOWN",	"CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL",	"CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID",
	"CAP_SETPCAP",	"CAP_SETUID",	    "CAP_SYS_CHROOT",
};

static const struct {
	const char *name;
	const char *paths[6];
} default_runtimes[] = {
	{"crun",
	 {"/usr/bin/crun", "/usr/sbin/crun", "/usr/local/bin/crun", "/usr/local/sbin/crun",
	  "/sbin/crun", "/bin/crun"}},
	{"runc",
	 {"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc", "/usr/local/sbin/runc",
	  "/sbin/runc", "/bin/runc"}},
};

void pm_conf_init(struct pm_conf *c)
{
	*c = (struct pm_conf){
		.http_proxy = true,
		.keyring = true,
		.oom_score_adj = INT64_MIN,
		.label = true,
		.log_size_max = -1,
		.pids_limit = 2048,
		.stop_timeout = 10,
		.num_locks = 2048,
	};
	for (size_t i = 0; i < PM_ARRAY_SIZE(default_caps); i++)
		pm_strv_add(&c->default_capabilities, default_caps[i]);
	pm_strv_add(&c->default_sysctls, "net.ipv4.ping_group_range=0 0");
	pm_strv_add(&c->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	pm_strv_add(&c->env, "TERM=xterm");
	c->log_driver = pm_strdup("k8s-file");
	c->base_hosts_file = pm_strdup("");
	c->shm_size = pm_strdup("65536k");
	c->umask = pm_strdup("0022");
	c->runtime = pm_strdup("crun");
	c->detach_keys = pm_strdup("ctrl-p,ctrl-q");
	c->image_default_transport = pm_strdup("docker://");
	c->pull_policy = pm_strdup("missing");
	c->events_logger = pm_strdup("file");
	c->default_network = pm_strdup("podman");
	c->default_subnet = pm_strdup("10.88.0.0/16");
	c->default_rootless_network_cmd = pm_strdup("slirp4netns");
}

void pm_conf_free(struct pm_conf *c)
{
	for (size_t i = 0; i < PM_ARRAY_SIZE(keys); i++) {
		void *p = (char *)c + keys[i].offset;
		if (keys[i].kind == K_STR || keys[i].kind == K_SIZE_STR)
			free(*(char **)p);
		else if (keys[i].kind == K_STRV)
			pm_strv_free(p);
	}
	for (size_t i = 0; i < c->n_runtimes; i++) {
		free(c->runtimes[i].name);
		pm_strv_free(&c->runtimes[i].paths);
	}
	free(c->runtimes);
	pm_strv_free(&c->default_subnet_pools);
	pm_strv_free(&c->files);
	*c = (struct pm_conf){0};
}

/* ["a", "b"], and {append=true} among them, which holds for later files, too, until {append=false}. */
static int set_list(struct pm_conf *c, const struct key *k, const struct pm_json *v,
		    struct pm_err *err)
{
	struct pm_strv *to = (struct pm_strv *)((char *)c + k->offset), l = PM_STRV_INIT;
	uint64_t bit = UINT64_C(1) << ((k - keys) % 64), *bits = &c->appends[(k - keys) / 64];
	bool ok = pm_json_is(v, PM_JSON_ARRAY);
	for (size_t i = 0; ok && i < v->len; i++) {
		const struct pm_json *item = v->items[i], *append = pm_json_get(item, "append");
		if (pm_json_is(item, PM_JSON_STRING) && strlen(item->string) == item->len)
			pm_strv_add(&l, item->string);
		else if (pm_json_is(append, PM_JSON_BOOL) && item->len == 1)
			*bits = append->boolean ? *bits | bit : *bits & ~bit;
		else
			ok = false;
	}
	if (!ok) {
		pm_strv_free(&l);
		return pm_fail(err, PM_E_FORMAT, "%s.%s is no list of strings", k->table, k->name);
	}
	if (!(*bits & bit))
		pm_strv_free(to);
	pm_strv_add_all(to, l.v);
	pm_strv_free(&l);
	return 0;
}

static int set_key(struct pm_conf *c, const struct key *k, const struct pm_json *v,
		   struct pm_err *err)
{
	void *p = (char *)c + k->offset;
	switch (k->kind) {
	case K_SIZE_STR:
		if (pm_json_is(v, PM_JSON_NUMBER))
			goto string;
		/* fall through */
	case K_STR:
		if (!pm_json_is(v, PM_JSON_STRING) || strlen(v->string) != v->len)
			return pm_fail(err, PM_E_FORMAT, "%s.%s is no string", k->table, k->name);
	string:
		free(*(char **)p);
		*(char **)p = pm_strdup(v->string);
		return 0;
	case K_STRV:
		return set_list(c, k, v, err);
	case K_BOOL:
		if (!pm_json_is(v, PM_JSON_BOOL))
			return pm_fail(err, PM_E_FORMAT, "%s.%s is neither true nor false", k->table,
				       k->name);
		*(bool *)p = v->boolean;
		return 0;
	case K_INT:
		if (pm_json_as_int(v, p, err) < 0)
			return pm_fail(err, PM_E_FORMAT, "%s.%s is no number", k->table, k->name);
		return 0;
	}
	return 0;
}

static int set_runtimes(struct pm_conf *c, const struct pm_json *table, struct pm_err *err)
{
	if (!pm_json_is(table, PM_JSON_OBJECT))
		return pm_fail(err, PM_E_FORMAT, "engine.runtimes is no table");
	for (size_t i = 0; i < table->len; i++) {
		struct pm_strv paths = PM_STRV_INIT;
		const char *name = table->members[i].name;
		if (!pm_json_is(table->members[i].value, PM_JSON_ARRAY) ||
		    pm_json_to_strv(table->members[i].value, &paths, err) < 0) {
			pm_strv_free(&paths);
			return pm_fail(err, PM_E_FORMAT, "engine.runtimes.%s is no list of strings",
				       name);
		}
		size_t k = 0;
		while (k < c->n_runtimes && !pm_streq(c->runtimes[k].name, name))
			k++;
		if (k == c->n_runtimes) {
			c->runtimes = pm_reallocarray(c->runtimes, k + 1, sizeof(*c->runtimes));
			c->runtimes[k] = (struct pm_conf_runtime){.name = pm_strdup(name)};
			c->n_runtimes++;
		}
		pm_strv_free(&c->runtimes[k].paths);
		c->runtimes[k].paths = paths;
	}
	return 0;
}

/* default_subnet_pools = [{"base" = "10.89.0.0/16", "size" = 24}, ...] */
static int set_pools(struct pm_conf *c, const struct pm_json *list, struct pm_err *err)
{
	pm_strv_free(&c->default_subnet_pools);
	for (size_t i = 0; i < pm_json_len(list); i++) {
		const struct pm_json *o = pm_json_at(list, i);
		const char *base = pm_json_get_str(o, "base");
		int64_t size = pm_json_get_int(o, "size", -1);
		if (!base || size < 0 || size > 128)
			return pm_fail(err, PM_E_FORMAT, "network.default_subnet_pools is no list of "
							 "{base, size}");
		pm_strv_addf(&c->default_subnet_pools, "%s,%d", base, (int)size);
	}
	return 0;
}

static int set_table(struct pm_conf *c, const char *file, const char *table,
		     const struct pm_json *v, struct pm_strv *unknown, struct pm_err *err)
{
	for (size_t i = 0; i < v->len; i++) {
		const char *name = v->members[i].name;
		int r = 1;
		for (size_t k = 0; k < PM_ARRAY_SIZE(keys) && r == 1; k++)
			if (pm_streq(keys[k].table, table) && pm_streq(keys[k].name, name))
				r = set_key(c, &keys[k], v->members[i].value, err);
		if (r == 1 && pm_streq(table, "engine") && pm_streq(name, "runtimes"))
			r = set_runtimes(c, v->members[i].value, err);
		if (r == 1 && pm_streq(table, "network") && pm_streq(name, "default_subnet_pools"))
			r = set_pools(c, v->members[i].value, err);
		if (r < 0)
			return pm_wrap(err, "%s", file);
		_cleanup_free_ char *full = r == 1 ? pm_asprintf("%s.%s", table, name) : NULL;
		if (full && !pm_str_in(full, unused))
			pm_strv_add(unknown, full);
	}
	return 0;
}

/* Debian's file is 24 KB of comments: parsing it is avoidable. */
static bool only_comments(const char *s, size_t len)
{
	const char *end = s + len;
	while (s < end) {
		while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
			s++;
		if (s == end)
			return true;
		if (*s != '#') {
			/* An empty table says nothing. */
			const char *nl = memchr(s, '\n', (size_t)(end - s));
			size_t n = (size_t)((nl ? nl : end) - s);
			while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\r' || s[n - 1] == '\t'))
				n--;
			static const char *const tables[] = {"[containers]", "[engine]", "[network]",
							     "[secrets]", "[machine]",
							     "[configmaps]", "[engine.runtimes]",
							     "[engine.volume_plugins]",
							     "[engine.service_destinations]",
							     "[secrets.opts]"};
			size_t i = 0;
			while (i < PM_ARRAY_SIZE(tables) &&
			       (strlen(tables[i]) != n || memcmp(s, tables[i], n) != 0))
				i++;
			if (i == PM_ARRAY_SIZE(tables))
				return false;
		}
		s = memchr(s, '\n', (size_t)(end - s));
		if (!s)
			return true;
	}
	return true;
}

/* Blank out lines that are comments: nine tenths of the file as distributions ship it. Not where a
 * string may go over several lines. */
static void drop_comments(const char *text, size_t len, struct pm_buf *out)
{
	const char *end = text + len, *from = text;
	while (from < end) {
		const char *nl = memchr(from, '\n', (size_t)(end - from));
		const char *next = nl ? nl + 1 : end, *p = from;
		while (p < next && (*p == ' ' || *p == '\t'))
			p++;
		if (p < next && *p == '#')
			pm_buf_add_char(out, '\n');
		else
			pm_buf_add(out, from, (size_t)(next - from));
		from = next;
	}
	if (memmem(pm_buf_str(out), out->len, "\"\"\"", 3) || memmem(pm_buf_str(out), out->len, "'''", 3)) {
		pm_buf_cut(out, 0);
		pm_buf_add(out, text, len);
	}
}

int pm_conf_parse(struct pm_conf *c, const char *name, const char *text, size_t len,
		  struct pm_err *err)
{
	static const char *const tables[] = {"containers", "engine", "network"};
	static const char *const others[] = {"machine", "secrets", "configmaps", "podmansh", "farms",
					     NULL};
	_cleanup_strv_ struct pm_strv unknown = PM_STRV_INIT;
	if (only_comments(text, len))
		return 0;
	_cleanup_json_pool_ struct pm_json_pool *pool = pm_json_pool_new();
	_cleanup_buf_ struct pm_buf lines = PM_BUF_INIT;
	struct pm_json *root;
	drop_comments(text, len, &lines);
	int r = pm_toml_parse(pool, pm_buf_str(&lines), lines.len, &root, err);
	if (r < 0)
		return pm_wrap(err, "%s", name);
	for (size_t i = 0; i < root->len; i++) {
		const char *table = root->members[i].name;
		size_t k = 0;
		while (k < PM_ARRAY_SIZE(tables) && !pm_streq(tables[k], table))
			k++;
		if (k == PM_ARRAY_SIZE(tables)) {
			if (!pm_str_in(table, others))
				pm_strv_add(&unknown, table);
			continue;
		}
		if (!pm_json_is(root->members[i].value, PM_JSON_OBJECT))
			return pm_fail(err, PM_E_FORMAT, "%s: %s is no table", name, table);
		if ((r = set_table(c, name, table, root->members[i].value, &unknown, err)) < 0)
			return r;
	}
	if (unknown.n) {
		_cleanup_free_ char *list = pm_strv_join(&unknown, "\", \"");
		pm_warn("Failed to decode the keys [\"%s\"] from \"%s\"", list, name);
	}
	return 0;
}

static int read_conf(struct pm_conf *c, const char *path, bool must, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (!must && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
			return 0;
		return pm_fail_sys(err, "open %s", path);
	}
	if (pm_fs_read_fd(fd, MAX_CONF_SIZE, &text, err) < 0)
		return pm_wrap(err, "%s", path);
	pm_strv_add(&c->files, path);
	return pm_conf_parse(c, path, pm_buf_str(&text), text.len, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_conf_d(struct pm_conf *c, const char *dir, struct pm_err *err)
{
	struct pm_strv names = PM_STRV_INIT;
	int r = 0;
	if (access(dir, R_OK | X_OK) < 0)
		return 0;
	if (pm_fs_list(AT_FDCWD, dir, &names, err) < 0)
		return pm_wrap(err, "%s", dir);
	if (names.n > 0)
		qsort(names.v, names.n, sizeof(char *), by_name);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		if (!pm_endswith(names.v[i], ".conf"))
			continue;
		_cleanup_free_ char *path = pm_asprintf("%s/%s", dir, names.v[i]);
		r = read_conf(c, path, false, err);
	}
	pm_strv_free(&names);
	return r;
}

static char *user_config_dir(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (xdg && *xdg == '/')
		return pm_strdup(xdg);
	return home && *home == '/' ? pm_asprintf("%s/.config", home) : NULL;
}

static int load_all(struct pm_conf *c, struct pm_err *err)
{
	int r;
	if ((r = read_conf(c, "/usr/share/containers/containers.conf", false, err)) < 0 ||
	    (r = read_conf(c, "/etc/containers/containers.conf", false, err)) < 0 ||
	    (r = read_conf_d(c, "/etc/containers/containers.conf.d", err)) < 0)
		return r;
	if (pm_proc_for_system())
		return 0;
	_cleanup_free_ char *base = user_config_dir();
	if (!base)
		return 0;
	_cleanup_free_ char *file = pm_asprintf("%s/containers/containers.conf", base);
	_cleanup_free_ char *dir = pm_asprintf("%s.d", file);
	if ((r = read_conf(c, file, false, err)) < 0)
		return r;
	return read_conf_d(c, dir, err);
}

/* The first of the directories' files that a module's name means; a path is one itself. */
static int read_module(struct pm_conf *c, const char *name, struct pm_err *err)
{
	_cleanup_free_ char *base = user_config_dir();
	_cleanup_free_ char *user =
		base ? pm_asprintf("%s/containers/containers.conf.modules/%s", base, name) : NULL;
	_cleanup_free_ char *etc = pm_asprintf("/etc/containers/containers.conf.modules/%s", name);
	_cleanup_free_ char *usr =
		pm_asprintf("/usr/share/containers/containers.conf.modules/%s", name);
	if (name[0] == '/')
		return read_conf(c, name, true, err);
	const char *const paths[] = {pm_proc_for_system() ? NULL : user, etc, usr};
	for (size_t i = 0; i < PM_ARRAY_SIZE(paths); i++)
		if (paths[i] && access(paths[i], F_OK) == 0)
			return read_conf(c, paths[i], true, err);
	return pm_fail(err, PM_E_NOSUCH, "could not resolve module \"%s\": not in "
		       "containers.conf.modules below $XDG_CONFIG_HOME/containers, /etc/containers or "
		       "/usr/share/containers", name);
}

int pm_conf_load(struct pm_conf *ret, const struct pm_strv *modules, struct pm_err *err)
{
	_cleanup_conf_ struct pm_conf c;
	const char *only = getenv("CONTAINERS_CONF"), *over = getenv("CONTAINERS_CONF_OVERRIDE");
	pm_conf_init(&c);
	int r = only && *only ? read_conf(&c, only, true, err) : load_all(&c, err);
	for (size_t i = 0; modules && i < modules->n && r >= 0; i++)
		r = read_module(&c, modules->v[i], err);
	if (r >= 0 && over && *over)
		r = read_conf(&c, over, true, err);
	if (r < 0)
		return pm_wrap(err, "containers.conf");
	*ret = c;
	c = (struct pm_conf){0};
	return 0;
}

static bool executable(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *pm_conf_runtime_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int pm_conf_runtime(const struct pm_conf *c, const char *name, char **ret, struct pm_err *err)
{
	if (!name)
		name = c->runtime;
	if (strchr(name, '/')) {
		if (!executable(name))
			return pm_fail(err, PM_E_NOSUCH, "OCI runtime %s: no executable file", name);
		*ret = pm_strdup(name);
		return 0;
	}
	for (size_t i = 0; i < c->n_runtimes; i++) {
		for (size_t k = 0; pm_streq(c->runtimes[i].name, name) && k < c->runtimes[i].paths.n;
		     k++) {
			if (executable(c->runtimes[i].paths.v[k])) {
				*ret = pm_strdup(c->runtimes[i].paths.v[k]);
				return 0;
			}
		}
	}
	for (size_t i = 0; i < PM_ARRAY_SIZE(default_runtimes); i++) {
		if (!pm_streq(default_runtimes[i].name, name))
			continue;
		for (size_t k = 0; k < PM_ARRAY_SIZE(default_runtimes[i].paths); k++) {
			if (executable(default_runtimes[i].paths[k])) {
				*ret = pm_strdup(default_runtimes[i].paths[k]);
				return 0;
			}
		}
	}
	if (pm_proc_find(name, getenv("PATH"), ret, NULL) >= 0)
		return 0;
	return pm_fail(err, PM_E_NOSUCH, "OCI runtime \"%s\" is not installed and not configured in "
					 "containers.conf", name);
}

int pm_conf_parse_size(const char *s, int64_t *ret, struct pm_err *err)
{
	char *end;
	int64_t unit = 1;
	if (*s < '0' || *s > '9')
		goto bad;
	errno = 0;
	double d = strtod(s, &end);
	if (errno || strspn(s, "0123456789.") != (size_t)(end - s))
		goto bad;
	while (*end == ' ')
		end++;
	switch (*end | 0x20) {
	case 'p':
		unit *= 1024;
		/* fall through */
	case 't':
		unit *= 1024;
		/* fall through */
	case 'g':
		unit *= 1024;
		/* fall through */
	case 'm':
		unit *= 1024;
		/* fall through */
	case 'k':
		unit *= 1024;
		end++;
		if ((*end | 0x20) == 'i')
			end++;
		if ((*end | 0x20) == 'b')
			end++;
		break;
	case 'b':
		end++;
		break;
	default:
		break;
	}
	if (*end || d * (double)unit > 9.2e18)
		goto bad;
	*ret = (int64_t)(d * (double)unit);
	return 0;
bad:
	return pm_fail(err, PM_E_USAGE, "invalid size: '%s'", s);
}
