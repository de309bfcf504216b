#include "cli/host_info.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "cli/version.h"
#include "engine/events/events.h"
#include "netns/userns.h"
#include "storage/overlay.h"

#define MAX_FILE (1 << 20)

/* The value of NAME= in os-release's syntax, without quotes. The caller frees; "" when missing. */
static char *release_value(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		size_t len = strcspn(p, "\n");
		if (len >= 2 && (*p == '"' || *p == '\'') && p[len - 1] == *p) {
			p++;
			len -= 2;
		}
		return pm_strndup(p, len);
	}
	return pm_strdup("");
}

static struct pm_json *distribution(struct pm_json_pool *pool)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *v = pm_json_object(pool);
	if (pm_fs_read_file(AT_FDCWD, "/etc/os-release", MAX_FILE, &text, NULL) < 0)
		pm_fs_read_file(AT_FDCWD, "/usr/lib/os-release", MAX_FILE, &text, NULL);
	_cleanup_free_ char *id = release_value(pm_buf_str(&text), "ID");
	_cleanup_free_ char *version = release_value(pm_buf_str(&text), "VERSION_ID");
	_cleanup_free_ char *codename = release_value(pm_buf_str(&text), "VERSION_CODENAME");
	_cleanup_free_ char *variant = release_value(pm_buf_str(&text), "VARIANT_ID");
	pm_json_set_str(pool, v, "distribution", *id ? id : "unknown");
	if (*variant)
		pm_json_set_str(pool, v, "variant", variant);
	pm_json_set_str(pool, v, "version", *version ? version : "unknown");
	if (*codename)
		pm_json_set_str(pool, v, "codename", codename);
	return v;
}

/* "Name:   123 kB" of /proc/meminfo, in bytes. */
static int64_t meminfo(const char *text, const char *name)
{
	const char *p = strstr(text, name);
	long long kb = 0;
	return p && sscanf(p + strlen(name), " %lld", &kb) == 1 ? kb * 1024 : 0;
}

static struct pm_json *cpu_utilization(struct pm_json_pool *pool)
{
	_cleanup_buf_ struct pm_buf text = PM_BUF_INIT;
	struct pm_json *v = pm_json_object(pool);
	double user = 0, nice = 0, sys = 0, idle = 0;
	static const char *const names[] = {"userPercent", "systemPercent", "idlePercent"};
	pm_fs_read_file(AT_FDCWD, "/proc/stat", MAX_FILE, &text, NULL);
	if (sscanf(pm_buf_str(&text), "cpu %lf %lf %lf %lf", &user, &nice, &sys, &idle) != 4)
		return v;
	double total = user + sys + idle;
	double parts[] = {user, sys, idle};
	for (size_t i = 0; i < PM_ARRAY_SIZE(names); i++) {
		double percent = total > 0 ? 100 * parts[i] / total : 0;
		pm_json_set(pool, v, names[i],
			    pm_json_double(pool, (double)(int64_t)(percent * 100 + .5) / 100));
	}
	return v;
}

static void add_range(struct pm_json_pool *pool, struct pm_json *list, const struct pm_idrange *r)
{
	struct pm_json *v = pm_json_add(pool, list, pm_json_object(pool));
	pm_json_set_int(pool, v, "container_id", r->container);
	pm_json_set_int(pool, v, "host_id", r->host);
	pm_json_set_int(pool, v, "size", r->length);
}

static struct pm_json *id_mappings(struct pm_json_pool *pool)
{
	_cleanup_userns_map_ struct pm_userns_map map = PM_USERNS_MAP_INIT;
	struct pm_json *v = pm_json_object(pool);
	struct pm_json *gids = pm_json_set(pool, v, "gidmap", pm_json_array(pool));
	struct pm_json *uids = pm_json_set(pool, v, "uidmap", pm_json_array(pool));
	if (!pm_userns_needed() || pm_userns_default_map(&map, NULL) < 0)
		return v;
	for (size_t i = 0; i < map.n_gids; i++)
		add_range(pool, gids, &map.gids[i]);
	for (size_t i = 0; i < map.n_uids; i++)
		add_range(pool, uids, &map.uids[i]);
	return v;
}

