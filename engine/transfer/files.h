/*
 * files - the files of an image archive or layout, by name: members of a tar file, or files below a
 * directory. Nothing is unpacked: a tar file is indexed once (headers only, mapped) and its members are
 * given as (descriptor, offset, size).
 *
 * Names are hostile: in a directory they are opened as if it were "/" (openat2), in a tar they are only
 * keys of the index. Links within a tar are followed by name, at most 16 deep.
 */
#ifndef PM_ENGINE_TRANSFER_FILES_H
#define PM_ENGINE_TRANSFER_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct pm_files;

/* fd (borrowed, to stay open): a directory, or a file: tar, also compressed with gzip, zstd, bzip2 or xz. What
 * is compressed or cannot be mapped (a pipe) is first spooled into a nameless file in the directory stage.
 * PM_E_FORMAT when it is no archive or has more than 100,000 members. */
int pm_files_open(int fd, int stage, struct pm_files **ret, struct pm_err *err);
void pm_files_free(struct pm_files *f); /* NULL is fine */

/* Is it there, as a regular file? */
bool pm_files_has(struct pm_files *f, const char *path);
/* *ret_fd belongs to f and stays open until it is freed. PM_E_NOSUCH. */
int pm_files_find(struct pm_files *f, const char *path, int *ret_fd, int64_t *ret_offset,
		  int64_t *ret_size, struct pm_err *err);
/* The whole file; EFBIG beyond max. */
int pm_files_read(struct pm_files *f, const char *path, size_t max, struct pm_buf *out,
		  struct pm_err *err);

#endif
