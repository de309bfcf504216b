#include "cli/ctr_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/command.h"
#include "cli/image_common.h"
#include "cli/progress.h"
#include "engine/container/bundle.h"
#include "engine/image/resolve.h"
#include "netns/publish.h"
#include "netns/userns.h"

extern char **environ;

#define O struct pm_ctr_opts

/* Sorted by name within their group; what Podman has and pm has not yet is refused by name. */
const struct pm_opt pm_ctr_table[] = {
	{"add-host", 0, PM_LIST(O, add_host), "Add a custom host-to-IP mapping (host:ip)", .arg = "host:ip"},
	{"annotation", 0, PM_STRINGS(O, annotation), "Add annotations to the container", .arg = "key=value"},
	{"arch", 0, PM_STRING(O, arch), "Use `ARCH` instead of this machine's for choosing images"},
	{"authfile", 0, PM_STRING(O, authfile), "Path of the authentication file", .complete = PM_COMPLETE_FILE},
	{"cap-add", 0, PM_LIST(O, cap_add), "Add capabilities to the container"},
	{"cap-drop", 0, PM_LIST(O, cap_drop), "Drop capabilities from the container"},
	{"cgroup-parent", 0, PM_STRING(O, cgroup_parent), "Parent cgroup for the container"},
	{"cgroupns", 0, PM_STRING(O, cgroupns), "Cgroup namespace to use"},
	{"cgroups", 0, PM_CHOICE(O, cgroups), "Control the container's cgroups", .choices = "enabled|disabled"},
	{"cidfile", 0, PM_STRING(O, cidfile), "Write the container ID to the file", .complete = PM_COMPLETE_FILE},
	{"conmon-pidfile", 0, PM_STRING(O, conmon_pidfile), "Write the monitor's PID to the file", .complete = PM_COMPLETE_FILE},
	{"cpu-period", 0, PM_UINT(O, cpu_period), "Limit the CPU CFS period, in microseconds"},
	{"cpu-quota", 0, PM_INT(O, cpu_quota), "Limit the CPU CFS quota, in microseconds"},
	{"cpu-shares", 'c', PM_UINT(O, cpu_shares), "CPU shares (relative weight)"},
	{"cpus", 0, PM_FLOAT(O, cpus), "Number of CPUs", .arg = "number"},
	{"cpuset-cpus", 0, PM_STRING(O, cpuset_cpus), "CPUs in which to allow execution (0-3, 0,1)"},
	{"cpuset-mems", 0, PM_STRING(O, cpuset_mems), "Memory nodes in which to allow execution (0-3, 0,1)"},
	{"detach-keys", 0, PM_STRING(O, detach_keys), "Keys that detach from the container: [a-Z] or ctrl-<value>, separated by commas"},
	{"device", 0, PM_LIST(O, device), "Add a host device to the container", .arg = "host[:container[:rwm]]", .complete = PM_COMPLETE_FILE},
	{"dns", 0, PM_LIST(O, dns), "Set custom DNS servers"},
	{"dns-option", 0, PM_LIST(O, dns_option), "Set custom DNS options"},
	{"dns-search", 0, PM_LIST(O, dns_search), "Set custom DNS search domains"},
	{"entrypoint", 0, PM_STRING(O, entrypoint), "Overwrite the image's ENTRYPOINT"},
	{"env", 'e', PM_STRINGS(O, env), "Set environment variables in the container", .complete = PM_COMPLETE_ENV},
	{"env-file", 0, PM_LIST(O, env_file), "Read in a file of environment variables", .complete = PM_COMPLETE_FILE},
	{"env-host", 0, PM_BOOL(O, env_host), "Use all current host environment variables in the container"},
	{"expose", 0, PM_LIST(O, expose), "Expose a port or a range of ports"},
	{"group-add", 0, PM_LIST(O, group_add), "Add additional groups to the container's process"},
	{"hostname", 'h', PM_STRING(O, hostname), "Set the container's hostname"},
	{"http-proxy", 0, PM_BOOL(O, http_proxy), "Set proxy environment variables in the container based on the host's", .def = "true"},
	{"image-volume", 0, PM_CHOICE(O, image_volume), "How to handle the image's volumes", .choices = "bind|anonymous|tmpfs|ignore"},
	{"init", 0, PM_BOOL(O, init), "Run an init inside the container that forwards signals and reaps processes"},
	{"init-path", 0, PM_STRING(O, init_path), "Path of the init program", .complete = PM_COMPLETE_FILE},
	{"interactive", 'i', PM_BOOL(O, interactive), "Keep STDIN open even if not attached"},
	{"ipc", 0, PM_STRING(O, ipc), "IPC namespace to use"},
	{"label", 'l', PM_STRINGS(O, label), "Set metadata on the container", .arg = "key=value"},
	{"label-file", 0, PM_LIST(O, label_file), "Read in a file of labels", .complete = PM_COMPLETE_FILE},
	{"log-driver", 0, PM_CHOICE(O, log_driver), "Logging driver for the container", .choices = "k8s-file|json-file|none"},
	{"log-opt", 0, PM_STRINGS(O, log_opt), "Logging driver options: path=, max-size=, max-file=, tag=", .arg = "key=value"},
	{"memory", 'm', PM_SIZE(O, memory), "Memory limit", .arg = "<number>[<unit>]"},
	{"memory-reservation", 0, PM_SIZE(O, memory_reservation), "Memory soft limit", .arg = "<number>[<unit>]"},
	{"memory-swap", 0, PM_STRING(O, memory_swap), "Swap limit equal to memory plus swap, -1 for unlimited", .arg = "<number>[<unit>]"},
	{"mount", 0, PM_STRINGS(O, mount), "Attach a filesystem mount to the container"},
	{"name", 0, PM_STRING(O, name), "Assign a name to the container"},
	{"network", 0, PM_STRINGS(O, network), "Connect the container to a network: none, host, slirp4netns[:OPTIONS], container:NAME, ns:PATH", .complete = PM_COMPLETE_NETWORK},
	{"net", 0, PM_STRINGS(O, network), "Connect the container to a network", .hidden = true},
	{"no-hosts", 0, PM_BOOL(O, no_hosts), "Do not create /etc/hosts within the container"},
	{"oom-score-adj", 0, PM_INT(O, oom_score_adj), "Tune the host's OOM preferences (-1000 to 1000)"},
	{"os", 0, PM_STRING(O, os), "Use `OS` instead of this machine's for choosing images"},
	{"pid", 0, PM_STRING(O, pid), "PID namespace to use"},
	{"pidfile", 0, PM_STRING(O, pidfile), "Write the container's process ID to the file", .complete = PM_COMPLETE_FILE},
	{"pids-limit", 0, PM_INT(O, pids_limit), "Tune the container's pids limit"},
	{"platform", 0, PM_STRING(O, platform), "Platform for choosing images: OS/ARCH[/VARIANT]"},
	{"privileged", 0, PM_BOOL(O, privileged), "Give extended privileges to the container"},
	{"publish", 'p', PM_LIST(O, publish), "Publish a container's port, or a range of ports, to the host"},
	{"publish-all", 'P', PM_BOOL(O, publish_all), "Publish all exposed ports to random ports of the host"},
	{"pull", 0, PM_CHOICE(O, pull), "Pull image policy", .def = "missing", .no_value = "missing", .choices = "always|missing|never|newer|true|false"},
	{"quiet", 'q', PM_BOOL(O, quiet), "Suppress output information when pulling images"},
	{"read-only", 0, PM_BOOL(O, read_only), "Make the container's root file system read-only"},
	{"read-only-tmpfs", 0, PM_BOOL(O, read_only_tmpfs), "With --read-only mount a tmpfs on /run, /tmp and /var/tmp", .def = "true"},
	{"replace", 0, PM_BOOL(O, replace), "If a container with the same name exists, replace it"},
	{"restart", 0, PM_STRING(O, restart), "Restart policy; only \"no\" is done yet"},
	{"rm", 0, PM_BOOL(O, rm), "Remove the container after its end"},
	{"rootfs", 0, PM_BOOL(O, rootfs), "The first argument is not an image but the path of a root file system"},
	{"security-opt", 0, PM_STRINGS(O, security_opt), "Security options"},
	{"shm-size", 0, PM_SIZE(O, shm_size), "Size of /dev/shm", .arg = "<number>[<unit>]"},
	{"stop-signal", 0, PM_STRING(O, stop_signal), "Signal to stop the container", .complete = PM_COMPLETE_SIGNAL},
	{"stop-timeout", 0, PM_UINT(O, stop_timeout), "Seconds until a container being stopped is killed"},
	{"sysctl", 0, PM_LIST(O, sysctl), "Sysctl options", .arg = "name=value"},
	{"tls-verify", 0, PM_BOOL(O, tls_verify), "Require HTTPS and verify certificates when pulling images", .def = "true"},
	{"tmpfs", 0, PM_STRINGS(O, tmpfs), "Mount a temporary file system (tmpfs) into the container", .arg = "tmpfs"},
	{"tty", 't', PM_BOOL(O, tty), "Allocate a pseudo-TTY for the container"},
	{"tz", 0, PM_STRING(O, tz), "Set the timezone in the container"},
	{"ulimit", 0, PM_LIST(O, ulimit), "Ulimit options", .arg = "name=soft[:hard]"},
	{"umask", 0, PM_STRING(O, umask), "Set the umask in the container"},
	{"unsetenv", 0, PM_STRINGS(O, unsetenv), "Unset environment default variables in the container"},
	{"unsetenv-all", 0, PM_BOOL(O, unsetenv_all), "Unset all default environment variables in the container"},
	{"user", 'u', PM_STRING(O, user), "Username or UID (format: <name|uid>[:<group|gid>])", .complete = PM_COMPLETE_USER},
	{"uts", 0, PM_STRING(O, uts), "UTS namespace to use"},
	{"variant", 0, PM_STRING(O, variant), "Use `VARIANT` instead of this machine's for choosing images"},
	{"volume", 'v', PM_STRINGS(O, volume), "Bind mount a volume into the container", .arg = "[source:]container[:options]", .complete = PM_COMPLETE_DIR},
	{"workdir", 'w', PM_STRING(O, workdir), "Working directory inside the container", .complete = PM_COMPLETE_DIR},
	{0},
};

