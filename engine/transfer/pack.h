/*
 * pack - a layer of the store, or a container's changes, as one blob, by a process of its own: the very tar
 * stream that the layer came from (its recipe, storage/recipe.h) or a canonical one (storage/layer_tar.h), compressed
 * on several threads on the way (storage/deflate.h).
 *
 * The process is forked from pm-transfer, enters the user namespace as its root, chroots into the layer's
 * directory, keeps no other descriptor than those it needs, no capability but that to read, and installs a
 * seccomp filter as the extractor does. The blob comes out of a pipe; then one wire message is on the
 * report: "stream_size", "blob_size"; or "code" and "error". The stream's digest, which a thread of its own makes, is
 * compared with the diff id before the end of the blob is written, so that a blob which ended well is the layer.
 * The blob's own digest is made by whoever stores it.
 *
 *	spec = PM_PACK_SPEC_INIT, ...; pm_pack_spawn(NULL, &spec, &p, err);
 *	read p.output to its end; pm_pack_finish(&p, &result, err);
 * To give up: pm_pack_cancel. SIGPIPE must be ignored.
 *
 * A process with several threads must not fork one that works on: it starts a pm_pack_server while it has one
 * thread only. That forks the packers, for all threads; they end with it, and it with the thread that
 * started it.
 */
#ifndef PM_ENGINE_TRANSFER_PACK_H
#define PM_ENGINE_TRANSFER_PACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "netns/idmap.h"
#include "storage/inflate.h"

struct pm_pack_spec {
	int diff;   /* the layer's directory; all descriptors are borrowed */
	int recipe; /* -1: none, the stream is a canonical tar of diff, whiteouts and all */
	int spool;  /* an empty file for a recipe's replaced content, or -1 */
	int userns; /* the user namespace to enter, -1 for none */
	enum pm_compression compression; /* NONE, GZIP, ZSTD */
	int level;                       /* 0: the default */
	const char *diff_id; /* "sha256:<hex>" expected of the stream (other algorithms: not checked), NULL */
	/* Without recipe: what diff is compared with, directories top first (the vfs driver's containers). They
	 * are outside of diff, so there is no chroot then. */
	const int *base;
	size_t n_base;
	/* The merged tree of diff on top of base instead of diff's changes. */
	bool merged;
	const struct pm_idmaps *owners; /* without recipe: diff's are shifted by these; NULL: they are as they are */
	int64_t mtime; /* without recipe: what all entries get, seconds since the epoch; -1: the files' own */
};

#define PM_PACK_SPEC_INIT                                                                          \
	{                                                                                          \
		.diff = -1, .recipe = -1, .spool = -1, .userns = -1, .mtime = -1                              \
	}

struct pm_pack {
	pid_t pid;  /* a child; waited for by finish and cancel only; 0: the server's */
	int output; /* to read the blob from (a 1 MiB pipe where allowed) */
	int report;
};

#define PM_PACK_INIT                                                                               \
	{                                                                                          \
		.pid = -1, .output = -1, .report = -1                                              \
	}

struct pm_pack_result {
	int64_t stream_size, blob_size;
};

struct pm_pack_server;

int pm_pack_server_start(struct pm_pack_server **ret, struct pm_err *err);
void pm_pack_server_stop(struct pm_pack_server *server); /* NULL is fine */

/* server NULL: fork it here; the thread must outlive the packer (its death kills it). With a server: by any
 * thread; not with a base. */
int pm_pack_spawn(struct pm_pack_server *server, const struct pm_pack_spec *spec,
		  struct pm_pack *ret, struct pm_err *err);
/* Wait for the report and the process. PM_E_DIGEST: the stream is not what diff_id says; PM_E_FORMAT: the recipe
 * does not fit. A failure is also to be expected when the output was not read to its end. */
int pm_pack_finish(struct pm_pack *p, struct pm_pack_result *ret, struct pm_err *err);
void pm_pack_cancel(struct pm_pack *p);

#endif
