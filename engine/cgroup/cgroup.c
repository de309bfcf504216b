#include "engine/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "netns/userns.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static const char *const controller_names[] = {"cpu",	  "cpuset", "io",      "memory", "pids",
					       "hugetlb", "rdma",   "devices", "freezer"};

void pm_cgroup_free(struct pm_cgroup *c)
{
	free(c->own);
	free(c->path);
	free(c->why_disabled);
	*c = (struct pm_cgroup){0};
}

const char *pm_cgroup_manager_name(enum pm_cgroup_manager m)
{
	static const char *const names[] = {"systemd", "cgroupfs", "disabled"};
	return names[m];
}

const char *pm_cgroup_version(const struct pm_cgroup *c)
{
	return c->host == PM_CGROUP_HOST_UNIFIED ? "v2" : "v1";
}

char *pm_cgroup_controllers(unsigned int bits)
{
	_cleanup_strv_ struct pm_strv l = PM_STRV_INIT;
	for (size_t i = 0; i < PM_ARRAY_SIZE(controller_names); i++)
		if (bits & (1u << i))
			pm_strv_add(&l, controller_names[i]);
	return l.n ? pm_strv_join(&l, ",") : pm_strdup("");
}

/* --- what is there --------------------------------------------------------------------------- */

static bool is_fs(const char *path, long magic)
{
	struct statfs s;
	return statfs(path, &s) == 0 && (long)s.f_type == magic;
}

static enum pm_cgroup_host host_mode(void)
{
	if (is_fs(CGROUP_ROOT, CGROUP2_SUPER_MAGIC))
		return PM_CGROUP_HOST_UNIFIED;
	if (is_fs(CGROUP_ROOT "/unified", CGROUP2_SUPER_MAGIC))
		return PM_CGROUP_HOST_HYBRID;
	static const char *const v1[] = {"systemd", "memory", "cpu", "pids", "freezer", "devices"};
	for (size_t i = 0; i < PM_ARRAY_SIZE(v1); i++) {
		_cleanup_free_ char *path = pm_asprintf(CGROUP_ROOT "/%s", v1[i]);
		if (is_fs(path, CGROUP_SUPER_MAGIC))
			return PM_CGROUP_HOST_LEGACY;
	}
	return PM_CGROUP_HOST_NONE;
}

/* Our path in the v2 tree: the line "0::PATH" of /proc/self/cgroup. */
static int own_path(char **ret, struct pm_err *err)
{
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	int r = pm_fs_read_file(AT_FDCWD, "/proc/self/cgroup", 1 << 20, &b, err);
	if (r == -ENOENT) { /* a kernel without cgroups */
		pm_err_clear(err);
		*ret = pm_strdup("/");
		return 0;
	}
	if (r < 0)
		return r;
	for (char *line = (char *)pm_buf_str(&b); *line;) {
		size_t len = strcspn(line, "\n");
		bool more = line[len] == '\n';
		line[len] = '\0';
		/* outside of the cgroup namespace's root it shows as /.. */
		if (strncmp(line, "0::/", 4) == 0 && strncmp(line, "0::/..", 6) != 0) {
			*ret = pm_strdup(line + 3);
			return 0;
		}
		line += len + more;
	}
	*ret = pm_strdup("/");
	return 0;
}

/* Names in a cgroup.controllers or cgroup.subtree_control file, as bits. */
static unsigned int read_controllers(const char *dir, const char *file)
{
	_cleanup_free_ char *path = pm_path_join(dir, file);
	_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
	if (pm_fs_read_file(AT_FDCWD, path, 4096, &b, NULL) < 0)
		return 0;
	unsigned int bits = 0;
	for (const char *c = pm_buf_str(&b); *c;) {
		size_t len = strcspn(c, " \n");
		for (size_t i = 0; i < PM_ARRAY_SIZE(controller_names); i++)
			if (strlen(controller_names[i]) == len &&
			    strncmp(c, controller_names[i], len) == 0)
				bits |= 1u << i;
		c += len;
		c += strspn(c, " \n");
	}
	return bits;
}

