/*
 * layer_tar - a canonical tar stream of a tree: the same files give the same bytes.
 *
 * Entries in order of names (bytes), a directory before what is in it; POSIX ustar with pax headers where
 * needed (base/tar_write.h); times in whole seconds, no user names; hard links to the first name; holes
 * of files as GNU sparse 1.0. raw (one layer, for push and commit): whiteouts become .wh.NAME, opaque directories
 * hold .wh..wh..opq, as OCI's image specification wants layers. Otherwise (export): the merged tree. The
 * root's own entry is there only when its mode or owner is not 0755 and 0:0. Sockets are left out.
 *
 * Runs inside the user namespace, so that owners read as the container's. A file that changes
 * meanwhile is padded with zeros or cut to the size it had at first.
 */
#ifndef PM_STORAGE_LAYER_TAR_H
#define PM_STORAGE_LAYER_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tar_write.h"
#include "storage/tar_files.h"
#include "storage/vfs.h"

struct pm_layer_tar {
	const int *layers; /* directories, top first (borrowed) */
	size_t n_layers;
	bool raw;          /* layers[0] only, with its whiteouts */
	/* Changes only, without an overlay's help: what layers[0] has other than base, with whiteouts for what
	 * it lacks (the vfs driver's containers). NULL: none. */
	const int *base;
	size_t n_base;
	const struct pm_vfs_owners *owners; /* whose the files of layers[0] are, in the tar; NULL: whose they are here */
	bool set_mtime; /* all entries get mtime, seconds since the epoch, instead of their own */
	int64_t mtime;
	/* Told where content comes from (storage/layer_recipe.h); then a socket is PM_E_UNSUPPORTED. NULL: nobody. */
	pm_tar_content_fn *content;
	void *content_arg;
};

int pm_layer_tar(const struct pm_layer_tar *t, pm_tar_sink_fn *sink, void *arg, struct pm_err *err);

#endif
