/*
 * volume place - a directory outside of the graph root that volumes lie in (--volumepath, volume_path of
 * containers.conf): PLACE/NAME/_data as below the graph root. It may be on another file system, may be away
 * at times (not mounted), and may be shared with other stores of pm and with Podman, whose volumes are left alone.
 *
 *	PLACE/.pm-ID/volumes/NAME	an empty file: PLACE/NAME is this store's; from before the directory is made
 *	PLACE/.pm-ID/trash/RANDOM	volumes that were removed; entries of the store's trash name them
 *
 * ID is random and kept with the path in the database (volume_places), so that the graph root may be moved. A volume's
 * row names its place: which one the next command is given has no say in where it is found. The caller
 * holds the volume's lock.
 */
#ifndef PM_STORAGE_VOLUME_PLACE_H
#define PM_STORAGE_VOLUME_PLACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/stage.h"
#include "storage/store.h"

/* Make the directory path a place of the store's, durably, unless it is one. *ret, the caller's: the clean path; NULL
 * where path is where volumes lie anyway. PM_E_USAGE: not absolute. ENOENT: volumes lie there already, but it is not there
 * now. No transaction may be open. */
int pm_volume_place_use(struct pm_store *s, const char *path, char **ret, struct pm_err *err);

/* PLACE/NAME is ours, or is not there and becomes ours. PM_E_EXISTS: it is somebody else's. */
int pm_volume_place_claim(struct pm_store *s, const char *place, const char *name,
			  struct pm_err *err);
/* Not ours any more: to be called when the directory is gone. */
int pm_volume_place_release(struct pm_store *s, const char *place, const char *name,
			    struct pm_err *err);
/* Move PLACE/NAME, whose row is gone, out of the way; a sweep deletes it. st: a stage that the caller has since before
 * the row went. */
int pm_volume_place_trash(struct pm_store *s, struct pm_stage *st, const char *place, const char *name,
			  struct pm_err *err);
/* Is the place there? It is not where its file system is not mounted. */
bool pm_volume_place_there(struct pm_store *s, const char *place);

/* All places, and PLACE/.pm-ID of each. */
int pm_volume_places(struct pm_store *s, struct pm_strv *ret_paths, struct pm_strv *ret_own,
		     struct pm_err *err);
/* What a kill left in the trash of the places becomes entries of the store's trash. */
int pm_volume_places_sweep(struct pm_store *s, struct pm_err *err);
/* `system reset`: delete the volumes of a place (one of what pm_volume_places gave), and the place when it is empty
 * then. Inside the user namespace; needs no database. */
int pm_volume_place_destroy(const char *place, const char *own, struct pm_err *err);

#endif
