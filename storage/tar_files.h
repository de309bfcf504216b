/*
 * tar_files - files of a disk as entries of a tar archive, one after another: attributes, content, holes, hard
 * links. What storage/tree_tar.h and storage/layer_tar.h, which find the files, have in common.
 *
 * xattrs: user.* but those that overlay file systems keep for themselves, security.capability, and POSIX ACLs; in order
 * of names. Holes of larger files become GNU sparse 1.0. A further name of a file that was written is a hard link to
 * the first. A file that shrinks while it is read is filled up with zeros, one that grows is cut. No user
 * names. Libc-only.
 */
#ifndef PM_STORAGE_TAR_FILES_H
#define PM_STORAGE_TAR_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/tar_write.h"

/* len bytes from offset of the file at path are what goes to the writer next. */
typedef void pm_tar_content_fn(void *arg, const char *path, ino_t ino, uint64_t offset, uint64_t len);

/* What stands for the content of fd in a checksum: 64 hex digits. */
typedef int pm_tar_digest_fn(void *arg, int fd, const struct stat *st, char ret[65], struct pm_err *err);

struct pm_tar_files {
	struct pm_tar_writer *w; /* borrowed */
	bool whole_seconds;      /* times without a fraction */
	const int64_t *mtime;    /* of all entries, seconds since the epoch; NULL: their own */
	pm_tar_content_fn *content; /* told of files' content; NULL: nobody */
	void *content_arg;
	pm_tar_digest_fn *digest;   /* no archive but a checksum is made: this instead of content; NULL: content */
	void *digest_arg;
	void *links;             /* the rest is its own */
	uint8_t *copy;
	char *xattr_names;
	struct pm_tar_xattr *xattrs;
	size_t n_xattrs;
	struct pm_tar_region *regions;
	size_t n_regions, cap_regions;
};

void pm_tar_files_init(struct pm_tar_files *t, struct pm_tar_writer *w);
void pm_tar_files_free(struct pm_tar_files *t);

/* Is it an xattr that archives hold and may set? The names that overlay file systems keep for themselves would let
 * one hide files or point a directory elsewhere. */
bool pm_tar_xattr_wanted(const char *name);

/* Each writes one entry called path; st is of what is written. */
int pm_tar_files_regular(struct pm_tar_files *t, int fd, const struct stat *st, const char *path,
			 struct pm_err *err);
int pm_tar_files_dir(struct pm_tar_files *t, int fd, const struct stat *st, const char *path,
		     struct pm_err *err);
int pm_tar_files_symlink(struct pm_tar_files *t, const struct stat *st, const char *path,
			 const char *target, struct pm_err *err);
/* FIFOs and devices. */
int pm_tar_files_node(struct pm_tar_files *t, const struct stat *st, const char *path,
		      struct pm_err *err);
/* 1: the file was written under another name, and a link to that now. 0: write it. */
int pm_tar_files_link(struct pm_tar_files *t, const struct stat *st, const char *path,
		      struct pm_err *err);

#endif