static bool can_write(const char *dir, const char *file)
{
	_cleanup_free_ char *path = pm_path_join(dir, file);
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static bool is_empty(const char *dir, const char *file)
{
	_cleanup_free_ char *path = pm_path_join(dir, file);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;
	return fd >= 0 && read(fd, &c, 1) == 0;
}

/* May we make sub-groups of group, and move ourselves there? *ret_usable: the controllers they can
 * have. A group with processes gets no new controllers for its sub-groups ("no internal processes",
 * cgroup-v2.rst), but for the root. */
static bool is_delegated(const char *tree, const char *group, unsigned int *ret_usable)
{
	_cleanup_free_ char *dir = pm_asprintf("%s%s", tree, group);
	if (!can_write(dir, ".") || !can_write(dir, "cgroup.procs"))
		return false;
	unsigned int bits = read_controllers(dir, "cgroup.subtree_control");
	bool is_root = strcmp(group, "/") == 0;
	if (can_write(dir, "cgroup.subtree_control") && (is_root || is_empty(dir, "cgroup.procs")))
		bits |= read_controllers(dir, "cgroup.controllers");
	*ret_usable = bits | PM_CGROUP_FREEZER;
	return true;
}

/* --- systemd --------------------------------------------------------------------------------- */

static bool answers(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(a.sun_path))
		return false;
	memcpy(a.sun_path, path, len);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

/* The path in "unix:path=PATH[,...][;...]"; NULL when the address is of another kind. */
static char *bus_path(const char *address)
{
	static const char prefix[] = "unix:path=";
	if (!pm_startswith(address, prefix))
		return NULL;
	const char *p = address + sizeof(prefix) - 1;
	return pm_strndup(p, strcspn(p, ",;"));
}

/* Where a runtime would ask for a scope: root the system's systemd, others their own. */
static bool systemd_reachable(bool root)
{
	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	if (root)
		return answers("/run/dbus/system_bus_socket") || answers("/run/systemd/private");

	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	if (address && *address) {
		_cleanup_free_ char *path = bus_path(address);
		if (path && answers(path))
			return true;
	}
	const char *dir = getenv("XDG_RUNTIME_DIR");
	if (!dir || !*dir)
		return false;
	_cleanup_free_ char *bus = pm_path_join(dir, "bus");
	_cleanup_free_ char *private = pm_path_join(dir, "systemd/private");
	return answers(bus) || answers(private);
}

/* What systemd can give a scope of the user's manager: what was delegated to it. */
static unsigned int systemd_controllers(bool root)
{
	if (root)
		return read_controllers(CGROUP_ROOT, "cgroup.controllers") | PM_CGROUP_FREEZER;
	_cleanup_free_ char *dir = pm_asprintf(
		CGROUP_ROOT "/user.slice/user-%u.slice/user@%u.service", geteuid(), geteuid());
	return read_controllers(dir, "cgroup.controllers") | PM_CGROUP_FREEZER;
}

/* --- the decision ---------------------------------------------------------------------------- */

static void disable(struct pm_cgroup *c, char *why)
{
	c->manager = PM_CGROUP_DISABLED;
	c->controllers = 0;
	c->why_disabled = why;
}

/* Our own group, or the one above it, whichever can give containers more. */
static bool choose_parent(const char *tree, struct pm_cgroup *c)
{
	unsigned int own_bits = 0, up_bits = 0;
	bool own = is_delegated(tree, c->own, &own_bits), up = false;
	_cleanup_free_ char *above = NULL;
	if (strcmp(c->own, "/") != 0) {
		above = pm_strdup(c->own);
		char *slash = strrchr(above, '/');
		slash[slash == above] = '\0';
		/* the root is a user's own only in a cgroup namespace, where it is what was given */
		up = is_delegated(tree, above, &up_bits);
	}
	c->delegated = own || up;
	if (!c->delegated)
		return false;
	bool take_up = up && (!own || __builtin_popcount(up_bits) > __builtin_popcount(own_bits));
	c->controllers = take_up ? up_bits : own_bits;
	c->path = pm_strdup(take_up ? above : c->own);
	return true;
}

static void decide_unified(const char *wanted, bool root, struct pm_cgroup *c)
{
	c->user_systemd = systemd_reachable(root);
	bool parent = choose_parent(CGROUP_ROOT, c);
	if (c->user_systemd && (!wanted || strcmp(wanted, "systemd") == 0)) {
		c->manager = PM_CGROUP_SYSTEMD;
		c->controllers = systemd_controllers(root);
		free(pm_steal(&c->path));
		return;
	}
	if (wanted && strcmp(wanted, "systemd") == 0)
		pm_debug("no systemd is reachable over its bus: cgroupfs is used instead");
	if (parent) {
		c->manager = PM_CGROUP_CGROUPFS;
		return;
	}
	disable(c, pm_asprintf("the cgroup %s is not delegated to this user, and no systemd user "
			       "session is reachable (log in by systemd-logind, or: loginctl "
			       "enable-linger)", c->own));
}

/* v1 controllers belong to root and are not used: both runtimes get a cgroup2 mount of their own. Root may
 * make groups in that tree, others stay where they are. */
static void decide_other(bool root, struct pm_cgroup *c)
{
	static const char *const kinds[] = {"no cgroup file system", "cgroups v2 only",
					    "cgroups v1 and v2 mixed", "cgroups v1"};
	c->private_mount = true;
	if (root && c->host == PM_CGROUP_HOST_HYBRID && choose_parent(CGROUP_ROOT "/unified", c)) {
		c->manager = PM_CGROUP_CGROUPFS;
		return;
	}
	disable(c, pm_asprintf("this host has %s; limits need cgroups v2 alone (boot with "
			       "systemd.unified_cgroup_hierarchy=1)", kinds[c->host]));
}

int pm_cgroup_detect(const char *wanted, struct pm_cgroup *ret, struct pm_err *err)
{
	if (wanted && strcmp(wanted, "systemd") != 0 && strcmp(wanted, "cgroupfs") != 0 &&
	    strcmp(wanted, "disabled") != 0)
		return pm_fail(err, PM_E_USAGE, "unknown cgroup manager '%.40s': systemd, cgroupfs or "
			       "disabled", wanted);

	_cleanup_cgroup_ struct pm_cgroup c = {.host = host_mode()};
	int r = own_path(&c.own, err);
	if (r < 0)
		return r;
	bool root = geteuid() == 0 && !pm_userns_needed() && !pm_userns_nested();
	if (c.host == PM_CGROUP_HOST_UNIFIED)
		decide_unified(wanted, root, &c);
	else
		decide_other(root, &c);
	if (root && c.manager != PM_CGROUP_DISABLED)
		c.controllers |= PM_CGROUP_DEVICES; /* by BPF, which takes CAP_BPF */
	if (wanted && strcmp(wanted, "disabled") == 0) {
		free(pm_steal(&c.path));
		free(pm_steal(&c.why_disabled));
		disable(&c, pm_strdup("cgroups are disabled for this container"));
	}
	*ret = c;
	c = (struct pm_cgroup){0};
	return 0;
}

int pm_cgroup_check_limits(const struct pm_cgroup *c, unsigned int needs, const char *option,
			   struct pm_err *err)
{
	unsigned int missing = needs & ~c->controllers;
	if (!missing)
		return 0;
	if (c->manager == PM_CGROUP_DISABLED)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s cannot be applied: %s", option,
			       c->why_disabled);
	_cleanup_free_ char *names = pm_cgroup_controllers(missing);
	if (c->host == PM_CGROUP_HOST_HYBRID)
		return pm_fail(err, PM_E_UNSUPPORTED, "%s cannot be applied: this host keeps the "
			       "cgroup controller %s in cgroups v1 (boot with "
			       "systemd.unified_cgroup_hierarchy=1)", option, names);
	if (geteuid() == 0 && !pm_userns_nested())
		return pm_fail(err, PM_E_UNSUPPORTED, "%s cannot be applied: this host has no cgroup "
			       "controller %s (see cgroup_disable= on the kernel's command line)",
			       option, names);
	return pm_fail(err, PM_E_UNSUPPORTED, "%s cannot be applied: the cgroup controller %s is not "
		       "delegated to this user (as root: systemctl edit user@.service, "
		       "Delegate=%s)", option, names, names);
}

