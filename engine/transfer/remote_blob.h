/*
 * remote_blob - a blob of a registry as a stream: fetched as it is read, and taken up again where a transfer broke. One
 * thread's.
 */
#ifndef PM_ENGINE_TRANSFER_REMOTE_BLOB_H
#define PM_ENGINE_TRANSFER_REMOTE_BLOB_H

#include "base/err.h"
#include "registry/client.h"
#include "registry/manifest.h"
#include "registry/stream.h"

struct pm_remote_blob;

/* c is for the blob alone as long as it lives. Nothing is fetched yet. Reading fails with PM_E_DIGEST when there
 * is more or less than d's size; the digest is for the reader to check. */
struct pm_remote_blob *pm_remote_blob_new(struct pm_client *c, const struct pm_descriptor *d);
struct pm_stream pm_remote_blob_stream(struct pm_remote_blob *b);
void pm_remote_blob_free(struct pm_remote_blob *b); /* NULL is fine */

#endif
