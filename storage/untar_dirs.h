/*
 * untar_dirs - the directories of a layer being extracted: names made safe, parents found and kept
 * open, modes and times set when everything is in place. Used by storage/untar.c only; runs where
 * it does. Nothing here can reach outside of rootfd.
 */
#ifndef PM_STORAGE_UNTAR_DIRS_H
#define PM_STORAGE_UNTAR_DIRS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/vfs.h"

enum {
	PM_DIRS_KEPT = 8,                /* open directories */
	PM_DIRS_DEFERRED_MAX = 64 << 20, /* bytes of names and records */
	PM_SHOWN_MAX = 400,
};

/* A name from an archive, made relative to the layer: no empty, "." or ".." parts. */
struct pm_layer_path {
	char whole[PATH_MAX]; /* "usr/bin/sh"; "" for the layer's directory itself */
	char parent[PATH_MAX];
	const char *base; /* in whole; "" for the layer's directory */
};

/* PM_E_FORMAT when it climbs above the layer's directory, ENAMETOOLONG when it or a part is too
 * long for Linux. */
int pm_layer_path_set(struct pm_layer_path *p, const char *name, struct pm_err *err);

/* name cut and with everything unprintable escaped, for an error's text; returns buf. */
const char *pm_layer_shown(const char *name, char buf[PM_SHOWN_MAX]);

struct pm_kept_dir {
	char *path; /* owned */
	int fd;
};

struct pm_deferred_dir {
	size_t path; /* offset in names */
	ino_t ino;
	struct timespec mtime;
	mode_t mode;
	bool set_mode;
};

struct pm_layer_dirs {
	int rootfd; /* borrowed */
	struct pm_kept_dir kept[PM_DIRS_KEPT];
	size_t n_kept, next;
	struct pm_buf names;
	struct pm_deferred_dir *deferred; /* owned */
	size_t n_deferred, cap_deferred;
	bool again; /* some directory may be deferred twice */
	const struct pm_vfs_owners *owners; /* what 0:0 is changed to for a directory that is made; NULL: it stays */
};

void pm_layer_dirs_init(struct pm_layer_dirs *d, int rootfd);
void pm_layer_dirs_free(struct pm_layer_dirs *d);

/* A descriptor of the directory path (as in struct pm_layer_path), made with those above it where
 * missing (0755); symlinks are followed inside the layer; a whiteout in the way becomes an opaque
 * directory. Good for *at() calls, borrowed until the next call. */
int pm_layer_dirs_open(struct pm_layer_dirs *d, const char *path, struct pm_err *err);

/* fd, taken over, is the directory path: probably the next one asked for. */
void pm_layer_dirs_keep(struct pm_layer_dirs *d, const char *path, int fd);

/* Something that a path may lead through was removed. */
void pm_layer_dirs_forget(struct pm_layer_dirs *d);

/* user.overlay.opaque=y on the directory base in dirfd ("." for dirfd itself). */
int pm_layer_make_opaque(int dirfd, const char *base);

/* Set these at the end. */
int pm_layer_dirs_defer(struct pm_layer_dirs *d, const char *path,
			const struct pm_deferred_dir *what, struct pm_err *err);
int pm_layer_dirs_finish(struct pm_layer_dirs *d, struct pm_err *err);

#endif