bool pm_cgroup_crun_devices(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};
	struct rlimit l;
	if (getrlimit(RLIMIT_MEMLOCK, &l) == 0 && l.rlim_max == RLIM_INFINITY)
		return true;
	return syscall(SYS_capget, &h, d) == 0 && (d[0].effective & (1u << CAP_SYS_RESOURCE));
}

/* --- the end of a group ---------------------------------------------------------------------- */

#define CGROUP_GONE_MS 2000
/* of moving what a group has, which may fork meanwhile */
#define MOVE_ROUNDS 16

/* A dying process keeps its group busy for a moment; cgroup.events tells of the end. */
void pm_cgroup_remove(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	_cleanup_strv_ struct pm_strv names = PM_STRV_INIT;
	pm_fs_list(dir, ".", &names, NULL);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		if (fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
			_cleanup_free_ char *sub = pm_asprintf("%s/%s", path, names.v[i]);
			pm_cgroup_remove(sub);
		}
	}
	if (rmdir(path) < 0 && errno == EBUSY) {
		int kill_fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
		if (kill_fd >= 0) {
			if (write(kill_fd, "1", 1) < 0)
				rmdir(path); /* Linux before 5.14 has no such file to write */
			close(kill_fd);
		}
		int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
		for (int left = CGROUP_GONE_MS; left > 0 && rmdir(path) < 0 && errno == EBUSY; left -= 100) {
			char text[256];
			struct pollfd p = {.fd = events, .events = POLLPRI};
			if (pread(events, text, sizeof(text), 0) < 0 || poll(&p, 1, 100) < 0)
				break;
		}
		if (events >= 0)
			close(events);
	}
	close(dir);
}

