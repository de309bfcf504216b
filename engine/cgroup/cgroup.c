#include "engine/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"

#define TREE "/sys/fs/cgroup"

static const struct {
	const char *name;
	unsigned int bit;
} controllers[] = {
	{"cpu", PM_CGROUP_CPU},	      {"cpuset", PM_CGROUP_CPUSET},   {"io", PM_CGROUP_IO},
	{"memory", PM_CGROUP_MEMORY}, {"pids", PM_CGROUP_PIDS},	      {"hugetlb", PM_CGROUP_HUGETLB},
	{"rdma", PM_CGROUP_RDMA},     {"devices", PM_CGROUP_DEVICES}, {"freezer", PM_CGROUP_FREEZER},
};

void pm_cgroup_free(struct pm_cgroup *c)
{
	free(c->own);
	free(c->path);
	free(c->why_disabled);
	memset(c, 0, sizeof(*c));
}

static bool is_cgroup2(const char *path)
{
	struct statfs st;
	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

static enum pm_cgroup_host detect_host(void)
{
	if (is_cgroup2(TREE))
		return PM_CGROUP_HOST_UNIFIED;
	if (is_cgroup2(TREE "/unified"))
		return PM_CGROUP_HOST_HYBRID;
	static const char *const v1[] = {"memory", "cpu", "cpu,cpuacct", "pids", "systemd"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(v1); i++) {
		char path[64];
		struct statfs st;
		snprintf(path, sizeof(path), TREE "/%s", v1[i]);
		if (statfs(path, &st) == 0 && st.f_type == CGROUP_SUPER_MAGIC)
			return PM_CGROUP_HOST_LEGACY;
	}
	return PM_CGROUP_HOST_NONE;
}

/* The path of the line "0::PATH" in /proc/self/cgroup; "/" when there is none. */
static char *own_path(void)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv lines = PM_STRV_INIT;
	if (pm_fs_read_file(AT_FDCWD, "/proc/self/cgroup", 65536, &b, NULL) >= 0)
		pm_strv_split(&lines, pm_buf_str(&b), '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (pm_startswith(lines.v[i], "0::/"))
			return pm_strdup(lines.v[i] + strlen("0::"));
	return pm_strdup("/");
}

/* A sub-group can be made, and processes moved from own into it. */
static bool is_delegated(const char *own)
{
	_cleanup_free_ char *dir = pm_asprintf(TREE "%s", own);
	_cleanup_free_ char *procs = pm_asprintf("%s/cgroup.procs", dir);
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0 &&
	       faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) == 0;
}

