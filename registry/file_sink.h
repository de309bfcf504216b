/*
 * file_sink - the files that make up an image, written into a directory or as members of a tar archive.
 *
 * Directory: a file appears under its name when it is complete. Tar: blobs that several threads bring at once go
 * through nameless files in the stage directory, the first in line and of known size straight into the
 * archive; members are of mode 0644, time 0 and this process's owner (Skopeo's reader takes no other).
 *
 * pm_file_sink_blob and pm_file_sink_has may be called by several threads at once. Names are the caller's: safe,
 * relative, in an archive short enough.
 */
#ifndef PM_REGISTRY_FILE_SINK_H
#define PM_REGISTRY_FILE_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "registry/digest.h"
#include "registry/stream.h"

struct pm_file_sink;

/* dirfd is owned from now on. */
struct pm_file_sink *pm_file_sink_dir(int dirfd);
/* out (owned) is written from its offset on, in one go: it may be a pipe. stage: a directory (borrowed). */
struct pm_file_sink *pm_file_sink_tar(int out, int stage);
void pm_file_sink_free(struct pm_file_sink *s); /* NULL is fine */

/* Is there a file of that name? 1 and its size (ret_size may be NULL), 0. */
int pm_file_sink_has(struct pm_file_sink *s, const char *name, int64_t *ret_size,
		     struct pm_err *err);
/* The name of a file by its digest; the caller of it frees. */
typedef char *pm_file_sink_name_fn(const char *digest);
/* As pm_destination_put_blob. A blob of which there is one already is not written twice. */
int pm_file_sink_blob(struct pm_file_sink *s, const struct pm_stream *in,
		      pm_file_sink_name_fn *name, const char *digest, int64_t size,
		      char ret_digest[PM_DIGEST_SIZE], int64_t *ret_size, struct pm_err *err);
/* A small file; in a directory an older one of that name is replaced. */
int pm_file_sink_text(struct pm_file_sink *s, const char *name, const void *data, size_t len,
		      struct pm_err *err);
/* A directory's own member, before those in it; in a directory they come of themselves. */
int pm_file_sink_mkdir(struct pm_file_sink *s, const char *name, struct pm_err *err);
/* All is written: the end blocks of an archive. */
int pm_file_sink_finish(struct pm_file_sink *s, struct pm_err *err);

#endif
