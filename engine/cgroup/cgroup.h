/*
 * cgroup - what this host lets us do with control groups, and what the runtime is told because of it.
 *
 * A decision is made once per start, from /proc and /sys only (no bus call):
 *
 *	host		unified (v2), hybrid (v1 controllers, v2 at /sys/fs/cgroup/unified), legacy (v1), none
 *	manager		systemd   a transient scope by the runtime over the user's (root: system) bus
 *			cgroupfs  a directory made below our own cgroup, which is delegated to us
 *			disabled  no cgroup is made: the container stays in ours, no limit can be set
 *	private_mount	the monitor must give the runtime a cgroup2 mount of its own, see below
 *
 * What the monitor does for private_mount, inside its user and mount namespace (tried with crun 1.8 on a
 * hybrid host, which crun refuses otherwise):
 *	unshare(CLONE_NEWCGROUP) (but for root); mount("cgroup2", "/sys/fs/cgroup", "cgroup2",
 *	MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL); run crun with --cgroup-manager=disabled.
 * runc 1.1 takes the same mount without an option (and v1 hosts as they are: it ignores EPERM when it is
 * root of a user namespace only). On a v2 host both work as they are: crun with
 * --cgroup-manager=disabled where nothing is delegated; both with a linux.cgroupsPath below path where
 * something is. As root on a hybrid host crun wants the mount, too, and may make groups in it.
 *
 * Libc-only; used by pm (decision) and pm-monitor (private mount).
 */
#ifndef PM_ENGINE_CGROUP_CGROUP_H
#define PM_ENGINE_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

enum pm_cgroup_host {
	PM_CGROUP_HOST_NONE,    /* nothing mounted */
	PM_CGROUP_HOST_UNIFIED, /* v2 only */
	PM_CGROUP_HOST_HYBRID,  /* v1 controllers and a v2 tree */
	PM_CGROUP_HOST_LEGACY,  /* v1 only */
};

enum pm_cgroup_manager {
	PM_CGROUP_SYSTEMD,
	PM_CGROUP_CGROUPFS,
	PM_CGROUP_DISABLED,
};

/* Controllers as bits. */
enum {
	PM_CGROUP_CPU = 1 << 0,
	PM_CGROUP_CPUSET = 1 << 1,
	PM_CGROUP_IO = 1 << 2,
	PM_CGROUP_MEMORY = 1 << 3,
	PM_CGROUP_PIDS = 1 << 4,
	PM_CGROUP_HUGETLB = 1 << 5,
	PM_CGROUP_RDMA = 1 << 6,
	PM_CGROUP_DEVICES = 1 << 7, /* v1; v2 by BPF for root */
	PM_CGROUP_FREEZER = 1 << 8, /* always on v2 below the root */
};

struct pm_cgroup {
	enum pm_cgroup_host host;
	enum pm_cgroup_manager manager;
	char *own;          /* our path in the v2 tree ("/user.slice/..."), or "/"; owned */
	char *path;         /* cgroupfs: path of the containers' parent in the tree; NULL else; owned */
	bool delegated;     /* we may make sub-groups of own */
	bool private_mount;
	bool user_systemd;  /* a user (root: system) systemd is reachable over its bus */
	unsigned int controllers; /* that a container's group can have: limits that can be set */
	char *why_disabled; /* disabled: one line why; NULL else; owned */
};

#define _cleanup_cgroup_ _cleanup_(pm_cgroup_free)
void pm_cgroup_free(struct pm_cgroup *c);

/* Decide. wanted is "systemd", "cgroupfs", "disabled" or NULL for the best there is
 * (containers.conf: cgroup_manager, --cgroup-manager, --cgroups=disabled). systemd asked for by name
 * falls back to cgroupfs with a debug line where no systemd is reachable, as Podman does. */
int pm_cgroup_detect(const char *wanted, struct pm_cgroup *ret, struct pm_err *err);

const char *pm_cgroup_manager_name(enum pm_cgroup_manager m); /* "systemd" ... */
/* "v2" for a unified host, "v1" else: as `pm info` shows it. */
const char *pm_cgroup_version(const struct pm_cgroup *c);
/* Comma separated names of the bits, in the bits' order ("cpu,memory"); the caller frees. */
char *pm_cgroup_controllers(unsigned int bits);

/* Refuse limits that cannot be applied: needs is the controllers that the options ask for, option the
 * name to show ("--memory"). PM_E_UNSUPPORTED with the reason. */
int pm_cgroup_check_limits(const struct pm_cgroup *c, unsigned int needs, const char *option,
			   struct pm_err *err);

/* crun lifts RLIMIT_MEMLOCK before it loads the BPF program of device rules, and fails where it may not:
 * for root without CAP_SYS_RESOURCE. (runc loads it as it is, which Linux 5.11 allows.) */
bool pm_cgroup_crun_devices(void);

/* Remove the cgroup at the absolute path and those below it. What is still in there is killed: the
 * container's first process is dead. Best effort, waits a moment for processes that are dying. */
void pm_cgroup_remove(const char *path);

/* A pod's group is called so, with the pod's id after it; its containers' are below. */
#define PM_CGROUP_POD_PREFIX "libpod_pod_"

/* Remove the pod's group that the removed group path was in, if it was in one and was the last. */
void pm_cgroup_remove_pod(const char *path);

/* Make the group name below own (a path in the v2 tree) and move all processes of own into it: a group
 * with processes gets no controllers for those below it. Nothing when own is such a group already. */
int pm_cgroup_move_all(const char *own, const char *name, struct pm_err *err);

/* In the monitor: the private cgroup2 mount described above. Inside its user and mount namespace,
 * before the runtime is executed. */
int pm_cgroup_private_mount(struct pm_err *err);

#endif