static bool is_socket(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool inside_userns(void)
{
	return getenv("_PM_USERNS") != NULL;
}

/* Would the runtime reach a systemd over its bus? */
static bool has_systemd(void)
{
	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	if (geteuid() == 0 && !inside_userns())
		return is_socket("/run/dbus/system_bus_socket");

	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *run = getenv("XDG_RUNTIME_DIR");
	static const char scheme[] = "unix:path=";
	if (address && pm_startswith(address, scheme)) {
		_cleanup_free_ char *path = pm_strdup(address + sizeof(scheme) - 1);
		path[strcspn(path, ",;")] = '\0';
		return is_socket(path);
	}
	_cleanup_free_ char *bus = run ? pm_asprintf("%s/bus", run) : NULL;
	return bus && is_socket(bus);
}

static unsigned int read_controllers(const char *dir)
{
	_cleanup_free_ char *path = pm_asprintf(TREE "%s/cgroup.controllers", dir);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	_cleanup_strv_ struct pm_strv words = PM_STRV_INIT;
	unsigned int bits = PM_CGROUP_FREEZER;

	if (pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		return bits;
	pm_buf_cut(&b, strcspn(pm_buf_str(&b), "\n"));
	pm_strv_split(&words, pm_buf_str(&b), ' ');
	for (size_t i = 0; i < words.n; i++)
		for (size_t k = 0; k < PM_ARRAY_SIZE(controllers); k++)
			if (strcmp(words.v[i], controllers[k].name) == 0)
				bits |= controllers[k].bit;
	return bits;
}

/* What a scope that the user's systemd makes can have. */
static unsigned int systemd_controllers(void)
{
	if (geteuid() == 0 && !inside_userns())
		return read_controllers("") | PM_CGROUP_DEVICES;
	unsigned int uid = (unsigned int)getuid();
	_cleanup_free_ char *dir =
		pm_asprintf("/user.slice/user-%u.slice/user@%u.service", uid, uid);
	return read_controllers(dir);
}

static void disable(struct pm_cgroup *c, const char *why)
{
	c->manager = PM_CGROUP_DISABLED;
	c->controllers = 0;
	c->private_mount = c->host != PM_CGROUP_HOST_UNIFIED;
	c->why_disabled = pm_strdup(why);
}

static void decide(struct pm_cgroup *c, const char *wanted)
{
	if (pm_streq(wanted, "disabled")) {
		disable(c, "cgroups are switched off (--cgroups or --cgroup-manager)");
		return;
	}
	if (c->host != PM_CGROUP_HOST_UNIFIED) {
		disable(c, c->host == PM_CGROUP_HOST_NONE
				   ? "no cgroup file system is mounted at " TREE
				   : "this host uses cgroup v1 (or v1 beside v2): boot it with "
				     "systemd.unified_cgroup_hierarchy=1");
		return;
	}
	if (c->user_systemd && !pm_streq(wanted, "cgroupfs")) {
		c->manager = PM_CGROUP_SYSTEMD;
		c->controllers = systemd_controllers();
		return;
	}
	if (pm_streq(wanted, "systemd"))
		pm_debug("no systemd can be reached over its bus: using the cgroupfs manager");
	if (!c->delegated) {
		disable(c, "the cgroup that pm runs in is not delegated to this user: log in with a "
			   "systemd user session, or run \"loginctl enable-linger\"");
		return;
	}
	c->manager = PM_CGROUP_CGROUPFS;
	c->path = pm_strdup(strcmp(c->own, "/") == 0 ? "" : c->own);
	c->controllers = read_controllers(c->path);
}

int pm_cgroup_detect(const char *wanted, struct pm_cgroup *ret, struct pm_err *err)
{
	if (wanted && *wanted && strcmp(wanted, "systemd") != 0 && strcmp(wanted, "cgroupfs") != 0 &&
	    strcmp(wanted, "disabled") != 0)
		return pm_fail(err, PM_E_USAGE,
			       "cgroup manager \"%s\" is unknown: choose systemd, cgroupfs or disabled",
			       wanted);

	struct pm_cgroup c = {.host = detect_host(), .own = own_path()};
	c.delegated = c.host == PM_CGROUP_HOST_UNIFIED && is_delegated(c.own);
	c.user_systemd = c.host == PM_CGROUP_HOST_UNIFIED && has_systemd();
	decide(&c, wanted && *wanted ? wanted : NULL);
	*ret = c;
	return 0;
}

const char *pm_cgroup_manager_name(enum pm_cgroup_manager m)
{
	switch (m) {
	case PM_CGROUP_SYSTEMD:
		return "systemd";
	case PM_CGROUP_CGROUPFS:
		return "cgroupfs";
	case PM_CGROUP_DISABLED:
		return "disabled";
	}
	return "unknown";
}

const char *pm_cgroup_version(const struct pm_cgroup *c)
{
	return c->host == PM_CGROUP_HOST_UNIFIED ? "v2" : "v1";
}

char *pm_cgroup_controllers(unsigned int bits)
{
	struct pm_buf b = PM_BUF_INIT;
	for (size_t k = 0; k < PM_ARRAY_SIZE(controllers); k++)
		if (bits & controllers[k].bit)
			pm_buf_printf(&b, "%s%s", b.len ? "," : "", controllers[k].name);
	return pm_buf_take(&b);
}

int pm_cgroup_check_limits(const struct pm_cgroup *c, unsigned int needs, const char *option,
			   struct pm_err *err)
{
	unsigned int missing = needs & ~c->controllers;
	if (!missing)
		return 0;
	if (c->manager == PM_CGROUP_DISABLED)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s: the limit cannot be set: %s", option,
			       c->why_disabled);
	_cleanup_free_ char *names = pm_cgroup_controllers(missing);
	return pm_fail(err, PM_E_UNSUPPORTED,
		       "%s: the limit cannot be set: the cgroup controller %s is not delegated to this "
		       "user",
		       option, names);
}

int pm_cgroup_private_mount(struct pm_err *err)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return pm_fail_sys(err, "make a cgroup namespace");
	if (mount("cgroup2", TREE, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return pm_fail_sys(err, "mount cgroup2 at " TREE);
	return 0;
}