#undef O

/* --- mounts ----------------------------------------------------------------------------------------- */

static int set_dest(struct pm_ctr_mount *m, const char *dest, struct pm_err *err)
{
	if (dest[0] != '/')
		return pm_fail(err, PM_E_USAGE,
			       "invalid container path \"%s\", must be an absolute path", dest);
	m->dest = pm_path_clean(dest);
	return 0;
}

static char *absolute(const char *path)
{
	if (path[0] == '/')
		return pm_path_clean(path);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	return pm_path_join(cwd ? cwd : "/", path);
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
		m->source = absolute(source);
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

static bool is_word(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* One key of --mount: the field it sets, or an option of the mount. */
static int mount_key(const char *key, const char *value, struct pm_ctr_mount *m, struct pm_err *err)
{
	static const char *const sources[] = {"source", "src", NULL};
	static const char *const dests[] = {"target", "dst", "destination", NULL};
	static const char *const flags[] = {"ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec",
					    "exec", "U", "z", "Z", "idmap", "notmpcopyup", "tmpcopyup",
					    "nocopy", "copy", NULL};
	if (is_word(key, sources)) {
		free(m->source);
		m->source = pm_strdup(value ? value : "");
		return 0;
	}
	if (is_word(key, dests))
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
	if (is_word(key, flags)) {
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
		char *path = absolute(m->source);
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

static int mounts(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	for (size_t i = 0; i < o->volume.n && r >= 0; i++)
		r = pm_ctr_parse_volume(o->volume.v[i], c, err);
	for (size_t i = 0; i < o->mount.n && r >= 0; i++)
		r = pm_ctr_parse_mount(o->mount.v[i], c, err);
	for (size_t i = 0; i < o->tmpfs.n && r >= 0; i++)
		r = pm_ctr_parse_tmpfs(o->tmpfs.v[i], c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->n_mounts; i++)
		for (size_t k = i + 1; k < c->n_mounts; k++)
			if (strcmp(c->mounts[i].dest, c->mounts[k].dest) == 0)
				return pm_fail(err, PM_E_USAGE, "%s: duplicate mount destination",
					       c->mounts[i].dest);
	return 0;
}

/* --- environment and labels -------------------------------------------------------------------------- */

static int env_word(const char *word, struct pm_strv *env)
{
	const char *eq = strchr(word, '=');
	if (eq) {
		_cleanup_free_ char *name = pm_strndup(word, (size_t)(eq - word));
		pm_env_set(env, name, eq + 1);
		return 0;
	}
	size_t len = strlen(word);
	if (len > 0 && word[len - 1] == '*') {
		for (char **p = environ; *p; p++)
			if (strncmp(*p, word, len - 1) == 0)
				env_word(*p, env);
		return 0;
	}
	const char *value = getenv(word);
	if (value)
		pm_env_set(env, word, value);
	return 0;
}

/* Lines of a file, without comments and empty ones, handed to f. */
static int each_line(const char *path, int (*f)(const char *line, struct pm_strv *to),
		     struct pm_strv *to, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	int r = pm_fs_read_file(AT_FDCWD, path, 1 << 20, &b, err);
	if (r < 0)
		return r;
	pm_strv_split(&lines, pm_buf_str(&b), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		size_t len = strlen(line);
		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (line[0] && line[0] != '#')
			f(line, to);
	}
	return 0;
}

int pm_ctr_parse_env(const struct pm_strv *args, const struct pm_strv *files, struct pm_strv *env,
		     struct pm_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		int r = each_line(files->v[i], env_word, env, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < args->n; i++) {
		if (args->v[i][0] == '=' || !args->v[i][0])
			return pm_fail(err, PM_E_USAGE, "invalid environment variable: \"%s\"",
				       args->v[i]);
		env_word(args->v[i], env);
	}
	return 0;
}

static int label_word(const char *word, struct pm_strv *labels)
{
	const char *eq = strchr(word, '=');
	_cleanup_free_ char *name = eq ? pm_strndup(word, (size_t)(eq - word)) : pm_strdup(word);
	pm_env_set(labels, name, eq ? eq + 1 : "");
	return 0;
}

static int words(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	if (o->env_host)
		pm_strv_add_all(&c->env, environ);
	int r = pm_ctr_parse_env(&o->env, &o->env_file, &c->env, err);
	for (size_t i = 0; i < o->label_file.n && r >= 0; i++)
		r = each_line(o->label_file.v[i], label_word, &c->labels, err);
	for (size_t i = 0; i < o->label.n && r >= 0; i++)
		label_word(o->label.v[i], &c->labels);
	for (size_t i = 0; i < o->annotation.n && r >= 0; i++) {
		if (!strchr(o->annotation.v[i], '='))
			return pm_fail(err, PM_E_USAGE,
				       "annotations must be formatted KEY=VALUE: \"%s\"",
				       o->annotation.v[i]);
		pm_strv_add(&c->annotations, o->annotation.v[i]);
	}
	return r;
}

/* --- limits, devices, ports ---------------------------------------------------------------------------- */

static int ulimits(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < o->ulimit.n; i++) {
		const char *arg = o->ulimit.v[i], *eq = strchr(arg, '=');
		if (strcmp(arg, "host") == 0) {
			struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(c);
			u->name = pm_strdup("host");
			continue;
		}
		if (!eq)
			return pm_fail(err, PM_E_USAGE, "ulimit option \"%s\" requires name=SOFT:HARD",
				       arg);
		_cleanup_strv_ struct pm_strv limits = PM_STRV_INIT;
		pm_strv_split(&limits, eq + 1, ':');
		int64_t soft, hard;
		int r = pm_parse_int(limits.v[0], &soft, err);
		if (r >= 0)
			r = pm_parse_int(limits.v[limits.n > 1 ? 1 : 0], &hard, err);
		if (r < 0 || limits.n > 2)
			return pm_fail(err, PM_E_USAGE, "ulimit option \"%s\" requires name=SOFT:HARD",
				       arg);
		if (hard >= 0 && (soft > hard || soft < 0))
			return pm_fail(err, PM_E_USAGE,
				       "ulimit option \"%s\": the soft limit is above the hard one", arg);
		struct pm_ctr_ulimit *u = pm_ctr_config_add_ulimit(c);
		u->name = pm_strndup(arg, (size_t)(eq - arg));
		u->soft = soft;
		u->hard = hard;
	}
	return 0;
}

static int devices(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	for (size_t i = 0; i < o->device.n; i++) {
		_cleanup_strv_ struct pm_strv p = PM_STRV_INIT;
		pm_strv_split(&p, o->device.v[i], ':');
		if (p.n > 3 || p.v[0][0] != '/')
			return pm_fail(err, PM_E_USAGE, "invalid device specification: %s",
				       o->device.v[i]);
		/* the second part is a path or, alone, permissions */
		bool path = p.n > 1 && p.v[1][0] == '/';
		const char *perm = p.n == 3 ? p.v[2] : p.n == 2 && !path ? p.v[1] : "rwm";
		if (!*perm || perm[strspn(perm, "rwm")] || (p.n == 3 && !path))
			return pm_fail(err, PM_E_USAGE, "invalid device mode in %s: %s",
				       o->device.v[i], perm);
		struct pm_ctr_device *d = pm_ctr_config_add_device(c);
		d->host = pm_strdup(p.v[0]);
		d->container = pm_strdup(path ? p.v[1] : p.v[0]);
		d->perm = pm_strdup(perm);
	}
	return 0;
}

static int ports(const struct pm_ctr_opts *o, struct pm_ctr_config *c, struct pm_err *err)
{
	_cleanup_ports_ struct pm_ports l = PM_PORTS_INIT;
	for (size_t i = 0; i < o->publish.n; i++) {
		int r = pm_publish_parse(o->publish.v[i], &l, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < o->expose.n; i++) {
		_cleanup_ports_ struct pm_ports one = PM_PORTS_INIT;
		int r = pm_expose_parse(o->expose.v[i], &one, err);
		if (r < 0)
			return r;
		pm_strv_add(&c->expose, o->expose.v[i]);
	}
	int r = pm_publish_resolve(&l, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct pm_ctr_port *p = pm_ctr_config_add_port(c);
		p->host_ip = l.v[i].host_ip[0] ? pm_strdup(l.v[i].host_ip) : NULL;
		p->host_port = l.v[i].host;
		p->container_port = l.v[i].container;
		p->range = l.v[i].range;
		p->protocol = pm_strdup(pm_proto_name(l.v[i].proto));
	}
	c->publish_all = o->publish_all;
	return r;
}

static int limits(struct pm_cli *cli, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		  struct pm_err *err)
{
	if (pm_cli_given(cli, "memory"))
		c->memory = o->memory;
	if (pm_cli_given(cli, "memory-reservation"))
		c->memory_reservation = o->memory_reservation;
	if (o->memory_swap) {
		c->memory_swap = -1;
		if (strcmp(o->memory_swap, "-1") != 0) {
			int r = pm_parse_size(o->memory_swap, &c->memory_swap, err);
			if (r < 0)
				return pm_wrap(err, "--memory-swap");
		}
	}
	if (pm_cli_given(cli, "pids-limit"))
		c->pids_limit = o->pids_limit;
	if (pm_cli_given(cli, "cpu-shares"))
		c->cpu_shares = (int64_t)o->cpu_shares;
	if (pm_cli_given(cli, "cpu-period"))
		c->cpu_period = (int64_t)o->cpu_period;
	if (pm_cli_given(cli, "cpu-quota"))
		c->cpu_quota = o->cpu_quota;
	if (pm_cli_given(cli, "cpus")) {
		if (pm_cli_given(cli, "cpu-period") || pm_cli_given(cli, "cpu-quota"))
			return pm_fail(err, PM_E_USAGE,
				       "--cpus and --cpu-period or --cpu-quota cannot be set together");
		c->cpu_period = 100000;
		c->cpu_quota = (int64_t)(o->cpus * 100000);
	}
	c->cpuset_cpus = pm_strdup_null(o->cpuset_cpus);
	c->cpuset_mems = pm_strdup_null(o->cpuset_mems);
	c->cgroups = pm_strdup_null(o->cgroups);
	c->cgroup_parent = pm_strdup_null(o->cgroup_parent);
	if (pm_cli_given(cli, "shm-size"))
		c->shm_size = o->shm_size;
	if (pm_cli_given(cli, "oom-score-adj"))
		c->oom_score_adj = o->oom_score_adj;
	return 0;
}

/* --- network ------------------------------------------------------------------------------------------ */

static int network(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		   struct pm_err *err)
{
	if (o->network.n > 1)
		return pm_fail(err, PM_E_UNSUPPORTED,
			       "more than one --network: bridge networks are not supported");
	const char *word = o->network.n ? o->network.v[0] : NULL;
	const char *colon = word ? strchr(word, ':') : NULL;
	_cleanup_free_ char *mode = pm_strdup_null(word);
	if (colon && (pm_startswith(word, "slirp4netns:") || pm_startswith(word, "slirp:"))) {
		mode[colon - word] = '\0';
		pm_strv_split(&c->network_options, colon + 1, ',');
	}
	int r = pm_network_mode(&e->conf, mode, &c->network, err);
	if (r < 0)
		return r;

	bool own = pm_network_is_slirp(c->network);
	if ((o->publish.n || o->publish_all) && !own && strcmp(c->network, "host") != 0 &&
	    strcmp(c->network, "none") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "published or exposed ports must be defined where the network namespace is "
			       "made: --publish does not go with --network %s", c->network);
	pm_strv_add_all(&c->dns, o->dns.v);
	pm_strv_add_all(&c->dns_search, o->dns_search.v);
	pm_strv_add_all(&c->dns_options, o->dns_option.v);
	for (size_t i = 0; i < o->add_host.n; i++) {
		if (!strchr(o->add_host.v[i], ':'))
			return pm_fail(err, PM_E_USAGE, "invalid --add-host \"%s\": must be host:ip",
				       o->add_host.v[i]);
		pm_strv_add(&c->add_hosts, o->add_host.v[i]);
	}
	c->no_hosts = o->no_hosts;
	return ports(o, c, err);
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static int log_options(struct pm_engine *e, const struct pm_ctr_opts *o, struct pm_ctr_config *c,
		       struct pm_err *err)
{
	static const char *const known[] = {"path", "max-size", "max-file", "tag", NULL};
	const char *driver = o->log_driver ? o->log_driver : e->conf.log_driver;
	if (!o->log_driver && (!driver || strcmp(driver, "journald") == 0))
		driver = "k8s-file"; /* containers.conf's default where there is no journal */
	enum pm_log_driver d;
	int r = pm_log_driver_parse(driver, &d, err);
	if (r < 0)
		return r;
	c->log_driver = pm_strdup(driver);
	for (size_t i = 0; i < o->log_opt.n; i++) {
		const char *eq = strchr(o->log_opt.v[i], '=');
		_cleanup_free_ char *key =
			eq ? pm_strndup(o->log_opt.v[i], (size_t)(eq - o->log_opt.v[i])) : NULL;
		if (!key || !is_word(key, known))
			return pm_fail(err, PM_E_USAGE, "invalid --log-opt \"%s\": known are path=, "
							"max-size=, max-file= and tag=",
				       o->log_opt.v[i]);
		pm_strv_add(&c->log_opts, o->log_opt.v[i]);
		if (strcmp(key, "path") == 0)
			c->log_path = absolute(eq + 1);
	}
	return 0;
}

static int process(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
		   char *const *args, struct pm_ctr_config *c, struct pm_err *err)
{
	int r = 0;
	pm_strv_add_all(&c->command, args);
	if (o->entrypoint && (r = pm_ctr_parse_entrypoint(o->entrypoint, &c->entrypoint, err)) < 0)
		return r;
	if (o->workdir && o->workdir[0] != '/')
		return pm_fail(err, PM_E_USAGE, "the working directory '%s' is invalid, it needs to be "
						"an absolute path", o->workdir);
	c->workdir = pm_strdup_null(o->workdir);
	c->user = pm_strdup_null(o->user);
	c->hostname = pm_strdup_null(o->hostname);
	c->umask = pm_strdup_null(o->umask);
	c->timezone = pm_strdup_null(o->tz);
	c->http_proxy_off = pm_cli_given(cli, "http-proxy") ? !o->http_proxy : !e->conf.http_proxy;
	c->terminal = o->tty;
	c->stdin_open = o->interactive;
	c->init = o->init;
	c->init_path = pm_strdup_null(o->init_path);
	c->detach_keys = pm_strdup_null(o->detach_keys);
	pm_strv_add_all(&c->groups, o->group_add.v);
	if (o->stop_signal) {
		int sig;
		if ((r = pm_signal_parse(o->stop_signal, &sig, err)) < 0)
			return r;
		c->stop_signal = sig;
	}
	if (pm_cli_given(cli, "stop-timeout"))
		c->stop_timeout = (int64_t)o->stop_timeout;
	return 0;
}

static void security(const struct pm_ctr_opts *o, struct pm_ctr_config *c)
{
	c->privileged = o->privileged;
	c->read_only = o->read_only;
	c->read_only_tmpfs_off = !o->read_only_tmpfs;
	pm_strv_add_all(&c->cap_add, o->cap_add.v);
	pm_strv_add_all(&c->cap_drop, o->cap_drop.v);
	pm_strv_add_all(&c->security_opt, o->security_opt.v);
	pm_strv_add_all(&c->sysctls, o->sysctl.v);
	c->ipcns = pm_strdup_null(o->ipc);
	c->pidns = pm_strdup_null(o->pid);
	c->utsns = pm_strdup_null(o->uts);
	c->cgroupns = pm_strdup_null(o->cgroupns);
}

int pm_ctr_options_apply(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *image, char *const *args, struct pm_ctr_config *c,
			 struct pm_err *err)
{
	int r = pm_engine_conf(e, err);
	if (r < 0)
		return r;
	if (o->restart && strcmp(o->restart, "no") != 0 && o->restart[0])
		return pm_fail(err, PM_E_UNSUPPORTED, "--restart %s is not supported: only \"no\" is",
			       o->restart);

	c->name = pm_strdup_null(o->name && o->name[0] ? o->name : NULL);
	c->rm = o->rm;
	c->restart_policy = pm_strdup_null(o->restart);
	if (o->cidfile)
		c->cidfile = absolute(o->cidfile);
	if (o->pidfile)
		c->pid_file = absolute(o->pidfile);
	if (o->conmon_pidfile)
		c->conmon_pid_file = absolute(o->conmon_pidfile);
	c->image_volume = pm_strdup_null(o->image_volume);
	c->runtime = pm_strdup_null(e->runtime);
	pm_strv_add_all(&c->create_command, cli->argv);
	if (o->rootfs)
		c->rootfs = absolute(image);

	if ((r = process(cli, e, o, args, c, err)) < 0 || (r = words(o, c, err)) < 0 ||
	    (r = mounts(o, c, err)) < 0 || (r = ulimits(o, c, err)) < 0 ||
	    (r = devices(o, c, err)) < 0 || (r = limits(cli, o, c, err)) < 0 ||
	    (r = network(e, o, c, err)) < 0 || (r = log_options(e, o, c, err)) < 0)
		return r;
	security(o, c);
	return 0;
}

int pm_ctr_options_image(struct pm_cli *cli, struct pm_engine *e, const struct pm_ctr_opts *o,
			 const char *word, struct pm_ctr_config *c, char ret_id[65],
			 struct pm_err *err)
{
	_cleanup_free_ char *platform = NULL, *authfile = pm_pull_authfile(cli, o->authfile);
	struct pm_pull_options po = {
		.authfile = authfile,
		.tls_verify = pm_cli_given(cli, "tls-verify") ? o->tls_verify : -1,
		.os = o->os,
		.arch = o->arch,
		.variant = o->variant,
	};
	enum pm_pull_policy policy;
	int r = pm_pull_policy_parse(o->pull, &policy, err);
	if (r >= 0)
		r = pm_pull_platform(o->platform, &po, &platform, err);
	if (r < 0)
		return r;

	_cleanup_progress_ struct pm_progress *bars = pm_progress_new(STDERR_FILENO, o->quiet);
	r = pm_image_obtain(e->store, word, policy, &po, pm_progress_events(bars), ret_id, &c->image,
			    err);
	c->raw_image_name = pm_strdup(word);
	return r;
}

static int cidfile_exists(const char *path, struct pm_err *err)
{
	return pm_fail(err, PM_E_EXISTS,
		       "container id file exists. Ensure another container is not using it or delete "
		       "%s", path);
}

int pm_ctr_check_cidfile(const char *path, struct pm_err *err)
{
	return access(path, F_OK) == 0 ? cidfile_exists(path, err) : 0;
}

int pm_ctr_write_cidfile(const char *path, const char *id, struct pm_err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return cidfile_exists(path, err);
	if (fd < 0)
		return pm_fail_sys(err, "create the container id file %s", path);
	return pm_fs_write_all(fd, id, strlen(id), err);
}
