/*
 * idmap - how the ids of one user namespace are ids of another: the arithmetic of --uidmap, --gidmap and
 * --userns. Lists of ranges {container, host, length} as lines of /proc/PID/uid_map; "host" is the parent
 * namespace's id. No list overlaps itself, on either side, and none has more lines than the kernel takes.
 *
 * Pure functions: nothing is read but what is given. Libc-only.
 */
#ifndef PM_NETNS_IDMAP_H
#define PM_NETNS_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "netns/userns.h"

struct pm_idmap {
	struct pm_idrange *v; /* owned */
	size_t n;
};

#define PM_IDMAP_INIT {0}
#define _cleanup_idmap_ _cleanup_(pm_idmap_free)

void pm_idmap_free(struct pm_idmap *m);
/* Ranges of length 0 are left out. */
void pm_idmap_add(struct pm_idmap *m, uint32_t container, uint32_t host, uint32_t length);
/* PM_E_USAGE when it is empty, overlaps, leaves 32 bits, or has too many lines. */
int pm_idmap_check(const struct pm_idmap *m, struct pm_err *err);
/* false: not mapped. */
bool pm_idmap_to_host(const struct pm_idmap *m, uint32_t container, uint32_t *ret);
bool pm_idmap_to_container(const struct pm_idmap *m, uint32_t host, uint32_t *ret);

/* Both kinds. */
struct pm_idmaps {
	struct pm_idmap uids, gids;
};
void pm_idmaps_free(struct pm_idmaps *m);
#define _cleanup_idmaps_ _cleanup_(pm_idmaps_free)
int pm_idmaps_decode(const struct pm_strv *uids, const struct pm_strv *gids, struct pm_idmaps *ret, struct pm_err *err);
/* An owner in the parent's ids as the container has it, and back; maps: a struct pm_idmaps. Ids that are not mapped are
 * PM_E_UNSUPPORTED. */
int pm_idmaps_owner_to_container(void *maps, uid_t *uid, gid_t *gid, struct pm_err *err);
int pm_idmaps_owner_to_host(void *maps, uid_t *uid, gid_t *gid, struct pm_err *err);

/* Cut ranges where the host side passes from one range of parent's container side into another: the kernel
 * takes no line that does. Host ids that parent has not are left out. */
void pm_idmap_split(struct pm_idmap *m, const struct pm_idmap *parent);

/* As it is kept: "CONTAINER:HOST:LENGTH" each. decode: PM_E_FORMAT. */
void pm_idmap_encode(const struct pm_idmap *m, struct pm_strv *out);
int pm_idmap_decode(const struct pm_strv *l, struct pm_idmap *ret, struct pm_err *err);
/* As /proc/PID/uid_map takes it. */
void pm_idmap_lines(const struct pm_idmap *m, struct pm_buf *out);

/* What --uidmap or --gidmap options come to: "[FLAGS]CONTAINER:[@]FROM[:AMOUNT]" each. FROM is an id of the
 * parent namespace; with @ of the host, which base (parent = container side, host = host side; NULL: the
 * parent is the host) translates. With "+" among the flags these are not all: the container
 * ids that are left get the parent's ids that are left, both in their order. Flags u and g are the caller's: pm_idmap_option_is. */
int pm_idmap_from_options(const struct pm_strv *options, const struct pm_idmap *base,
			  struct pm_idmap *ret, struct pm_err *err);
/* Does the option hold for kind 'u' or 'g'? Without either flag: for the kind it is given as. */
bool pm_idmap_option_is(const char *option, char kind, bool given_as);

/* The value of a mount's option idmap: "uids=FILE-ID-LENGTH#...;gids=...", FILE being ids on disk, ID the host's or, with "@"
 * before FILE, ids of the container's namespace, whose maps own_uids and own_gids are (empty: it has none). What is not said,
 * or all of it when value is NULL, is the container's. PM_E_USAGE. */
int pm_idmap_from_mount(const char *value, const struct pm_idmap *own_uids, const struct pm_idmap *own_gids,
			struct pm_idmap *uids, struct pm_idmap *gids, struct pm_err *err);

/* keep-id: the parent's id 0 becomes id, the other total - 1 ids of the parent lie around it in order; at
 * most size container ids (0: all). */
void pm_idmap_keep(uint32_t id, uint32_t total, uint32_t size, struct pm_idmap *ret);

/* auto: size container ids from 0 on, but for those that fixed maps already, onto ids of free that neither
 * used nor fixed has on its host side. free's host side is looked at only. PM_E_UNSUPPORTED when there are
 * too few. ret gets fixed, too. */
int pm_idmap_auto(uint32_t size, const struct pm_idmap *fixed, const struct pm_idmap *free_,
		  const struct pm_idmap *used, struct pm_idmap *ret, struct pm_err *err);

#endif
