/*
 * fs - files and directories by (directory descriptor, relative path).
 *
 * Paths that come from outside are opened by pm_fs_open_in: they cannot leave their root whatever
 * symlinks they hold (openat2(2) RESOLVE_IN_ROOT, or a walk with O_PATH|O_NOFOLLOW where openat2
 * gives ENOSYS; PM_TEST_NO_OPENAT2=1 forces that walk in tests). All descriptors are O_CLOEXEC.
 * Everything here is libc-only and may run in pm-monitor. Returned descriptors are the caller's.
 */
#ifndef PM_BASE_FS_H
#define PM_BASE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* openat() with O_CLOEXEC, EINTR retried; returns the descriptor. For trusted paths. */
int pm_fs_open(int dirfd, const char *path, int flags, mode_t mode, struct pm_err *err);

/* Open path as if rootfd were "/": symlinks, also absolute ones, stay inside; magic links are
 * refused. Opening a FIFO or device never blocks (O_NONBLOCK is added unless O_PATH or O_CREAT). */
int pm_fs_open_in(int rootfd, const char *path, int flags, mode_t mode, struct pm_err *err);

/* The regular file path inside rootfd, read whole, at most max bytes (EFBIG beyond). A FIFO, device
 * or directory is refused with PM_E_FORMAT without being opened for data. */
int pm_fs_read_in(int rootfd, const char *path, size_t max, struct pm_buf *out,
		  struct pm_err *err);

/* Make the directory path, and those above it, inside rootfd, following symlinks within it; returns
 * an O_PATH descriptor of the last. Existing directories keep their mode and owner; new ones get
 * mode (exactly, whatever the umask). */
int pm_fs_mkdir_in(int rootfd, const char *path, mode_t mode, struct pm_err *err);

/* mkdir -p for a trusted path. New directories get mode exactly. */
int pm_fs_mkdirs(int dirfd, const char *path, mode_t mode, struct pm_err *err);

/* Whole-file helpers for trusted paths. read: at most max bytes, EFBIG beyond. */
int pm_fs_read_file(int dirfd, const char *path, size_t max, struct pm_buf *out,
		    struct pm_err *err);
/* Read fd from its current offset to the end. */
int pm_fs_read_fd(int fd, size_t max, struct pm_buf *out, struct pm_err *err);
/* Written to a temporary name in the same directory, then renamed into place; sync: fsync the file
 * and the directory. The old content or the new is seen, never a part. */
int pm_fs_write_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     bool sync, struct pm_err *err);
/* The old content or the new is seen, never a part; after a crash of the machine it may be neither: for what is made anew
 * before it is needed. Two files take turns, path and .NAME.next beside it, which a kill may leave half written and
 * the next one writes over: that spares the file system the freeing of blocks, and ext4 the wait that a
 * rename over a file is (2 ms). One writer at a time: the caller holds the object's lock. */
int pm_fs_rewrite_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		       struct pm_err *err);
/* All of data to fd, EINTR and short writes handled. */
int pm_fs_write_all(int fd, const void *data, size_t len, struct pm_err *err);

/* text in a fresh nameless file in memory, to be read from its start. */
int pm_fs_memfd(const char *name, const struct pm_buf *text, struct pm_err *err);

/* rm -rf of dirfd/path without following symlinks or leaving its file system (a mount point below
 * is EBUSY). Directories without permission bits are made writable on the way. A missing path is
 * success. */
int pm_fs_remove_tree(int dirfd, const char *path, struct pm_err *err);

/* Bytes of the regular files below the directory path, hard links once, symlinks not followed. At most
 * max_entries are looked at: returns 1 when that was all, 0 when there are more. What cannot be read or is
 * too deep is left out. */
int pm_fs_tree_size(int dirfd, const char *path, uint64_t max_entries, uint64_t *ret,
		    struct pm_err *err);

/* Names in a directory, without "." and "..", unsorted. */
int pm_fs_list(int dirfd, const char *path, struct pm_strv *out, struct pm_err *err);

/* chmod of dirfd/name, which is no symlink: one put in its place meanwhile is not followed. Returns 0, or
 * -1 with errno (ELOOP for a symlink). */
int pm_fs_chmod(int dirfd, const char *name, mode_t mode);

/* readlink into a fresh string. */
int pm_fs_readlink(int dirfd, const char *path, char **ret, struct pm_err *err);

/* Textual: path cleaned as Go's path.Clean does ("a//b/../c" is "a/c"). The caller frees. */
char *pm_path_clean(const char *path);
/* a + "/" + b, cleaned. */
char *pm_path_join(const char *a, const char *b);
/* Cleaned, below the working directory when it does not begin with "/". The caller frees. */
char *pm_path_absolute(const char *path);

#endif
