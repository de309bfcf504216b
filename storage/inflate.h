/*
 * inflate - decompression of a stream by pull: gzip (libisal, several members), zstd (several
 * frames, skippable ones too), none; bzip2, xz and lzma (libarchive) for what a user imports, never
 * for what a registry sends. The kind is told from the first bytes, as registries' media types lie.
 *
 * A stream that ends early, a wrong checksum or bytes after the last member that are no further
 * member are PM_E_FORMAT. Memory: under 1 MiB, for zstd its window (at most 128 MiB, 8 MiB as
 * usual encoders make them). Runs in the extractor process (engine/transfer/extract.h).
 */
#ifndef PM_STORAGE_INFLATE_H
#define PM_STORAGE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum pm_compression {
	PM_COMPRESSION_NONE,
	PM_COMPRESSION_GZIP,
	PM_COMPRESSION_ZSTD,
	PM_COMPRESSION_FOREIGN, /* bzip2, xz, lzma */
};

/* What the first len bytes of a stream say; 6 bytes are enough. */
enum pm_compression pm_compression_detect(const void *data, size_t len);

/* The next compressed bytes: *ret_data stays valid until the next call. Returns their number, 0 at
 * the end, -code on failure. */
typedef ssize_t pm_inflate_source_fn(void *arg, const void **ret_data, struct pm_err *err);

struct pm_inflate;

struct pm_inflate_opts {
	bool foreign;           /* allow PM_COMPRESSION_FOREIGN; PM_E_FORMAT otherwise */
	unsigned int max_ratio; /* 0: no limit. More output than this times the input is ... */
	uint64_t ratio_floor;   /* ... refused beyond this many bytes of output (PM_E_FORMAT) */
};

/* Reads the first bytes from source to tell the kind. */
int pm_inflate_new(pm_inflate_source_fn *source, void *arg, const struct pm_inflate_opts *opts,
		   struct pm_inflate **ret, struct pm_err *err);
void pm_inflate_free(struct pm_inflate *z);
enum pm_compression pm_inflate_kind(const struct pm_inflate *z);

/* Fill buf: returns the bytes written, less than size only at the end of the stream, 0 after it.
 * By then source was read to its end. */
ssize_t pm_inflate_read(struct pm_inflate *z, void *buf, size_t size, struct pm_err *err);

#endif
