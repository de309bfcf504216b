/*
 * tree_tar - a directory tree, or one file, written as a tar archive.
 *
 * The tree may belong to a running container that rearranges it meanwhile: below the directory given
 * nothing is reached but by descriptors, symlinks are archived and never followed, devices and FIFOs
 * are not opened. Attributes, content and links: storage/tar_files.h. Sockets are left out, of procfs, sysfs and cgroup file systems met on the way only the
 * directory is taken. Owners are ids of the user namespace it runs in.
 * Libc-only.
 */
#ifndef PM_STORAGE_TREE_TAR_H
#define PM_STORAGE_TREE_TAR_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/tar_write.h"
#include "storage/tar_files.h"

enum {
	PM_TREE_TAR_SKIP_UNREADABLE = 1, /* leave out what must not be read: devices' owners in a running
					    container are not mapped */
};

/* Add base in dirfd (not followed when it is a symlink), called name in the archive, with all that is
 * below it. base ".": dirfd itself, called name, or only what is in it when name is "". */
int pm_tree_tar_add(struct pm_tar_writer *w, int dirfd, const char *base, const char *name,
		    struct pm_err *err);

/* The same for what the O_PATH descriptor at is. A directory with name "": only what is in it. */
int pm_tree_tar_add_at(struct pm_tar_writer *w, int at, const char *name, unsigned int flags,
		       struct pm_err *err);

/* What becomes of one file of the tree. */
enum pm_tree_tar_do {
	PM_TREE_TAR_TAKE,
	PM_TREE_TAR_LEAVE, /* it and all that is below it */
	PM_TREE_TAR_LATER, /* a directory: only when something below it is taken, and before that */
	PM_TREE_TAR_BELOW, /* a directory: what is below it, not itself */
};

/* Asked of each file before it is written. path is its name in the archive; owner, mode and times in *st, which is of the file
 * itself, may be changed. */
typedef enum pm_tree_tar_do pm_tree_tar_ask_fn(void *arg, const char *path, struct stat *st);

/* As pm_tree_tar_add_at, by t, which several trees may share (hard links between them stay), with ask where it is not
 * NULL. */
int pm_tree_tar_walk(struct pm_tar_files *t, int at, const char *name, unsigned int flags,
		     pm_tree_tar_ask_fn *ask, void *arg, struct pm_err *err);

/* A whole archive of one pm_tree_tar_add on descriptor fd. */
int pm_tree_tar_write(int fd, int dirfd, const char *base, const char *name, struct pm_err *err);
int pm_tree_tar_write_at(int fd, int at, const char *name, unsigned int flags, struct pm_err *err);

#endif
