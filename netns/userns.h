/*
 * userns - the user namespace that all of a user's containers share.
 *
 * There is no pause process: the namespace lives as long as some monitor is in it. The hint file
 * runroot/userns, "PID STARTTIME\n", names a process that is; it is only a hint: verified by start
 * time, owner and parent before use, replaced by whoever makes a fresh namespace. Two
 * namespaces with the same mapping may live side by side, so no lock guards it.
 *
 * The default mapping is: container id 0 = the user, ids from 1 on = the subordinate ranges. Without
 * ranges or without newuidmap/newgidmap: the single-id mapping, with the reason in map.why.
 *
 * Used by pm (maps, pull, rm) and pm-monitor (enter, publish). Libc-only.
 */
#ifndef PM_NETNS_USERNS_H
#define PM_NETNS_USERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

/* As a line of /proc/PID/uid_map. */
struct pm_idrange {
	uint32_t container, host, length;
};

struct pm_userns_map {
	struct pm_idrange *uids, *gids; /* owned */
	size_t n_uids, n_gids;
	bool single;       /* only one id: written without newuidmap */
	char *why;         /* single: one line for the user, what is missing and what to do; owned */
	char *newuidmap;   /* absolute paths; NULL when single; owned */
	char *newgidmap;
};

#define PM_USERNS_MAP_INIT {0}
#define _cleanup_userns_map_ _cleanup_(pm_userns_map_free)

void pm_userns_map_free(struct pm_userns_map *m);
void pm_userns_map_add_uid(struct pm_userns_map *m, uint32_t container, uint32_t host,
			   uint32_t length);
void pm_userns_map_add_gid(struct pm_userns_map *m, uint32_t container, uint32_t host,
			   uint32_t length);

/* Does this process need a user namespace for containers and layers? No (false) for root that may
 * mount, and inside one already (_PM_USERNS=1). */
bool pm_userns_needed(void);

/* Is this a user namespace of a user's (pm unshare, a container): is root here not the host's? What the
 * host's root may, raise limits for one, is refused here then. */
bool pm_userns_nested(void);

/* The default mapping of the calling user. Reads three small files, starts nothing. Does not fail
 * for missing ranges: ret->single and ret->why tell. */
int pm_userns_default_map(struct pm_userns_map *ret, struct pm_err *err);

/* Ids in the mapping as container ids: is id mapped? */
bool pm_userns_map_has_uid(const struct pm_userns_map *m, uint32_t id);
bool pm_userns_map_has_gid(const struct pm_userns_map *m, uint32_t id);

/* Give process pid, which has unshared its user namespace and is our child (or ourselves: 0, single
 * mappings only), the mapping. newuidmap and newgidmap run side by side; about 3 ms. On failure
 * the error holds the tool's own last line. */
int pm_userns_write_maps(pid_t pid, const struct pm_userns_map *m, struct pm_err *err);

/* The same in two halves, so that the caller can work while the tools run. finish must follow a
 * successful start; it reaps both tools. A single mapping is complete after start. */
struct pm_userns_tools {
	struct {
		pid_t pid; /* 0: none */
		int err_fd;
	} tool[2];
};
int pm_userns_maps_start(pid_t pid, const struct pm_userns_map *m, struct pm_userns_tools *t,
			 struct pm_err *err);
int pm_userns_maps_finish(struct pm_userns_tools *t, struct pm_err *err);

/* Look for a live shared namespace. 1 with *ret_fd (a namespace descriptor, the caller's) when the
 * hint in the directory runroot_fd names a live process in a user namespace that this user made
 * from this one, with the ids of want; 0 when there is none - also when the hint is stale, malformed or
 * someone else's, or the user's ranges have changed since. */
int pm_userns_join(int runroot_fd, const struct pm_userns_map *want, int *ret_fd, struct pm_err *err);

/* Write the hint: this process (which is in the namespace, mapped) holds it. Only for the default
 * mapping. */
int pm_userns_publish_hint(int runroot_fd, struct pm_err *err);

/* The shared namespace for a short operation (pull, rm, cp): a live one joined or a fresh one, which
 * lives as long as *ret_fd and its users. 1 with *ret_fd; 0 with *ret_fd = -1 when none is needed
 * (pm_userns_needed). runroot_fd may be -1. */
int pm_userns_get(int runroot_fd, int *ret_fd, struct pm_err *err);

/* Enter the namespace userns_fd and become root in it: setns, then all user and group ids 0. The
 * caller must be single-threaded. Supplementary groups stay (they are the user's). */
int pm_userns_enter(int userns_fd, struct pm_err *err);

/* Unshare a fresh user namespace here and have the mapping written by the caller's parent or helper:
 * after the maps are written call this half to become root in it. */
int pm_userns_become_root(struct pm_err *err);

/* Fork a child that enters userns_fd (-1: stays where it is), runs fn(arg) and ends; waits for it.
 * fn's error comes back as this function's; the result of a success is 0. The child has the
 * caller's descriptors and memory (a copy). Its death by a signal is PM_E_INTERNAL. */
int pm_userns_run(int userns_fd, int (*fn)(void *arg, struct pm_err *err), void *arg,
		  struct pm_err *err);

#endif
