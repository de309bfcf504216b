/*
 * copy - the request "copy" of engine/transfer/protocol.h: an image, or a list with all its images, from a source to a
 * destination, without the store.
 */
#ifndef PM_ENGINE_TRANSFER_COPY_H
#define PM_ENGINE_TRANSFER_COPY_H

#include "base/err.h"
#include "engine/transfer/session.h"

int pm_copy_serve(struct pm_session *s, struct pm_err *err);

#endif