/* The runtime with what `RUNTIME --version` prints. */
static int oci_runtime(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json **ret,
		       struct pm_err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct pm_buf out = PM_BUF_INIT, complaints = PM_BUF_INIT;
	struct pm_json *v = *ret = pm_json_object(pool);
	int code = 0, r = pm_conf_runtime(&e->conf, e->runtime, &path, err);
	if (r < 0 && e->runtime)
		return r;
	const char *name = e->runtime ? e->runtime : e->conf.runtime ? e->conf.runtime : "crun";
	pm_json_set_str(pool, v, "name", pm_conf_runtime_name(name));
	pm_json_set_str(pool, v, "package", "Unknown"); /* as Podman says where no package manager knows */
	pm_json_set_str(pool, v, "path", path ? path : "");
	if (path) {
		char *argv[] = {path, "--version", NULL};
		struct pm_proc_spec spec = PM_PROC_SPEC_INIT;
		spec.path = path;
		spec.argv = argv;
		if (pm_proc_run(&spec, &out, 65536, &complaints, &code, NULL) < 0 || code != 0)
			pm_buf_cut(&out, 0);
		while (out.len && out.data[out.len - 1] == '\n')
			pm_buf_cut(&out, out.len - 1);
	}
	pm_json_set_str(pool, v, "version", pm_buf_str(&out));
	return 0;
}

static struct pm_json *security(struct pm_engine *e, struct pm_json_pool *pool)
{
	struct pm_json *v = pm_json_object(pool);
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	for (size_t i = 0; i < e->conf.default_capabilities.n; i++) {
		const char *cap = e->conf.default_capabilities.v[i];
		pm_strv_addf(&names, "%s%s", pm_startswith(cap, "CAP_") ? "" : "CAP_", cap);
	}
	_cleanup_free_ char *caps = pm_strv_join(&names, ",");
	pm_json_set_bool(pool, v, "apparmorEnabled",
			 access("/sys/kernel/security/apparmor/profiles", F_OK) == 0);
	pm_json_set_str(pool, v, "capabilities", caps);
	pm_json_set_bool(pool, v, "rootless", getuid() != 0 || pm_userns_nested());
	pm_json_set_bool(pool, v, "seccompEnabled",
			 access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0);
	pm_json_set_str(pool, v, "seccompProfilePath",
			e->conf.seccomp_profile ? e->conf.seccomp_profile : "");
	pm_json_set_bool(pool, v, "selinuxEnabled", access("/sys/fs/selinux/enforce", F_OK) == 0);
	return v;
}

static char *uptime_text(long seconds)
{
	long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
	if (h > 0)
		return pm_asprintf("%ldh %ldm %ld.00s (Approximately %.2f days)", h, m, s, (double)h / 24);
	return m > 0 ? pm_asprintf("%ldm %ld.00s", m, s) : pm_asprintf("%ld.00s", s);
}

/* The helper program name and its path. */
static void set_helper(struct pm_json_pool *pool, struct pm_json *host, const char *member,
		       const char *name)
{
	struct pm_json *v = pm_json_set(pool, host, member, pm_json_object(pool));
	_cleanup_free_ char *path = pm_proc_helper(name);
	_cleanup_free_ char *version = pm_asprintf("%s version %s", name, PM_VERSION);
	bool conmon = strcmp(member, "conmon") == 0;
	pm_json_set_str(pool, v, "package", "pm");
	pm_json_set_str(pool, v, conmon ? "path" : "executable", path);
	pm_json_set_str(pool, v, "version", version);
}

