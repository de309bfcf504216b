/*
 * userns - which user namespace a container is in.
 *
 * Most are in the one that monitors share (netns/userns.h; root: the host's). With --userns=auto, keep-id,
 * nomap, private, with --uidmap, --gidmap, --subuidname, --subgidname, or with another container's that has
 * one, a container gets a namespace below that: its maps are made concrete once, when the container is created,
 * and kept in its config (id_uids, id_gids), so that its files keep their owners. The monitor makes the
 * namespace at each start. Runs in pm.
 *
 * Files: layers are stored with the ids of the parent. For other ids a copy of the image with changed owners
 * is made and kept beside the topmost layer (layers/<chain>/mapped-<hash of the maps>), with which it goes.
 */
#ifndef PM_ENGINE_CONTAINER_USERNS_H
#define PM_ENGINE_CONTAINER_USERNS_H

#include "base/err.h"
#include "engine/container/container.h"

/* The form of --userns, for the command line: PM_E_USAGE. NULL is fine. */
int pm_ctr_userns_check(const char *mode, struct pm_err *err);

/* At creation, after the image's defaults: fills id_uids, id_gids, keep_uid and keep_gid of c->config, and
 * its user for keep-id. *ret_lock: a lock to be held until the row is there, or -1. */
int pm_ctr_userns_resolve(struct pm_engine *e, struct pm_container *c, int *ret_lock,
			  struct pm_err *err);

/* Has the container a user namespace of its own (or another container's, or one at a path)? */
bool pm_ctr_userns_own(const struct pm_ctr_config *k);

/* At a start: lowers, the image's layers bottom first, become the copy with the container's owners where these
 * differ. It is made when it is missing, which takes as long as copying the image. */
int pm_ctr_userns_lowers(struct pm_engine *e, const struct pm_container *c, struct pm_strv *lowers,
			 struct pm_err *err);

/* The directory of that name in the container's own gets to be of its root, where that is not this user. */
int pm_ctr_userns_give(struct pm_engine *e, const struct pm_container *c, const char *name, struct pm_err *err);

/* In the container's directory: the n-th of config.mapped_dirs. */
#define PM_CTR_MAPPED_DIR "mapped-%lld"

#endif
