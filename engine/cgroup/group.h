/*
 * group - the control group of one running container in the cgroup2 tree: freezing it, its
 * processes, its counters and limits.
 *
 * It is found by /proc/PID/cgroup: the part of that path which holds the container's id. A
 * container without a group of its own (docs/ARCHITECTURE.md, "Control groups") shares ours or
 * its user's, which is never touched: then there is none. Nothing is stored. Runs in pm.
 */
#ifndef PM_ENGINE_CGROUP_GROUP_H
#define PM_ENGINE_CGROUP_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct pm_group {
	int fd;     /* the directory; -1: none */
	char *path; /* its absolute path; owned */
};

#define PM_GROUP_INIT                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}
#define _cleanup_group_ _cleanup_(pm_group_close)

/* The group of the container id (64 hex digits) whose first process is pid: 1, or 0 when it has
 * none of its own or is gone. *ret must be PM_GROUP_INIT. */
int pm_group_open(pid_t pid, const char *id, struct pm_group *ret);
void pm_group_close(struct pm_group *g);

/* The container's part of a line of /proc/PID/cgroup's v2 path, cut after the component that
 * holds id; NULL: none does. The caller frees. */
char *pm_group_own_path(const char *path, const char *id);

/* Is it frozen, or told to be? */
bool pm_group_frozen(const struct pm_group *g);
/* Freeze or thaw, and wait until all its processes are (10 seconds). -ENOENT: this kernel cannot
 * (before 5.2). */
int pm_group_freeze(const struct pm_group *g, bool freeze, struct pm_err *err);

/* Its processes, those of groups below included; appended as pid_t to out. */
void pm_group_pids(const struct pm_group *g, struct pm_buf *out);

/* A file that is one number: "max" is INT64_MAX. false: not there, or no number. */
bool pm_group_number(const struct pm_group *g, const char *file, int64_t *ret);
/*
 * A scope of systemd's: it writes the scope's files anew from its properties, and where below it the limits are
 * is the runtime's to know (crun: in a group "container"). Limits are read there by pm_group_limit and changed by the
 * runtime; those of any other group are its own files.
 */
bool pm_group_is_scope(const struct pm_group *g);
/* The limit in that file which counts: the smallest of the group's and, in a scope, of the one below. false: there is none,
 * or the file is not there. */
bool pm_group_limit(const struct pm_group *g, const char *file, int64_t *ret);
/* The number after key in a file of "KEY NUMBER" lines. */
bool pm_group_key(const struct pm_group *g, const char *file, const char *key, int64_t *ret);
/* Sum over all devices of key ("rbytes") in io.stat. */
bool pm_group_io(const struct pm_group *g, const char *key, int64_t *ret);

/* Write a limit ("memory.max"). A missing controller is ENOENT. */
int pm_group_write(const struct pm_group *g, const char *file, const char *value,
		   struct pm_err *err);
/* "FILE=VALUE" each. The first failure ends it; PM_E_USAGE for what is no file of a group. */
int pm_group_write_all(const struct pm_group *g, const struct pm_strv *values, struct pm_err *err);

/* Make the group at path, absolute and below /sys/fs/cgroup, with those above it, have the controllers that
 * values need enabled for it, and write them. A group that is there already gets the values, too.
 * PM_E_UNSUPPORTED: a controller is missing. Also in pm-monitor. */
int pm_group_make(const char *path, const struct pm_strv *values, struct pm_err *err);

#endif
