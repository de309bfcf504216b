/*
 * push - images out of the store to a destination (registry/destination.h): for each layer, by up to
 * four threads at once, a blob that the destination has is found, or is mounted from another repository of
 * it, or is made by a packer (engine/transfer/pack.h) and stored as it comes; then config and manifest.
 *
 * Nothing is kept but the pipes' and the upload's buffers. The first failure, or pm's end, stops all.
 */
#ifndef PM_ENGINE_TRANSFER_PUSH_H
#define PM_ENGINE_TRANSFER_PUSH_H

#include "base/err.h"
#include "engine/transfer/session.h"
#include "registry/destination.h"

/* Serve a "push" request (engine/transfer/protocol.h). options holds what is common to requests for registries;
 * output and stage are set here. */
int pm_push_serve(struct pm_session *s, struct pm_destination_options *options, struct pm_err *err);

#endif
