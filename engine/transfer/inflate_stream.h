/*
 * inflate_stream - the uncompressed content of a stream, as a stream (storage/inflate.h does the work). It stops at a
 * ratio that no layer has, so that a bomb does not fill what it is written to.
 */
#ifndef PM_ENGINE_TRANSFER_INFLATE_STREAM_H
#define PM_ENGINE_TRANSFER_INFLATE_STREAM_H

#include "registry/stream.h"

struct pm_inflate_stream;

/* in is copied; what is behind it must outlive the stream. */
struct pm_inflate_stream *pm_inflate_stream_new(const struct pm_stream *in);
struct pm_stream pm_inflate_stream(struct pm_inflate_stream *s);
void pm_inflate_stream_free(struct pm_inflate_stream *s); /* NULL is fine */

#endif