/* One process, named as the kernel prints it; one that has ended is no failure. */
static int move_process(int procs, const char *pid, struct pm_err *err)
{
	if (write(procs, pid, strlen(pid)) < 0 && errno != ESRCH)
		return pm_fail_sys(err, "move process %s", pid);
	return 0;
}

int pm_cgroup_move_all(const char *own, const char *name, struct pm_err *err)
{
	const char *last = strrchr(own, '/');
	if (last && strcmp(last + 1, name) == 0) /* a second container of the unit's */
		return 0;
	_cleanup_free_ char *from = pm_asprintf(CGROUP_ROOT "%s/cgroup.procs", own);
	_cleanup_free_ char *dir = pm_asprintf(CGROUP_ROOT "%s/%s", own, name);
	_cleanup_free_ char *to = pm_path_join(dir, "cgroup.procs");
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return pm_fail_sys(err, "make the cgroup %s", dir);
	_cleanup_close_ int procs = pm_fs_open(AT_FDCWD, to, O_WRONLY, 0, err);
	if (procs < 0)
		return procs;
	/* they may fork meanwhile */
	for (int round = 0; round < MOVE_ROUNDS; round++) {
		_cleanup_buf_ struct pm_buf b = PM_BUF_INIT;
		_cleanup_strv_ struct pm_strv pids = PM_STRV_INIT;
		int r = pm_fs_read_file(AT_FDCWD, from, 1 << 20, &b, err);
		if (r < 0)
			return r;
		pm_strv_split(&pids, pm_buf_str(&b), '\n');
		bool any = false;
		for (size_t i = 0; i < pids.n; i++) {
			if (!*pids.v[i])
				continue;
			any = true;
			if ((r = move_process(procs, pids.v[i], err)) < 0)
				return r;
		}
		if (!any)
			break;
	}
	return 0;
}

static int mount_cgroup2(void)
{
	return mount("cgroup2", CGROUP_ROOT, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int pm_cgroup_private_mount(struct pm_err *err)
{
	/* root sees the whole tree, in which containers' groups have their absolute paths */
	if (mount_cgroup2() == 0)
		return 0;
	if (errno != EPERM)
		return pm_fail_sys(err, "mount cgroup2 for the runtime at " CGROUP_ROOT);
	if (unshare(CLONE_NEWCGROUP) < 0)
		return pm_fail_sys(err, "make a cgroup namespace");
	if (mount_cgroup2() < 0)
		return pm_fail_sys(err, "mount cgroup2 for the runtime at " CGROUP_ROOT);
	return 0;
}

void pm_cgroup_remove_pod(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = slash ? pm_strndup(path, (size_t)(slash - path)) : NULL;
	const char *name = parent ? strrchr(parent, '/') : NULL;
	/* the kernel keeps it while another container's is in it */
	if (name && pm_startswith(name + 1, PM_CGROUP_POD_PREFIX))
		rmdir(parent);
}
