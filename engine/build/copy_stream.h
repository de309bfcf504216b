/*
 * copy_stream - where the entries of a COPY go: an archive that an extractor unpacks in a container's root meanwhile, or a
 * checksum. Between entries an archive of the user's may be unpacked.
 */
#ifndef PM_ENGINE_BUILD_COPY_STREAM_H
#define PM_ENGINE_BUILD_COPY_STREAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/hash.h"
#include "engine/unpack.h"
#include "storage/tar_files.h"

struct pm_copy_stream {
	int root;   /* -1: a checksum */
	int digests; /* of a checksum: engine/build/digest_cache.h; -1: none */
	bool single_id, devices;
	const struct pm_idmaps *maps; /* of the root's owners; NULL: they are the entries' */
	/* its own */
	struct pm_sha256 hash;
	struct pm_tar_writer *w;
	struct pm_unpacker unpacker;
	int pipe;
};

#define PM_COPY_STREAM_INIT {.root = -1, .digests = -1, .unpacker = PM_UNPACKER_INIT, .pipe = -1}

/* A writer for entries; files is initialized with it when it is a new one. */
int pm_copy_stream_begin(struct pm_copy_stream *s, struct pm_tar_files *files, struct pm_err *err);
/* Entries until now are at their places. failed: the reason why there are no more, or NULL; the result is the first
 * cause. */
int pm_copy_stream_end(struct pm_copy_stream *s, struct pm_tar_files *files, const struct pm_err *failed,
		       struct pm_err *err);
/* The archive fd into the directory below, which is there. chown: its files get uid:gid. */
int pm_copy_stream_unpack(struct pm_copy_stream *s, int fd, const char *below, bool chown, uid_t uid, gid_t gid,
			  struct pm_err *err);

/* Is the file an archive? scratch: an empty directory to try it in. */
int pm_copy_is_archive(int fd, int scratch, struct pm_err *err);

#endif
