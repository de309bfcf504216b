/*
 * pm_store - an image out of another store of pm, which pm has looked up there: its documents are in the session's
 * input, its layers' directories in the request (engine/transfer/protocol.h). Layers are made again by packers
 * (engine/transfer/pack.h) and go through extractors like any other.
 */
#ifndef PM_ENGINE_TRANSFER_PM_STORE_H
#define PM_ENGINE_TRANSFER_PM_STORE_H

#include "base/err.h"
#include "engine/transfer/session.h"

int pm_pm_store_send(struct pm_session *s, struct pm_err *err);

#endif
