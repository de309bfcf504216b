/*
 * deflate_stream - a stream compressed with gzip or zstd, as a stream (storage/deflate.h does the work).
 */
#ifndef PM_ENGINE_TRANSFER_DEFLATE_STREAM_H
#define PM_ENGINE_TRANSFER_DEFLATE_STREAM_H

#include "registry/stream.h"
#include "storage/inflate.h"

struct pm_deflate_stream;

/* in is copied; what is behind it must outlive the stream. level 0: the default. */
int pm_deflate_stream_new(const struct pm_stream *in, enum pm_compression kind, int level,
			  struct pm_deflate_stream **ret, struct pm_err *err);
struct pm_stream pm_deflate_stream(struct pm_deflate_stream *s);
void pm_deflate_stream_free(struct pm_deflate_stream *s); /* NULL is fine */

#endif
