/*
 * spool - a blob in a nameless temporary file ($TMPDIR, or /var/tmp), for who must know its digest before it goes on.
 */
#ifndef PM_REGISTRY_SPOOL_H
#define PM_REGISTRY_SPOOL_H

#include "base/err.h"
#include "registry/digest.h"
#include "registry/stream.h"

struct pm_spool {
	struct pm_stream_file file;
	char digest[PM_DIGEST_SIZE]; /* sha256 */
};

#define PM_SPOOL_INIT {.file = {.fd = -1}}

/* All that in gives. s is to be freed after a failure too. */
int pm_spool_fill(struct pm_spool *s, const struct pm_stream *in, struct pm_err *err);
void pm_spool_free(struct pm_spool *s);

#endif
