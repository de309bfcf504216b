/*
 * deflate - compression of a stream by blocks, on several threads: gzip (libisal up to level 5, zlib
 * above) as one member whose blocks know the 32 KiB before them, zstd as one frame a block. The output depends
 * on the input, the kind, the level and the libraries' versions only, not on the number of threads.
 *
 *	pm_deflate_new (starts the threads), pm_deflate_add..., pm_deflate_finish, pm_deflate_free
 *
 * Memory: about 3 blocks (gzip 512 KiB, zstd 1 MiB) a thread and the libraries' state: under 48 MiB at any level. All calls from one
 * thread, which is also the one that the sink runs on. After pm_deflate_new no thread is started any more, so
 * a seccomp filter may then forbid it.
 */
#ifndef PM_STORAGE_DEFLATE_H
#define PM_STORAGE_DEFLATE_H

#include <stddef.h>

#include "base/err.h"
#include "storage/inflate.h"

enum {
	PM_GZIP_LEVEL = 4, /* the default; 1 to 9 */
	PM_ZSTD_LEVEL = 3, /* the default; 1 to 20 */
	PM_ZSTD_LEVEL_MAX = 20,
};

/* Takes all of data or fails. */
typedef int pm_deflate_sink_fn(void *arg, const void *data, size_t len, struct pm_err *err);

struct pm_deflate;

/* 0 for level: the default. PM_E_USAGE: a level that the kind does not have. */
int pm_deflate_level(enum pm_compression kind, int level, int *ret, struct pm_err *err);

/* kind: GZIP or ZSTD. threads: 0: as many as processors, at most 8 (zstd: 4, from level 8 on 2). */
int pm_deflate_new(enum pm_compression kind, int level, unsigned int threads,
		   pm_deflate_sink_fn *sink, void *arg, struct pm_deflate **ret,
		   struct pm_err *err);
int pm_deflate_add(struct pm_deflate *z, const void *data, size_t len, struct pm_err *err);
int pm_deflate_finish(struct pm_deflate *z, struct pm_err *err);
void pm_deflate_free(struct pm_deflate *z); /* NULL is fine; ends the threads */

#endif
