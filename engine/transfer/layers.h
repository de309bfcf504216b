/*
 * layers - the layers of one image that pm wants, fetched in parallel (at most 6), each fed into an extractor
 * process of its own (engine/transfer/extract.h).
 *
 * A registry's blob goes from libcurl into the extractor's pipe without being kept: a full pipe pauses
 * the transfer. A broken transfer is taken up where it broke, with bounded retries; the extractor waits
 * meanwhile. A blob in a file is read by the extractor itself. The first failure ends all.
 */
#ifndef PM_ENGINE_TRANSFER_LAYERS_H
#define PM_ENGINE_TRANSFER_LAYERS_H

#include "base/err.h"
#include "engine/transfer/extract.h"
#include "engine/transfer/session.h"
#include "registry/client.h"

/* Fetch and extract i's layers that have a dir. client may be NULL when every layer has fd >= 0. where
 * names the source in errors. Reports progress and each finished layer to pm. */
int pm_layers_fetch(struct pm_session *s, struct pm_tx_image *i, struct pm_http *http,
		    struct pm_client *client, const char *where, bool foreign,
		    struct pm_err *err);

/* The session's one directory ("dir") from a descriptor, read to its end; ends when pm is gone. spec says what is
 * special about it, all that comes with the session is filled in. */
int pm_layers_import(struct pm_session *s, int input, struct pm_extract_spec *spec,
		     struct pm_extract_result *ret, struct pm_err *err);

#endif
