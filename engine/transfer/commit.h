/*
 * commit - a container's changes as a layer of the store: a packer (engine/transfer/pack.h) writes them as a
 * tar stream, an extractor (engine/transfer/extract.h) reads it, as it would a registry's blob. So the layer has
 * its diff id, its recipe and its files by the one way that layers come into the store.
 */
#ifndef PM_ENGINE_TRANSFER_COMMIT_H
#define PM_ENGINE_TRANSFER_COMMIT_H

#include "base/err.h"
#include "engine/transfer/session.h"

/* Serve a "commit" request (engine/transfer/protocol.h). */
int pm_commit_serve(struct pm_session *s, struct pm_err *err);

#endif
