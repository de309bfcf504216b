/*
 * digest_cache - checksums of files of build contexts, so that an unchanged file is not read again for each build.
 *
 * On disk: "context-digests.1" of the graph root, a table of fixed size (8 MB, holes where nothing is): sets of four records, a set
 * being found by device and inode. A record holds size, mtime and ctime (ns) of the file too, and a sum of its own: one that is
 * torn, or that another program wrote, is none. No lock: who loses a race loses a record.
 *
 * A record is trusted when all of that is as it was: whoever changes a file cannot keep its ctime. What was changed
 * within two seconds before it was read is not recorded, since it may be changed again within the same tick of the
 * clock; nor what changed meanwhile, nor files of file systems whose clock or inode numbers are another machine's. Like git's index it
 * does not see a write through a memory mapping that is older than the record before the kernel does.
 *
 * Runs in pm; a descriptor is all there is, so that processes of the user namespace share it.
 */
#ifndef PM_ENGINE_BUILD_DIGEST_CACHE_H
#define PM_ENGINE_BUILD_DIGEST_CACHE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/* A descriptor, or -1: there is none, and files are read. root_fd: the graph root. */
int pm_digest_cache_open(int root_fd);

/* The SHA-256 of what fd has, in hex. st: as it was before. cache: -1: it is read. */
int pm_digest_cache_file(int cache, int fd, const struct stat *st, char ret[65], struct pm_err *err);

#endif