static int set_cgroup(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json *host,
		      struct pm_err *err)
{
	_cleanup_cgroup_ struct pm_cgroup cg = {0};
	int r = pm_engine_cgroup(e, NULL, &cg, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *list = pm_cgroup_controllers(cg.controllers);
	struct pm_json *names = pm_json_array(pool);
	_cleanup_strv_ struct pm_strv parts = PM_STRV_INIT;
	if (*list)
		pm_strv_split(&parts, list, ',');
	const char *version = pm_cgroup_version(&cg);
	for (size_t i = 0; i < parts.n; i++) /* v2's freezer is no controller */
		if (!pm_streq(version, "v2") || !pm_streq(parts.v[i], "freezer"))
			pm_json_add(pool, names, pm_json_str(pool, parts.v[i]));
	pm_json_set_str(pool, host, "cgroupManager", pm_cgroup_manager_name(cg.manager));
	pm_json_set_str(pool, host, "cgroupVersion", version);
	pm_json_set(pool, host, "cgroupControllers", names);
	return 0;
}

int pm_host_info(struct pm_engine *e, struct pm_json_pool *pool, struct pm_json **ret,
		 struct pm_err *err)
{
	struct pm_json *host = pm_json_object(pool), *runtime = NULL;
	struct utsname u = {0};
	struct sysinfo si = {0};
	_cleanup_buf_ struct pm_buf mem = PM_BUF_INIT;
	enum pm_events_backend events;
	_cleanup_free_ char *events_path = NULL;
	int64_t events_size;
	int r = pm_engine_conf(e, err);
	if (r == 0)
		r = pm_events_backend(e, &events, &events_path, &events_size, err);
	if (r < 0)
		return r;
	uname(&u);
	sysinfo(&si);
	pm_fs_read_file(AT_FDCWD, "/proc/meminfo", MAX_FILE, &mem, NULL);

	pm_json_set_str(pool, host, "arch", pm_host_arch());
	pm_json_set_str(pool, host, "buildahVersion", PM_VERSION); /* `pm build` is its */
	r = set_cgroup(e, pool, host, err);
	if (r < 0)
		return r;
	set_helper(pool, host, "conmon", "pm-monitor");
	pm_json_set_int(pool, host, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	pm_json_set(pool, host, "cpuUtilization", cpu_utilization(pool));
	pm_json_set(pool, host, "distribution", distribution(pool));
	pm_json_set_str(pool, host, "eventLogger", pm_events_backend_name(events));
	pm_json_set_str(pool, host, "hostname", u.nodename);
	pm_json_set(pool, host, "idMappings", id_mappings(pool));
	pm_json_set_str(pool, host, "kernel", u.release);
	pm_json_set_str(pool, host, "logDriver", e->conf.log_driver);
	pm_json_set_int(pool, host, "memFree", meminfo(pm_buf_str(&mem), "MemFree:"));
	pm_json_set_int(pool, host, "memTotal", meminfo(pm_buf_str(&mem), "MemTotal:"));
	pm_json_set_str(pool, host, "networkBackend", "pm");
	r = oci_runtime(e, pool, &runtime, err);
	if (r < 0)
		return r;
	pm_json_set(pool, host, "ociRuntime", runtime);
	pm_json_set_str(pool, host, "os", "linux");
	/* there is no service to speak to */
	struct pm_json *remote = pm_json_set(pool, host, "remoteSocket", pm_json_object(pool));
	pm_json_set_str(pool, remote, "path", "");
	pm_json_set_bool(pool, remote, "exists", false);
	pm_json_set_bool(pool, host, "serviceIsRemote", false);
	pm_json_set(pool, host, "security", security(e, pool));
	set_helper(pool, host, "slirp4netns", "pm-slirp");
	pm_json_set_int(pool, host, "swapFree", meminfo(pm_buf_str(&mem), "SwapFree:"));
	pm_json_set_int(pool, host, "swapTotal", meminfo(pm_buf_str(&mem), "SwapTotal:"));
	_cleanup_free_ char *uptime = uptime_text(si.uptime);
	pm_json_set_str(pool, host, "uptime", uptime);
	pm_json_set_str(pool, host, "linkmode", "static");
	*ret = host;
	return 0;
}
