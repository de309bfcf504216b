/*
 * verify - what a layer's files are worth: its tar stream is made again from its recipe (storage/recipe.h) by a
 * process in the user namespace, confined as the extractor is, digested, and compared with the tree. For `system check`.
 */
#ifndef PM_ENGINE_TRANSFER_VERIFY_H
#define PM_ENGINE_TRANSFER_VERIFY_H

#include "base/err.h"
#include "engine/transfer/session.h"

/* The op "verify" (engine/transfer/protocol.h): sends one "layer". PM_E_FORMAT, PM_E_DIGEST: the files are not
 * what they were. */
int pm_verify_serve(struct pm_session *s, struct pm_err *err);

#endif
