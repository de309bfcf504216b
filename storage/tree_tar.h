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

#include "base/err.h"
#include "base/tar_write.h"

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

/* A whole archive of one pm_tree_tar_add on descriptor fd. */
int pm_tree_tar_write(int fd, int dirfd, const char *base, const char *name, struct pm_err *err);
int pm_tree_tar_write_at(int fd, int at, const char *name, unsigned int flags, struct pm_err *err);

#endif
