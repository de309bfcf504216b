/*
 * userns - which user namespace a container is in.
 *
 * Most are in the one that monitors share (netns/userns.h; root: the host's). With --userns=auto, keep-id,
 * nomap, private, with --uidmap, --gidmap, --subuidname, --subgidname, or with another container's that has
 * one, a container gets a namespace below that: its maps are made concrete once, when the container is created,
 * and kept in its config (id_uids, id_gids), so that its files keep their owners. The monitor makes the
 * namespace at each start. Runs in pm.
 *
 * Files: layers are stored with the ids of the parent. For other ids they are mounted id-mapped where root's kernel and
 * file system can do that, which is tried once a boot and file system when a container is created (config's idmapped).
 * Else a copy of the image with changed owners is made and kept beside the topmost layer
 * (layers/<chain>/mapped-<hash of the maps>), with which it goes.
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

/* Are its ids others than its parent's? */
bool pm_ctr_userns_differs(const struct pm_ctr_config *k);

/* At creation, after that: decide whether the layers are mounted id-mapped (c->config.idmapped). */
int pm_ctr_userns_choose_idmap(struct pm_engine *e, struct pm_container *c, struct pm_err *err);

/* A user namespace with the container's maps, to mount its layers by: a descriptor. */
int pm_ctr_userns_open(const struct pm_ctr_config *k, struct pm_err *err);

/* At a start: lowers, the image's layers bottom first, become the copy with the container's owners where these
 * differ; they stay what they are when they are mounted id-mapped. It is made when it is missing, which takes as long as copying the image. */
int pm_ctr_userns_lowers(struct pm_engine *e, const struct pm_container *c, struct pm_strv *lowers,
			 struct pm_err *err);

/* The directory of that name in the container's own gets to be of its root, where that is not this user. */
int pm_ctr_userns_give(struct pm_engine *e, const struct pm_container *c, const char *name, struct pm_err *err);

/* In the container's directory: the n-th of config.mapped_dirs. */
#define PM_CTR_MAPPED_DIR "mapped-%lld"

#endif
