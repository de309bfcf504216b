/*
 * fetch_url - the request "fetch-url" of engine/transfer/protocol.h: a file of a web server, written to the descriptor
 * "output".
 */
#ifndef PM_ENGINE_TRANSFER_FETCH_URL_H
#define PM_ENGINE_TRANSFER_FETCH_URL_H

#include "base/err.h"
#include "engine/transfer/session.h"

int pm_fetch_url(struct pm_session *s, struct pm_err *err);

#endif
