/*
 * tarsplit - a layer's tar stream, bit for bit, from what containers/storage (Podman, Buildah, CRI-O) keeps of
 * it: the unpacked files, and a tar-split file with all that is not their content.
 *
 * tar-split is a gzip stream of JSON objects, one a line: {"type":2,"payload":BASE64} are bytes of the
 * archive, {"type":1,"name":...,"size":N} is the place of N bytes of that file ("name_raw", base64, when the
 * name is not UTF-8). Nothing of it is trusted: lines are bounded, files are opened as if the layer's directory
 * were "/", and only regular ones. What the stream is worth only its digest tells.
 */
#ifndef PM_ENGINE_TRANSFER_TARSPLIT_H
#define PM_ENGINE_TRANSFER_TARSPLIT_H

#include <stddef.h>

#include "base/err.h"

/* Takes all of data or fails. */
typedef int pm_tarsplit_sink_fn(void *arg, const void *data, size_t len, struct pm_err *err);

/* packed: the tar-split file, read to its end; diff: the layer's directory. Both borrowed. PM_E_FORMAT when it is
 * malformed or does not fit the files. */
int pm_tarsplit_replay(int packed, int diff, pm_tarsplit_sink_fn *sink, void *arg,
		       struct pm_err *err);

#endif
