/*
 * cstorage - images out of a store that Podman, Buildah or CRI-O wrote (containers/storage), for users who bring
 * what they have.
 *
 *	ROOT/DRIVER-images/images.json		ids, names, top layers
 *	ROOT/DRIVER-images/ID/NAME		manifest and config; NAME is "=" + base64 when it is not plain
 *	ROOT/DRIVER-layers/layers.json		parents and diff digests
 *	ROOT/DRIVER-layers/ID.tar-split.gz	engine/transfer/tarsplit.h
 *	ROOT/overlay/ID/diff, ROOT/vfs/dir/ID	files, owned by ids of the user namespace
 *
 * Nothing there is changed or locked: its JSON files are replaced as wholes. A layer's tar is put together by a
 * process in the user namespace and proved by its diff id. Names in these files are hostile all the same.
 */
#ifndef PM_ENGINE_TRANSFER_CSTORAGE_H
#define PM_ENGINE_TRANSFER_CSTORAGE_H

#include "base/err.h"
#include "engine/transfer/session.h"

/* driver: "overlay" or "vfs", "" for the one that is there. which: a name, an id (or its beginning), or "" for all
 * images with all their names. PM_E_NOSUCH: no such image, or no such store. */
int pm_cstorage_send(struct pm_session *s, const char *root, const char *driver, const char *which,
		     struct pm_err *err);

#endif
